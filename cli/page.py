"""Verb `web`: the page."""

from typing import Annotated

import typer

from cli import settings
from cli.errors import CommandError

HERE = "127.0.0.1:8484"

Address = Annotated[str, typer.Option("--address", help="HOST:PORT to listen on")]


def add_to(app: typer.Typer) -> None:
    app.command()(web)
    app.command(hidden=True)(peer)


def web(
    address: Address = HERE,
    node_view: Annotated[bool, typer.Option("--node-view", help="wait for the view of this machine's node")] = False,
) -> None:
    """The page on this machine: beside a node it shows the node's view, elsewhere a clone of its own.

    Example: winslowctl web --address 127.0.0.1:8484
    """
    try:
        from webui.serve import WebOptions, run_page
    except ImportError as error:
        raise CommandError(f"the page needs more packages: pip install 'winslow-controller[web]' ({error})") from None
    host, port = local(address)
    data = settings.data().absolute()
    print(f"the page: http://{address}", flush=True)
    run_page(WebOptions(settings.repo_url(), data, host, port, beside_node=node_view, author=settings.author))


def peer(
    name: Annotated[str, typer.Option("--name", help="this node's name")],
    listen: Annotated[str, typer.Option("--listen", help="HOST:PORT")],
) -> None:
    """Give objects of this node's store to other nodes; `node --peer` starts it beside the node.

    Example: winslowctl peer --name gpu-02 --listen 0.0.0.0:8485 --data /var/lib/winslow
    """
    try:
        from webui.peer import run_peer
    except ImportError as error:
        raise CommandError(
            f"giving objects needs more packages: pip install 'winslow-controller[web]' ({error})"
        ) from None
    host, port = split(listen)
    run_peer(name, settings.data().absolute(), host, port)


def page_beside(address: str) -> list[str]:
    """The page as a child of a node."""
    if not address:
        return []
    local(address)
    return ["web", "--node-view", "--address", address]


def local(address: str) -> tuple[str, int]:
    host, port = split(address)
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise CommandError("the page has no login yet, so it listens on this machine only: 127.0.0.1:PORT", 2)
    return host, port


def split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise CommandError(f"an address is HOST:PORT, like 127.0.0.1:8484, not {address[:60]!r}", 2)
    return host.strip("[]"), int(port)
