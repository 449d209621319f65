"""`drain`: let a node take nothing new, or take work again."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import completion, settings
from cli.commits import commit
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot


def add_to(app: typer.Typer) -> None:
    app.command()(drain)


def drain(
    node: Annotated[str, typer.Argument(help="the node's name", metavar="NODE", autocompletion=completion.nodes)],
    off: Annotated[bool, typer.Option("--off", help="end the drain: it takes work again")] = False,
    reason: Annotated[str, typer.Option("--reason", help="why, for the message of the commit")] = "",
) -> None:
    """Let a node take nothing new; what runs goes on. Commits nodes/<node>.yaml; what else it says stays.

    Example: winslowctl drain gpu-01     winslowctl drain gpu-01 --off
    """
    from schema import layout
    from state.edits import nodes

    settings.checked_name(node, "node")
    client, found = settings.snapshot(live=True)
    try:
        nodes.check(found, node, not off)
    except nodes.CannotDrain as error:
        raise CommandError(str(error)) from None

    def files(_: "Snapshot") -> dict[str, str | None]:
        return nodes.files(client.read_main(layout.node(node)), node, not off)

    commit(files, nodes.message(node, not off, reason))
