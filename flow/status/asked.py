"""Who asked for what is still to come, and who answered what was asked: from the replies, for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from flow.fold.chains import Chain
from flow.model.snapshot import ProjectView
from schema.execution import Execution
from schema.reply import Reply

MOST_VALUES, LONGEST_VALUE, MOST_STAGES = 6, 60, 3


@dataclass(frozen=True, slots=True)
class Pausing:
    """An accepted request by which a chain pauses after the stage that runs. `at`: by the asker's clock, if known."""

    after: str
    by: str
    at: str = ""
    undo: bool = False  # a `resume` takes it back, and does nothing else

    @property
    def words(self) -> str:
        return f"pauses after {self.after}" + (f", asked by {self.by}" if self.by else "")


def pausing(
    view: ProjectView, chain: Chain | None, running: Execution, active: Sequence[Execution] = ()
) -> Pausing | None:
    """None where the latest chain goes on after it. What an older chain began is finished, and nothing follows.

    `active` is all that runs: of several, the chain pauses after the last.
    """
    if chain is None or running.chain != chain.seq:
        return None
    if not chain.paused and running.stage not in chain.pause_at:
        return None
    asked = next((reply for reply in reversed(view.replies) if _pauses(reply, chain)), None)
    if asked is None:
        return None
    again = chain.fresh and asked.then == "pause"  # a stage that is reproduced: what it was compared with stands
    others = [
        each.stage for each in active if each.chain == chain.seq and (chain.paused or each.stage in chain.pause_at)
    ]
    stages = list(dict.fromkeys((running.stage, *others)))
    after = ", ".join(stages[:MOST_STAGES]) + (" …" if len(stages) > MOST_STAGES else "")
    return Pausing(after, name(asked.by), asked.at, undo=asked.kind != "abort" and not again)


def _pauses(reply: Reply, chain: Chain) -> bool:
    """Whether it is one of those that made the chain pause, as the fold has it."""
    if chain.paused:
        return reply.kind in ("pause", "abort") and not (reply.kind == "abort" and reply.accepted and reply.stage)
    return reply.accepted and reply.then == "pause"


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


def _values(reply: Reply) -> str:
    shown = [f"{key}={str(value)[:LONGEST_VALUE]}" for key, value in list(reply.inputs.items())[:MOST_VALUES]]
    return f": {', '.join(shown)}" if shown else ""
