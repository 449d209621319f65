"""What may follow what in an execution's record. Readers replay state commits through this and alarm on the rest."""

from schema.execution import Execution, State

NEXT: dict[State, frozenset[State]] = {
    State.CLAIMED: frozenset(
        {State.CLAIMED, State.PREPARING, State.RUNNING, State.SUCCEEDED, State.FAILED, State.ABORTED, State.LOST}
    ),
    State.PREPARING: frozenset(
        {State.CLAIMED, State.PREPARING, State.RUNNING, State.SUCCEEDED, State.FAILED, State.ABORTED, State.LOST}
    ),
    State.RUNNING: frozenset({State.CLAIMED, State.RUNNING, State.SUCCEEDED, State.FAILED, State.ABORTED, State.LOST}),
    State.LOST: frozenset({State.CLAIMED, State.RUNNING, State.SUPERSEDED, State.ABORTED}),
    State.SUPERSEDED: frozenset({State.SUPERSEDED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.ABORTED: frozenset(),
}


def illegal(before: Execution | None, after: Execution) -> str | None:
    """Why `after` may not follow `before`, or None. A new record begins as a claim of epoch 1."""
    if before is None:
        if after.state is not State.CLAIMED or after.claim.epoch != 1:
            return f"execution {after.execution} begins as {after.state} in epoch {after.claim.epoch}"
        return None
    if after.state not in NEXT[before.state]:
        return f"execution {after.execution} went from {before.state} to {after.state}"
    return _claims(before, after) or _identity(before, after)


def _claims(before: Execution, after: Execution) -> str | None:
    same = after.claim.id == before.claim.id
    if same and after.claim != before.claim:
        return f"execution {after.execution}: the claim changed under its id"
    if same and before.state is State.LOST and after.state not in (State.SUPERSEDED, State.ABORTED):
        return f"execution {after.execution} went on under the id of a lost claim"
    if same and after.state is State.CLAIMED:
        return f"execution {after.execution} was claimed again under its old id"
    if not same:
        if before.claim.lease.exclusive:
            return f"execution {after.execution} is exclusive, and was claimed again"
        if after.claim.epoch != before.claim.epoch + 1:
            return f"execution {after.execution}: epoch {after.claim.epoch} after {before.claim.epoch}"
        if after.claim.node != before.claim.node:
            return f"execution {after.execution} changed its node"
        if after.state not in (State.CLAIMED, State.RUNNING):
            return f"execution {after.execution}: a new claim that is {after.state}"
    return None


def _identity(before: Execution, after: Execution) -> str | None:
    for name in ("execution", "stage", "point", "chain", "request", "attempt"):
        if getattr(before, name) != getattr(after, name):
            return f"execution {after.execution}: {name} changed"
    return None
