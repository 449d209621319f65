"""What would happen, for a merge request: what its files would make the nodes do."""

from collections.abc import Sequence
from itertools import islice

from flow.boards.markdown import code, table, text
from flow.boards.planned import Planned
from flow.boards.root_board import problems
from flow.model.snapshot import Snapshot
from schema.file_input import plain

HEADS = ("project", "would start", "on", "with", "built on", "becomes stale", "also")


def planned_board(snapshot: Snapshot, planned: Sequence[Planned], anyway: int = 0) -> str:
    """`anyway`: how many projects go on whatever becomes of it."""
    rows = table(HEADS, map(_row, planned), len(planned)) or ["Nothing would change.", ""]
    beside = [f"Projects that go on in any case: {anyway}.", ""] if anyway else []
    return "\n".join(["## Plan", "", *rows, *beside, *problems(snapshot)])


def _row(each: Planned) -> list[str]:
    built = f"execution {each.workspace}" if each.workspace else "an empty workspace"
    return [
        text(each.project),
        text(each.stage or ""),
        text(", ".join(each.nodes[:3]) or each.waits),
        _with(each),
        built if each.stage else "",
        text(", ".join(each.stale)),
        text(_also(each), 600),
    ]


def _with(each: Planned) -> str:
    inputs = [f"{name}={plain(value)}" for name, value in each.inputs.items()]
    env = [f"env {name}={value}" for name, value in each.env.items()]
    return " ".join(code(pair) for pair in islice(inputs + env, 16))


def _also(each: Planned) -> str:
    aborts = [f"execution {each.aborts} is aborted"] if each.aborts else []
    gpus = [f"GPUs {', '.join(each.gpus)}"] if each.gpus else []
    return "; ".join([*each.replies, *aborts, *gpus])
