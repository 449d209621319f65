"""Whether a slot that failed, or was lost, is tried again by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from flow.fold.chains import Ground
from flow.fold.repetition import of_this_run
from flow.fold.steps import Waiting
from flow.model.backoff import Backoff
from flow.points.points import Point
from schema.execution import Execution, SavedRecord, State
from schema.pipeline import Stage
from schema.reasons import INFRASTRUCTURE, NO_FAULT, TRIGGERS, End, Wait

MAX_LOSSES = 3
"""After so many losses in one chain a slot fails with NodeLost: it may be what kills the nodes."""


@dataclass(slots=True)  # nobody changes it; a frozen one takes longer to make, and there may be thousands
class SlotPast:
    """One slot with its values, and what was run of it since it is wanted. `newest` is none that another took over."""

    stage: Stage
    point: int | None
    values: Point
    ground: Ground
    runs: Sequence[Execution]
    newest: Execution | None

    @property
    def tried(self) -> Sequence[Execution]:
        """The attempts of what is wanted now: each run of a repetition has its own."""
        return of_this_run(self.stage, self.runs)

    @property
    def failure(self) -> Execution | None:
        """What the next attempt makes up for; nothing after a success, where a repetition goes on."""
        return self.newest if self.newest and self.newest.state is not State.SUCCEEDED else None

    @property
    def rest(self) -> float:
        """Seconds until the next attempt. What was lost or gave way has failed at nothing."""
        last = self.failure
        if last is None or last.state is State.LOST or last.reason is End.PREEMPTED:
            return 0.0
        return Backoff(self.stage.retry.backoff).rest(sum(failed(e) for e in self.tried))


def refused(past: SlotPast) -> Waiting | None:
    """Why what failed, or was lost, is not tried again by itself."""
    last, stage = past.failure, past.stage
    if last is None:
        return None
    reason, text = Wait.FAILED, ""
    if last.state is not State.LOST:
        text = "" if granted(stage, past.tried, last) else why(last)
    elif (losses := len(shunned(past.tried))) >= MAX_LOSSES:
        text = f"{End.NODE_LOST}: lost {losses} nodes in this chain"
    elif "node_lost" not in stage.retry.when:
        reason, text = Wait.NODE_OFFLINE, f"node {last.claim.node} is away with execution {last.execution}"
    return Waiting(reason, stage.name, text, execution=last.execution, point=past.point) if text else None


def shunned(runs: Sequence[Execution]) -> list[Execution]:
    """Those that were lost with their nodes."""
    return [e for e in runs if e.state in (State.LOST, State.SUPERSEDED)]


def granted(stage: Stage, runs: Sequence[Execution], newest: Execution) -> bool:
    """Whether the retry policy grants another attempt after `newest`, a failed execution."""
    if newest.state is not State.FAILED or newest.reason is None:
        return False
    if newest.reason is End.PREEMPTED:
        return True
    covered = any(newest.reason in TRIGGERS.get(word, frozenset()) for word in stage.retry.when)
    if not covered:
        return False
    if newest.reason in INFRASTRUCTURE:
        return sum(e.reason in INFRASTRUCTURE for e in runs) < MAX_LOSSES
    code = newest.result.exit_code if newest.result else None
    if newest.reason is End.EXIT_CODE and stage.retry.exit_codes and code not in stage.retry.exit_codes:
        return False
    used = sum(e.state is State.FAILED and e.reason not in NO_FAULT for e in runs)
    return used <= stage.retry.max


def failed(execution: Execution) -> bool:
    """Whether the next attempt has to wait longer because of it."""
    return execution.state in (State.FAILED, State.ABORTED) and execution.reason is not End.PREEMPTED


def saved_by(stage: Stage, runs: Sequence[Execution]) -> int | None:
    """The execution whose saved files the next attempt begins with. A program that failed begins anew."""
    if stage.checkpoint is None:
        return None
    for each in reversed(runs):
        over = each.state in (State.SUCCEEDED, State.ABORTED)
        if over or (each.state is State.FAILED and each.reason not in NO_FAULT):
            return None
        if saved_files(each):
            return each.execution
    return None


def saved_files(record: Execution) -> SavedRecord | None:
    """What it left, else what was taken of it while it ran."""
    result = record.result
    if record.state.ended and result and result.manifest:
        return SavedRecord(manifest=result.manifest, store=result.store, bucket=result.bucket)
    return record.workspace.saved


def why(execution: Execution) -> str:
    reason = execution.reason or End.EXIT_CODE
    return f"{reason}: {execution.text}" if execution.text else str(reason)
