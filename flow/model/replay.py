"""Whether a commit of `winslow/state` is one that a controller may have made, as far as unsigned commits tell.

Pure. Every node asks this of every commit it fetches (`state.snapshot.replay`), about each project that the commit
changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from flow.model.transitions import illegal
from schema.execution import Execution, State, Tombstone
from schema.flag import Flag, FlaggedPath

SETTLES = "settle"
"""The verb of the commit by which a person settles a flag."""


@dataclass(frozen=True, slots=True)
class ChangedRecord:
    """One document before and after a commit. `blob` is the one it had before; nothing where there was none."""

    path: str
    blob: str
    before: BaseModel | None
    after: BaseModel | None


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did to one project. `writer` is the node that made it; nothing where no node did."""

    commit: str
    writer: str
    by: str
    documents: tuple[ChangedRecord, ...]
    purged: bool = False  # its tombstone says that everything of it went
    accepted: tuple[Execution, ...] = ()  # that had succeeded before


def judge(change: Change) -> Flag | None:
    """None where all of it is legal."""
    found = tuple(_flagged(each, why) for each in change.documents if (why := _problem(change, each)))
    return Flag(commit=change.commit, by=change.by, paths=found) if found else None


def _flagged(changed: ChangedRecord, why: str) -> FlaggedPath:
    record = changed.after or changed.before
    if not isinstance(record, Execution):
        return FlaggedPath(path=changed.path, before=changed.blob, why=why)
    return FlaggedPath(path=changed.path, before=changed.blob, execution=record.execution, stage=record.stage, why=why)


def _problem(change: Change, changed: ChangedRecord) -> str | None:
    before, after = changed.before, changed.after
    if after is None:
        if isinstance(before, Tombstone):
            return None if change.writer else f"{changed.path} was removed by no controller"
        return None if change.purged and change.writer else f"{changed.path} was removed"
    if isinstance(after, Execution) and (before is None or isinstance(before, Execution)):
        return illegal(before, after) or _foreign(change.writer, before, after) or _second(change.accepted, after)
    if not change.writer:
        return f"{changed.path} was written by no controller"
    if before is not None and changed.path.split("/")[2] == "replies":
        return f"{changed.path} was changed, and a reply never is"
    return None


def _foreign(writer: str, before: Execution | None, after: Execution) -> str | None:
    """Only its holder writes a record, but for its loss and what follows from that."""
    if not writer:
        return f"execution {after.execution} was written by no controller"
    if before and before.state.active and after.state is State.LOST:
        return None
    if before and before.state is State.LOST and after.state in (State.SUPERSEDED, State.ABORTED):
        return None
    holder = (before or after).claim.node
    return None if holder == writer else f"{writer} wrote execution {after.execution}, which {holder} holds"


def _second(accepted: Iterable[Execution], after: Execution) -> str | None:
    if after.state is not State.SUCCEEDED:
        return None
    same = {e.execution: e for e in accepted if e.execution != after.execution and _slot(e) == _slot(after)}
    if not same or _goes_on(after, same):
        return None
    return f"execution {after.execution} is a second result, beside {min(same)}"


def _goes_on(after: Execution, same: Mapping[int, Execution]) -> bool:
    """Of a stage that repeats each run goes on from the result of another, and no two from the same."""
    source = after.workspace.source
    return source in same and all(other.workspace.source != source for other in same.values())


def _slot(record: Execution) -> tuple[object, ...]:
    return (record.chain, record.request, record.stage, record.point)


def set_aside(record: Execution, flag: Flag) -> Execution:
    """How a record is shown that has no legal version: it holds nothing, is nobody's result, and is not tried again."""
    return record.model_copy(
        update={"state": State.FAILED, "reason": None, "text": flag.text, "result": None, "gpus": ()}
    )
