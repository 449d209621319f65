"""How an execution ended: from how its container did, what it left, and what we told it."""

from controller.dirs.contract import Gathered
from controller.launch.exit_reason import exit_reason
from flow.node.lease_terms import given_up
from flow.node.node_world import ExecutionEnd, HeldClaim, LaunchOrder
from runner.contract.spec import Container, Ending
from runner.logs.log_file import last_words
from schema.execution import LogRecord, Result, State
from schema.reasons import End


def blank(entry: HeldClaim, state: State) -> ExecutionEnd:
    order = entry.order
    return ExecutionEnd(
        container=entry.container,
        project=order.project,
        execution=order.execution,
        stage=order.stage,
        point=order.point,
        state=state,
    )


def judge(entry: HeldClaim, container: Container, gathered: Gathered) -> ExecutionEnd:
    """How an execution ended. Our own stop counts only if it is what ended the container."""
    state, reason, text = _verdict(entry, container, gathered)
    result = Result(exit_code=container.exit_code, values=dict(gathered.values), metrics=dict(gathered.metrics))
    return blank(entry, state).model_copy(
        update={
            "reason": reason,
            "text": text,
            "result": result.model_copy(
                update={"manifest": gathered.manifest, "store": gathered.store, "bucket": gathered.bucket}
            ),
            "log": LogRecord(
                lines=gathered.log.lines,
                bytes=gathered.log.bytes,
                digest=gathered.log.digest,
                tail=() if state is State.SUCCEEDED else last_words(gathered.log.text),
            ),
            "log_text": gathered.log.text,
            "artifacts": gathered.artifacts,
        }
    )


def _verdict(entry: HeldClaim, container: Container, gathered: Gathered) -> tuple[State, End | None, str]:
    code = container.exit_code
    match container.ending:
        case Ending.LAPSED if entry.stop in (None, End.NODE_LOST):
            return State.FAILED, End.INFRASTRUCTURE, given_up(entry)
        case Ending.STOPPED if entry.stop is End.NODE_LOST:
            return State.FAILED, End.INFRASTRUCTURE, given_up(entry)
        case Ending.STOPPED | Ending.LAPSED | Ending.SERVICE if entry.stop and entry.stop is not End.NODE_LOST:
            aborted = entry.stop in (End.ABORTED, End.DELETED, End.SUPERSEDED, End.FAIL_FAST)
            return (
                (State.ABORTED if aborted else State.FAILED),
                entry.stop,
                entry.stopped_for or _limit_text(entry.stop, entry.order),
            )
        case Ending.STOPPED:
            return State.FAILED, End.INFRASTRUCTURE, "it was stopped from outside Winslow"
        case Ending.OOM:
            return State.FAILED, End.OOM_KILLED, container.detail or "it used more memory than it may"
        case Ending.SERVICE:
            return State.FAILED, End.SERVICE_ENDED, container.detail or "a service of it ended"
        case Ending.CANCELLED:
            return State.ABORTED, End.ABORTED, container.detail or "somebody ended it outside Winslow"
        case Ending.INFRASTRUCTURE:
            return State.FAILED, End.INFRASTRUCTURE, container.detail or "the machine or its engine went down"
    if code != 0:
        return State.FAILED, End.EXIT_CODE, exit_reason(code, gathered.log.text)
    if gathered.missing:
        return State.FAILED, End.MISSING_ARTIFACT, f"promised but not there: {', '.join(gathered.missing)[:500]}"
    return State.SUCCEEDED, None, gathered.note


def _limit_text(reason: End, order: LaunchOrder) -> str:
    if reason is End.TIMEOUT:
        return f"ran longer than its timeout of {order.timeout:g} s"
    if reason is End.NO_OUTPUT:
        return f"no output for {order.idle_timeout:g} s"
    if reason is End.INFRASTRUCTURE:
        return "it was ended together with its node: Ctrl-C of `winslowctl up`, or --stop-stages"
    if reason is End.FAIL_FAST:
        return "another stage failed, and the pipeline says fail_fast"
    return ""
