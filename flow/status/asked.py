"""Who asked for what is still to come, and who answered what was asked: from the replies, for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from flow.model.snapshot import ProjectView
from schema.execution import Execution
from schema.reply import Reply

MOST_VALUES, LONGEST_VALUE = 6, 60


@dataclass(frozen=True, slots=True)
class Pausing:
    """An accepted request by which a chain pauses after the stage that runs. `at`: by the asker's clock, if known."""

    after: str
    by: str
    at: str = ""

    @property
    def words(self) -> str:
        return f"pauses after {self.after}" + (f", asked by {self.by}" if self.by else "")


def pausing(view: ProjectView, running: Execution) -> Pausing | None:
    """None where the chain goes on after it, or is continued by nobody anyway."""
    for reply in reversed(view.replies):
        if not reply.accepted:
            continue
        if reply.kind in ("pause", "abort") or (reply.then == "pause" and _stage(reply) == running.stage):
            return Pausing(running.stage, name(reply.by), reply.at)
        if reply.kind in ("start", "resume"):
            break
    return None


def continued(replies: Sequence[Reply], running: Execution) -> bool:
    """Whether it belongs to the latest chain: an older one is finished, and nothing follows."""
    latest = next((reply.seq for reply in reversed(replies) if reply.kind == "start" and reply.accepted), None)
    return running.chain == latest


def answered(view: ProjectView, stage: str) -> str:
    """By whom, when and what, where a person answered that stage; else nothing."""
    for reply in reversed(view.replies):
        if reply.kind == "answer" and reply.accepted and reply.stage == stage:
            when = f" at {moment(reply.at)}" if reply.at else ""
            return f"answered by {name(reply.by) or 'somebody'}{when}{_values(reply)}"
    return ""


def moment(at: str) -> str:
    """A recorded time to the minute: `2026-03-01 09:30 UTC`."""
    return f"{at[:10]} {at[11:16]} UTC"


def name(by: str) -> str:
    """Without the address."""
    return by.partition(" <")[0].strip() or by


def _stage(reply: Reply) -> str | None:
    return reply.position.stage if reply.position else reply.stage


def _values(reply: Reply) -> str:
    shown = [f"{key}={str(value)[:LONGEST_VALUE]}" for key, value in list(reply.inputs.items())[:MOST_VALUES]]
    return f": {', '.join(shown)}" if shown else ""
