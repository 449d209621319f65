"""Requests to replies. A reply resolves everything the fold needs, on the view it is committed on.

`answer_all` gives the replies for a project's unanswered requests, each judged on the view that the ones before it
leave. An abort of an execution that still runs is not answered here: its reply stands in the push that ends it, and
what was asked after it waits for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flow.advance import Steps, Waiting, next_steps
from flow.memo import Memo
from flow.world import ProjectView, RequestFile
from schema.execution import Changes, State, WorkspaceRecord
from schema.inputs import InputError, Value, fit_all, missing, with_defaults
from schema.pipeline import Pipeline, unsupported
from schema.reasons import Refusal, Wait
from schema.reply import Position, Reply
from schema.request import Request, WorkspaceFrom
from schema.suggest import did_you_mean


class Refused(Exception):
    """The request is rejected; carries the code and a text that says what to do."""

    def __init__(self, reason: Refusal, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


@dataclass(frozen=True, slots=True)
class Answered:
    """One reply, and the view after it. `definition` is set where the reply opens a chain."""

    reply: Reply
    view: ProjectView
    definition: Pipeline | None = None


def _steps(view: ProjectView) -> Steps:
    """A project that the fold fails on waits, and says so; the others are none of its business."""
    text = view.damage
    try:
        if not text:
            return _but_flagged(view, next_steps(view.definition, view.project, view.replies, view.executions))
    except Exception as error:
        text = f"what comes next cannot be told, which is a fault in Winslow ({type(error).__name__}: {error})"
    active = tuple(e for e in view.executions if e.state.active)
    return Steps(None, wait=Waiting(Wait.INVALID, text=text), active=active)


def _but_flagged(view: ProjectView, steps: Steps) -> Steps:
    """Nothing of a stage starts while a person has to settle what somebody wrote of it."""
    for flag in view.flags:
        stages = {each.stage for each in flag.paths}
        if steps.run and ("" in stages or steps.run.stage.name in stages):
            waiting = Waiting(Wait.INVALID, steps.run.stage.name, flag.text)
            return replace(steps, run=None, wait=waiting)
    return steps


steps_of: Memo[ProjectView, Steps] = Memo(_steps)
"""`next_steps` of a view, remembered by the view's identity."""


def answer_all(view: ProjectView) -> Iterator[Answered]:
    """Replies for all unanswered requests up to the first abort that has to wait for its execution's end.

    None for a project with damage: they would be judged on half of what happened.
    """
    if view.damage:
        return
    for file in view.unanswered:
        if abort_target(view, file) is not None:
            return
        answered = answer(view, file)
        view = answered.view
        yield answered


def pending_abort(view: ProjectView) -> int | None:
    """The running execution that the first unanswerable request wants to end."""
    for file in view.unanswered:
        target = abort_target(view, file)
        if target is not None:
            return target
        view = answer(view, file).view
    return None


def abort_target(view: ProjectView, file: RequestFile) -> int | None:
    """The execution that an abort waits for, if it is one and its target has not ended."""
    request = file.request
    if request is None or request.request != "abort":
        return None
    open_ones = [e.execution for e in view.executions if not e.state.ended]
    if request.execution is not None:
        return request.execution if request.execution in open_ones else None
    if request.stage is not None:
        open_ones = [e.execution for e in view.executions if not e.state.ended and e.stage == request.stage]
    return open_ones[-1] if open_ones else None


def answer(view: ProjectView, file: RequestFile, *, aborted: int | None = None) -> Answered:
    """The reply to one request. `aborted` is the execution that this very push ends for it."""
    blank = Reply(
        seq=view.last_seq + 1,
        request=file.name,
        kind=file.request.request if file.request else "unknown",
        verdict="accepted",
        by=file.by,
        commit=file.commit,
        at=file.at,
        blob=file.blob,
        comment=file.request.comment if file.request else "",
        asked=_copy(file.request),
    )
    try:
        reply, definition = _judge(view, file, blank, aborted)
    except Refused as refused:
        reply = blank.model_copy(update={"verdict": "rejected", "reason": refused.reason, "text": refused.text})
        definition = None
    after = replace(
        view,
        replies=(*view.replies, reply),
        unanswered=tuple(other for other in view.unanswered if other.name != file.name),
        definition=definition or view.definition,
    )
    return Answered(reply, after, definition)


def _copy(request: Request | None) -> dict[str, object]:
    return request.model_dump(mode="json", by_alias=True, exclude_defaults=True) if request else {}


