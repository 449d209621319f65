"""`top`: what the nodes' machines do."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError
from cli.ps import condition

if TYPE_CHECKING:
    from schema.node import Heartbeat, Inventory

NUMBERS = ("cpu", "memory", "disk", "disk_free", "received", "sent", "load")


def add_to(app: typer.Typer) -> None:
    app.command()(top)


def top(
    every: Annotated[str, typer.Option("--every", help="show it again and again, with this time between")] = "",
) -> None:
    """Load of all nodes, as they last said it: CPU, memory, disk, network, GPUs.

    Example: winslowctl top     winslowctl top --every 30s
    """
    from schema.quantities import parse_duration

    try:
        pause = max(1.0, parse_duration(every)) if every else 0.0
    except ValueError as error:
        raise CommandError(f"--every: {error}", 2) from None
    while True:
        _show()
        if not pause:
            return
        time.sleep(pause)


def _show() -> None:
    from flow.node.node_states import standing

    client, snapshot = settings.snapshot()
    rows = [_row(name, found, client.heartbeat(name)) for name, found in sorted(snapshot.inventories.items())]
    for row in rows:
        now = standing(snapshot, row["node"])
        row["state"], row["why"] = str(now.state), now.text or None
        row["drain"] = row["node"] in snapshot.nodes and snapshot.nodes[row["node"]].drain
    if output.for_programs(rows):
        return
    heads = ("NODE", "CPU", "MEMORY", "DISK FREE", "IN", "OUT", "LOAD", "GPUS", "STATE")
    output.table(heads, [_cells(row) for row in rows], empty="no node has joined")


def _row(name: str, inventory: "Inventory", beat: "Heartbeat | None") -> dict[str, Any]:
    """A number that the node did not say is null."""
    said = beat.load if beat else {}
    gpus = [
        {"uuid": gpu.uuid, "model": gpu.model}
        | {each: said.get(f"gpu.{gpu.uuid}.{each}") for each in ("use", "memory", "temperature")}
        for gpu in inventory.gpus
    ]
    return {"node": name, **{each: said.get(each) for each in NUMBERS}, "gpus": gpus,
            "halted": beat.halted if beat else None}  # fmt: skip


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        output.shown(row["node"]), _percent(row["cpu"]), _percent(row["memory"]), _size(row["disk_free"]),
        _size(row["received"], "/s"), _size(row["sent"], "/s"), "" if row["load"] is None else f"{row['load']:.1f}",
        "\n".join(_gpu(gpu) for gpu in row["gpus"]), condition(row["state"], row["why"]),
    ]  # fmt: skip


def _gpu(gpu: dict[str, Any]) -> str:
    warmth = "" if gpu["temperature"] is None else f" {gpu['temperature']:.0f} °C"
    return f"{output.shown(gpu['model'] or gpu['uuid'])} {_percent(gpu['use'])}{warmth}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}%"


def _size(value: float | None, end: str = "") -> str:
    from schema.quantities import readable_size

    return "" if value is None else readable_size(value) + end
