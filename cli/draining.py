"""`drain`: let a node take nothing new, or take work again."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import settings
from cli.commits import commit, edited
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.world import Snapshot


def add_to(app: typer.Typer) -> None:
    app.command()(drain)


def drain(
    node: Annotated[str, typer.Argument(help="the node's name", metavar="NODE")],
    off: Annotated[bool, typer.Option("--off", help="end the drain: it takes work again")] = False,
) -> None:
    """Let a node take nothing new; what runs goes on. Commits nodes/<node>.yaml; what else it says stays.

    Example: winslowctl drain gpu-01     winslowctl drain gpu-01 --off
    """
    from schema import layout
    from schema.binding import read
    from schema.node import NodeSettings
    from schema.suggest import did_you_mean

    path = layout.node(settings.checked_name(node, "node"))
    client, found = settings.snapshot(live=True)
    known = {*found.inventories, *found.nodes}
    if node not in known:
        hint = did_you_mean(node, known) or "; `winslowctl nodes` lists them"
        raise CommandError(f"there is no node {node!r}{hint}")
    if (node in found.nodes and found.nodes[node].drain) is not off:
        raise CommandError(f"node {node!r} {'takes work' if off else 'drains'} already")

    def files(_: "Snapshot") -> dict[str, str | None]:
        present = client.read_main(path)
        text = edited(present, {"drain": not off}) if present else f"drain: {str(not off).lower()}\n"
        read(NodeSettings, text, path)
        return {path: text}

    commit(files, f"{'End the drain of' if off else 'Drain'} node {node}")
