"""Whether a slot that failed, or was lost, is tried again by itself."""

from collections.abc import Sequence

from schema.execution import Execution, SavedRecord, State
from schema.pipeline import Stage
from schema.reasons import INFRASTRUCTURE, NO_FAULT, TRIGGERS, End

MAX_LOSSES = 3
"""After so many losses in one chain a slot fails with NodeLost: it may be what kills the nodes."""


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