def _judge(view: ProjectView, file: RequestFile, blank: Reply, aborted: int | None) -> tuple[Reply, Pipeline | None]:
    if file.request is None:
        raise Refused(Refusal.MALFORMED, file.problem)
    if view.project is None:
        if view.deletion or view.tombstone:
            raise Refused(Refusal.PROJECT_DELETED, f"project {view.id!r} is deleted; restore its project.yaml first")
        raise Refused(Refusal.INVALID_PROJECT, view.problem or f"project {view.id!r} has no project.yaml")
    request = file.request
    match request.request:
        case "start":
            return _start(view, request, blank)
        case "resume":
            return _resume(view, request, blank), None
        case "pause":
            return _pause(view, blank), None
        case "abort":
            return _abort(view, request, blank, aborted), None
        case "skip":
            return _skip(view, request, blank), None
        case "answer":
            return _answer(view, request, blank), None


def _start(view: ProjectView, request: Request, blank: Reply) -> tuple[Reply, Pipeline]:
    assert view.project
    pipeline = _newest(view)
    if sentence := unsupported(pipeline):
        raise Refused(Refusal.NOT_SUPPORTED, sentence)
    _fits(pipeline, dict(view.project.inputs), f"project {view.id!r}: ")
    inputs = _fits(pipeline, request.inputs, "")
    stage = request.stage or _stands(view, pipeline)
    _known(pipeline, stage)
    base, changes = _built_on(view, pipeline, stage, request)
    reply = blank.model_copy(
        update={
            "position": Position(stage=stage, after=view.last_execution),
            "stage": stage,
            "then": request.then,
            "inputs": inputs,
            "env": request.env,
            "base": base,
            "changes": changes,
            "pipeline": view.project.pipeline,
            "fresh": request.fresh,
            "image": request.image,
        }
    )
    return reply, pipeline


def _newest(view: ProjectView) -> Pipeline:
    assert view.project
    if view.pipeline:
        return view.pipeline
    name = view.project.pipeline
    if view.definition and view.definition.name == name.partition("@")[0] and not view.pipeline_problem:
        return view.definition
    if view.pipeline_problem:
        raise Refused(Refusal.INVALID_PIPELINE, view.pipeline_problem)
    raise Refused(Refusal.UNKNOWN_PIPELINE, f"there is no pipeline {name!r}; `winslowctl pipelines ls` lists them")


def _fits(pipeline: Pipeline, values: dict[str, Value], where: str) -> dict[str, Value]:
    try:
        return fit_all(pipeline.inputs, values)
    except InputError as error:
        unknown = "no such input" in str(error)
        raise Refused(Refusal.UNKNOWN_INPUT if unknown else Refusal.INVALID_INPUT, f"{where}{error}") from None


def _known(pipeline: Pipeline, stage: str) -> None:
    if pipeline.stage(stage) is None:
        names = [other.name for other in pipeline.stages]
        raise Refused(
            Refusal.UNKNOWN_STAGE,
            f"pipeline {pipeline.name!r} has no stage {stage!r}{did_you_mean(stage, names)}; it has {', '.join(names)}",
        )


def _stands(view: ProjectView, pipeline: Pipeline) -> str:
    """Where the project stands: the stage in the way of its chain, or the first after a finished or no chain."""
    stage = steps_of(view).stage
    return stage if stage and pipeline.stage(stage) else pipeline.stages[0].name


def _built_on(view: ProjectView, pipeline: Pipeline, stage: str, request: Request) -> tuple[int | None, Changes | None]:
    """Without a word about it: what the stage's last execution was built on, changed in the same way."""
    if request.workspace:
        return _existing(view, request.workspace.source), _changes(request.workspace)
    last = next((e for e in reversed(view.executions) if e.stage == stage), None)
    return _base(view, pipeline, stage), _changes(last.workspace) if last else None


def _changes(asked: WorkspaceFrom | WorkspaceRecord) -> Changes | None:
    return Changes(add=asked.add, remove=asked.remove) if asked.add or asked.remove else None


def _base(view: ProjectView, pipeline: Pipeline, stage: str) -> int | None:
    """What the stage's last execution was built on; else the newest success of an earlier stage."""
    last = next((e for e in reversed(view.executions) if e.stage == stage), None)
    if last:
        return last.workspace.source
    earlier = {other.name for other in pipeline.stages[: pipeline.index(stage)]}
    for execution in reversed(view.executions):
        if execution.stage in earlier and execution.state is State.SUCCEEDED:
            return execution.execution
    return None


