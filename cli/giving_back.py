"""`yield`: the owner of a machine wants it for himself."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import completion, settings
from cli.commits import commit
from cli.errors import CommandError
from cli.node import hostname

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot


def add_to(app: typer.Typer) -> None:
    app.command(name="yield")(give_back)


def give_back(
    node: Annotated[
        str,
        typer.Argument(help="the node's name; default: this host's", metavar="[NODE]", autocompletion=completion.nodes),
    ] = "",
    span: Annotated[str, typer.Option("--for", help="for how long, like 2h; default: until --off")] = "",
    off: Annotated[bool, typer.Option("--off", help="let it work for others again")] = False,
) -> None:
    """My machine, now: it takes nothing new, and what may be interrupted ends and goes on elsewhere. The rest goes on.

    Example: winslowctl yield --for 2h     winslowctl yield gpu-01     winslowctl yield --off
    """
    from schema import layout
    from state.edits import nodes
    from state.edits.giving_back import given_back, message, wish_id

    name = settings.checked_name(node or hostname(), "node")
    client, found = settings.snapshot(live=True)
    try:
        nodes.check_known(found, name)
    except nodes.CannotDrain as error:
        raise CommandError(str(error)) from None
    if off and not (name in found.nodes and found.nodes[name].gives_back):
        raise CommandError(f"nobody has asked for node {name!r} by `winslowctl yield`")
    time, asked = duration(span, "--for"), None if off else wish_id()

    def files(_: "Snapshot") -> dict[str, str | None]:
        return given_back(client.read_main(layout.node(name)), name, asked, time)

    commit(files, message(name, asked, time))


def duration(text: str, option: str) -> float | None:
    """CommandError."""
    from schema.quantities import parse_duration

    if not text:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise CommandError(f"{option}: {error}", 2) from None
    if found <= 0:
        raise CommandError(f"{option}: more than nothing is wanted", 2)
    return found
