"""Which command helps a project that waits for a person, or failed."""

from itertools import islice

from flow.model.snapshot import ProjectView
from flow.project.replies import steps_of
from flow.status.states import ProjectState
from schema.execution import Execution
from schema.reasons import End, Wait

MOST = 5
"""So many inputs are named in a command."""


def remedy(view: ProjectView, now: ProjectState) -> str:
    """The command to type, or nothing where only time helps."""
    if view.asked:
        return ""
    match now.reason:
        case Wait.NOT_STARTED:
            return f"winslowctl start {view.id}"
        case Wait.MANUAL_APPROVAL | Wait.INPUT_MISSING:
            return f"winslowctl answer {view.id}{_asked(view)}"
        case Wait.PAUSE_REQUESTED:
            return f"winslowctl resume {view.id}" if now.pauses is None or now.pauses.undo else ""
        case Wait.REJECTED:
            return f"winslowctl redo {view.id} --stage {before(view, now.stage)}"
        case Wait.FAILED:
            return after_failure(view, now.execution)
        case Wait.NODE_OFFLINE | Wait.NODE_TOO_OLD | Wait.NO_MATCHING_NODE | Wait.DRAINING:
            return "winslowctl nodes"
        case Wait.INVALID:
            return "winslowctl validate --rev main"
        case _:
            return ""


def _asked(view: ProjectView) -> str:
    """The inputs that need a value."""
    waiting = steps_of(view).wait
    asks = waiting.asks if waiting else {}
    return "".join(f" --input {name}=…" for name, spec in islice(asks.items(), MOST) if spec.required)


def before(view: ProjectView, stage: str | None) -> str:
    """The last stage with a program before a gate: what a rejection is about."""
    stages = view.definition.stages if view.definition else ()
    names = [each.name for each in stages]
    at = names.index(stage) if stage in names else 0
    return next((each.name for each in reversed(stages[:at]) if not each.gate), stage or "STAGE")


def after_failure(view: ProjectView, record: Execution | None) -> str:
    """What to look at or put right first, then what goes on."""
    again = f"winslowctl resume {view.id}"
    if record is None:
        return again
    match record.reason:
        case End.INVALID_INPUT:
            return f"winslowctl files ls pool: --node {record.claim.node}, then {again}"
        case End.IMAGE_UNAVAILABLE | End.GPU_LOST:
            return f"winslowctl doctor (on {record.claim.node}), then {again}"
        case End.MISSING_ARTIFACT:
            return f"winslowctl files ls {view.id}/{record.execution}, then {again}"
        case _:
            return f"winslowctl logs {view.id}/{record.execution}, then {again}"
