"""`drain`: let a node take nothing new, or take work again."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import completion, settings
from cli.commits import commit
from cli.errors import CommandError
from cli.giving_back import duration

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot


def add_to(app: typer.Typer) -> None:
    app.command()(drain)


def drain(
    node: Annotated[str, typer.Argument(help="the node's name", metavar="NODE", autocompletion=completion.nodes)],
    off: Annotated[bool, typer.Option("--off", help="end the drain: it takes work again")] = False,
    deadline: Annotated[
        str,
        typer.Option("--deadline", help="after so long, like 4h, what still runs there ends and is tried elsewhere"),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="why, for the message of the commit")] = "",
) -> None:
    """Let a node take nothing new; what runs goes on, with --deadline not for ever. Commits nodes/<node>.yaml.

    Example: winslowctl drain gpu-01     winslowctl drain gpu-01 --deadline 4h     winslowctl drain gpu-01 --off
    """
    from schema import layout
    from state.edits import nodes
    from state.edits.giving_back import drained_by, wish_id

    settings.checked_name(node, "node")
    time = duration(deadline, "--deadline")
    if time and off:
        raise CommandError("--deadline limits a drain, and --off ends it: give one of them", 2)
    asked = wish_id()
    client, found = settings.snapshot(live=True)
    try:
        nodes.check_known(found, node) if time else nodes.check(found, node, not off)
    except nodes.CannotDrain as error:
        raise CommandError(str(error)) from None

    def files(_: "Snapshot") -> dict[str, str | None]:
        if time:
            return drained_by(client.read_main(layout.node(node)), node, asked, time)
        return nodes.files(client.read_main(layout.node(node)), node, not off)

    commit(files, nodes.message(node, not off, reason))
