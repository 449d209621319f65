"""Verb `web`: the page. Its users and tokens: `cli.web_users`."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import ports, settings, web_hook, web_users
from cli.author import author_or_program
from cli.children import Server
from cli.errors import CommandError, needs
from cli.words import Verbs
from runner import extras

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from webui.asgi.serve import WebOptions

HERE = "127.0.0.1:8484"

Address = Annotated[str, typer.Option("--address", help="HOST:PORT to listen on")]
Config = Annotated[
    Path | None, typer.Option("--config", help="who may log in and how it is reached; default: DATA/web/web.yaml")
]
NodeView = Annotated[bool, typer.Option("--node-view", help="wait for the view of this machine's node")]
Notify = Annotated[
    Path | None, typer.Option("--notify", help="the file with the addresses of who is told that the last node was lost")
]
Handle = Annotated[int | None, typer.Option("--listening-on", hidden=True, help="a socket that the parent has given")]


def add_to(app: typer.Typer) -> None:
    pages = typer.Typer(cls=Verbs, invoke_without_command=True)
    pages.callback()(web)
    web_users.add_to(pages)
    web_hook.add_to(pages)
    app.add_typer(pages, name="web")
    app.command(hidden=True)(peer)


def web(
    context: typer.Context, address: Address = HERE, config: Config = None, node_view: NodeView = False,
    listening_on: Handle = None, notify: Notify = None,
) -> None:  # fmt: skip
    """The page on this machine: beside a node it shows the node's view, elsewhere a clone of its own.

    On loopback nobody has to log in until there is a user. Elsewhere it listens only once somebody can log in.
    Example: winslowctl web --address 127.0.0.1:8484
    """
    if context.invoked_subcommand:
        return
    from state.transport.push_address import push_address

    repo = push_address(settings.repo_url())
    options = options_of(address, repo, settings.data().absolute(), config, beside_node=node_view)
    options = replace(options, looked=_lost_nodes(options, notify)) if notify else options
    from webui.asgi.serve import run_page

    socket = _here(address, listening_on)
    if listening_on is None:
        print(f"the page: http://{address}", flush=True)
    run_page(options, socket)


def _lost_nodes(options: "WebOptions", file: Path) -> "Callable[[Snapshot], None]":
    from cli.last_node import LostNodes
    from controller.notify.send import page_of

    own = options.data / "web"
    return LostNodes(options.repo, own / "notices", file, page_of(options.config or own / "web.yaml")).looked


def options_of(
    address: str, repo: str, data: Path, config: Path | None = None, *, beside_node: bool = False
) -> "WebOptions":
    """CommandError where the page must not listen there."""
    needs(extras.PAGE)
    from webui.access.config import WrongConfig
    from webui.access.record_file import CannotChange
    from webui.asgi.serve import WebOptions, check

    host, port = ports.split(address)
    options = WebOptions(repo, data, host, port, beside_node=beside_node, author=author_or_program, config=config)
    try:
        check(options)
    except (WrongConfig, CannotChange) as error:
        raise CommandError(str(error), 2) from None
    return options


def peer(
    name: Annotated[str, typer.Option("--name", help="this node's name")],
    listen: Annotated[str, typer.Option("--listen", help="HOST:PORT")],
    read_only: Annotated[bool, typer.Option("--read-only", help="let nobody put or remove files here")] = False,
    listening_on: Handle = None,
) -> None:
    """Give objects of this node's store to other nodes; `node --peer` starts it beside the node.

    Example: winslowctl peer --name gpu-02 --listen 0.0.0.0:8485 --data /var/lib/winslow
    """
    needs(extras.PEERS)
    from peer.server.channel import run_peer

    run_peer(name, settings.data().absolute(), _here(listen, listening_on), read_only=read_only)


def page_beside(repo: str, data: Path, address: str, say: Callable[[str], None]) -> Server | None:
    """The page as a child of a node. CommandError where it must not listen there."""
    if not address:
        return None
    if why := extras.lacking(extras.PAGE):
        say(f"the page is left out: {why}")
        return None
    options_of(address, repo, data, beside_node=True)
    return Server("the page", ("web", "--node-view", "--address", address), address)


def _here(address: str, handle: int | None) -> socket.socket:
    """The socket that a parent has given, else one of our own. CommandError where the port is taken."""
    if handle is not None:
        return socket.socket(fileno=handle)
    try:
        return ports.listening(address)
    except ports.PortTaken as error:
        raise CommandError(f"{error}: give --address") from None