def _existing(view: ProjectView, number: int) -> int:
    execution = view.execution(number)
    if execution is None or not execution.state.ended:
        what = "has not ended" if execution else "does not exist"
        raise Refused(Refusal.UNKNOWN_EXECUTION, f"execution {number} {what}; no workspace can start from it")
    return number


def _resume(view: ProjectView, request: Request, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_TO_RESUME)
    assert view.definition
    update: dict[str, object] = {
        "then": request.then,
        "inputs": _fits(view.definition, request.inputs, ""),
        "env": request.env,
        "fresh": request.fresh,
        "image": request.image,
    }
    if request.workspace:
        update["base"] = _existing(view, request.workspace.source)
        update["changes"] = _changes(request.workspace)
    if request.stage:
        _known(view.definition, request.stage)
        update["position"] = Position(stage=request.stage, after=view.last_execution)
    elif steps.wait and steps.wait.reason is Wait.DONE:
        text = "every stage is done; `start --stage` redoes one, `resume --stage` goes on from one"
        raise Refused(Refusal.NOTHING_TO_RESUME, text)
    elif steps.wait and steps.stage and steps.wait.reason in (Wait.FAILED, Wait.REJECTED, Wait.PAUSE_REQUESTED):
        update["position"] = Position(stage=steps.stage, after=view.last_execution)
    return blank.model_copy(update={**update, "stage": request.stage or steps.stage})


def _begun(view: ProjectView, otherwise: Refusal) -> Steps:
    steps = steps_of(view)
    if steps.chain is None:
        raise Refused(otherwise, f"project {view.id!r} was never started; `winslowctl start {view.id}` does")
    if view.definition is None:
        raise Refused(Refusal.INVALID_PIPELINE, "the definition of its chain cannot be read; start it anew")
    return steps


def _pause(view: ProjectView, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_RUNNING)
    if steps.wait and steps.wait.reason is Wait.DONE and not steps.active:
        raise Refused(Refusal.NOTHING_RUNNING, "every stage is done; there is nothing to pause")
    return blank.model_copy(update={"stage": steps.stage})


def _abort(view: ProjectView, request: Request, blank: Reply, aborted: int | None) -> Reply:
    if aborted is not None:
        return blank.model_copy(update={"execution": aborted})
    if request.execution is not None and view.execution(request.execution) is None:
        has = f"it has 1 to {view.last_execution}" if view.executions else "nothing ran yet"
        raise Refused(Refusal.UNKNOWN_EXECUTION, f"there is no execution {request.execution}; {has}")
    if not view.executions:
        raise Refused(Refusal.NOTHING_RUNNING, "nothing runs; the project is paused all the same")
    number = request.execution or view.last_execution
    raise Refused(Refusal.ALREADY_ENDED, f"execution {number} had ended; the project is paused all the same")


def _skip(view: ProjectView, request: Request, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_RUNNING)
    assert view.definition
    assert request.stage
    _known(view.definition, request.stage)
    if any(e.stage == request.stage for e in steps.active):
        raise Refused(Refusal.NOT_SUPPORTED, f"stage {request.stage!r} runs; abort it first")
    return blank.model_copy(update={"stage": request.stage})


def _answer(view: ProjectView, request: Request, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_ASKED)
    assert view.definition
    asked = steps.wait
    if asked is None or asked.stage is None or asked.reason not in (Wait.MANUAL_APPROVAL, Wait.INPUT_MISSING):
        raise Refused(Refusal.NOTHING_ASKED, f"project {view.id!r} asks for nothing now")
    if request.stage and request.stage != asked.stage:
        raise Refused(Refusal.NOTHING_ASKED, f"stage {asked.stage!r} asks, not {request.stage!r}")
    specs = {**view.definition.inputs, **asked.asks}
    try:
        inputs = fit_all(specs, request.inputs)
    except InputError as error:
        raise Refused(Refusal.INVALID_INPUT, str(error)) from None
    if lacking := missing(asked.asks, inputs):
        raise Refused(Refusal.INVALID_INPUT, f"{lacking[0]}: a value is needed")
    values = {**inputs, **with_defaults(asked.asks, inputs)}
    return blank.model_copy(update={"stage": asked.stage, "inputs": values, "then": request.then})
