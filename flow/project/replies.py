"""Requests to replies. A reply resolves everything the fold needs, on the view it is committed on.

`answer_all` gives the replies for a project's unanswered requests, each judged on the view that the ones before it
leave. An abort of an execution that still runs is not answered here: its reply stands in the push that ends it, and
what was asked after it waits for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flow.fold.chains import fold
from flow.fold.graph import graph_of
from flow.fold.interpolation import names_of
from flow.fold.next_stage import next_steps
from flow.fold.repetition import earlier_runs
from flow.fold.steps import Steps, Waiting
from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, RequestFile
from flow.points.points import NoPoints, fitted
from flow.points.search_mistakes import unsearchable
from schema import images
from schema.asked_later import fit_inputs
from schema.execution import Changes, Execution, State, WorkspaceRecord
from schema.inputs import InputError, Value, fit_all, missing, with_defaults
from schema.pipeline import Matrix, Pipeline, explicit
from schema.reasons import End, Refusal, Wait
from schema.reply import Beginning, Position, Reply
from schema.request import Request, WorkspaceFrom
from schema.search import TrialSearch
from schema.suggest import did_you_mean


class RequestRefused(Exception):
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
    return Steps(None, waits=(Waiting(Wait.INVALID, text=text),), active=active)


def _but_flagged(view: ProjectView, steps: Steps) -> Steps:
    """Nothing of a stage starts while a person has to settle what somebody wrote of it."""
    for flag in view.flags:
        stages = {each.stage for each in flag.paths}
        held = [slot for slot in steps.slots if "" in stages or slot.stage.name in stages]
        if held:
            slots = tuple(slot for slot in steps.slots if slot not in held)
            names = dict.fromkeys(slot.stage.name for slot in held)
            waits = tuple(Waiting(Wait.INVALID, name, flag.text) for name in names)
            steps = replace(steps, slots=slots, waits=(*waits, *steps.waits))
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
        if abort_targets(view, file):
            return
        answered = answer(view, file)
        view = answered.view
        yield answered


def pending_abort(view: ProjectView) -> int | None:
    """The running execution that the first unanswerable request wants to end; of several the newest."""
    for file in view.unanswered:
        if targets := abort_targets(view, file):
            return targets[-1]
        view = answer(view, file).view
    return None


def abort_targets(view: ProjectView, file: RequestFile) -> tuple[int, ...]:
    """The executions that an abort waits for, if it is one: those it is aimed at that have not ended."""
    request = file.request
    if request is None or request.request != "abort":
        return ()
    open_ones = [e for e in view.executions if not e.state.ended]
    if request.execution is not None:
        open_ones = [e for e in open_ones if e.execution == request.execution]
    elif request.stage is not None:
        open_ones = [e for e in open_ones if request.stage in (e.stage, e.slot)]
    return tuple(e.execution for e in open_ones)


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
    except RequestRefused as refused:
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
        raise RequestRefused(Refusal.MALFORMED, file.problem)
    if view.project is None:
        if view.deletion or view.tombstone:
            raise RequestRefused(
                Refusal.PROJECT_DELETED, f"project {view.id!r} is deleted; restore its project.yaml first"
            )
        raise RequestRefused(Refusal.INVALID_PROJECT, view.problem or f"project {view.id!r} has no project.yaml")
    request = file.request
    if view.id == images.PROJECT:
        _only_builds(request)
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


def _only_builds(request: Request) -> None:
    """What a build makes follows from its folder's tree alone, so that a request may not say anything else of it."""
    names = ("image", "env", "inputs", "workspace", "parallel", "search")
    if said := [name for name in names if getattr(request, name)]:
        text = f"{', '.join(said)}: an image is built from its folder on main alone; commit what is to be different"
        raise RequestRefused(Refusal.NOT_SUPPORTED, text)


def _start(view: ProjectView, request: Request, blank: Reply) -> tuple[Reply, Pipeline]:
    assert view.project
    pipeline = _newest(view)
    _fits(pipeline, dict(view.project.inputs), f"project {view.id!r}: ")
    inputs = _fits(pipeline, request.inputs, "")
    begins = _begins(view, pipeline, request)
    stage = begins[0].stage
    base, changes = _built_on(view, pipeline, begins, request)
    reply = blank.model_copy(
        update={
            "position": _position(begins + _changed_points(view, pipeline, begins), view.last_execution),
            "stage": stage,
            "parallel": _swept(pipeline, stage, _points_asked(request)),
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
    if pipeline.plain and not (
        reply.parallel or (view.definition and not view.definition.plain and _kept_points(view))
    ):
        return reply, pipeline
    return reply, explicit(pipeline)


def _position(begins: tuple[Beginning, ...], after: int) -> Position:
    first = begins[0]
    return Position(stage=first.stage, point=first.point, base=first.base, after=after, others=begins[1:])


def _begins(view: ProjectView, pipeline: Pipeline, request: Request) -> tuple[Beginning, ...]:
    if request.stage:
        begin = _addressed(view, pipeline, request.stage)
        if begin.point is not None and (request.parallel or request.search):
            raise RequestRefused(Refusal.NOT_SUPPORTED, f"points are given to a whole stage, not to {request.stage!r}")
        return (begin,)
    return _standing(view, pipeline) or tuple(Beginning(stage=name) for name in graph_of(pipeline).roots)


def _addressed(view: ProjectView, pipeline: Pipeline, address: str) -> Beginning:
    """A stage, or a point of one as in `detect.2`."""
    stage, _, number = address.rpartition(".")
    if pipeline.stage(address) is None and number.isdecimal() and pipeline.stage(stage):
        return _point(view, pipeline, stage, int(number))
    _known(pipeline, address)
    return Beginning(stage=address)


def _point(view: ProjectView, pipeline: Pipeline, stage: str, point: int) -> Beginning:
    known = steps_of(view).standing(stage)
    points = len(known.points) if known else 0
    if not points:
        raise RequestRefused(Refusal.UNKNOWN_STAGE, f"stage {stage!r} has no points now; name the stage alone")
    if not 1 <= point <= points:
        raise RequestRefused(Refusal.UNKNOWN_STAGE, f"stage {stage!r} has the points 1 to {points}, not {point}")
    if _said_otherwise(view.definition, pipeline, stage):
        raise RequestRefused(Refusal.NOT_SUPPORTED, f"the points of {stage!r} have changed since; redo the whole stage")
    return Beginning(stage=stage, point=point)


def _said_otherwise(before: Pipeline | None, pipeline: Pipeline, stage: str) -> bool:
    """Whether a stage had other points in the definition of the latest chain."""
    old, new = before.stage(stage) if before else None, pipeline.stage(stage)
    return bool(old and new and old.parallel != new.parallel)


def _changed_points(view: ProjectView, pipeline: Pipeline, begins: tuple[Beginning, ...]) -> tuple[Beginning, ...]:
    """Stages in other branches whose points are others now, so that what they left counts no more."""
    begun = {begin.stage for begin in begins}
    return tuple(
        Beginning(stage=stage.name)
        for stage in pipeline.stages
        if stage.name not in begun and _said_otherwise(view.definition, pipeline, stage.name)
    )


def _kept_points(view: ProjectView) -> bool:
    return bool(fold(view.replies)[-1].matrices)


def _points_asked(request: Request) -> Matrix | None:
    return Matrix(search=request.search) if request.search else request.parallel


def _swept(pipeline: Pipeline, stage: str, asked: Matrix | None) -> Matrix | None:
    """The points that a request gives, each value as its input's type."""
    if asked is None:
        return None
    found = pipeline.stage(stage)
    own = (found.parallel.matrix or {}) if found and found.parallel else {}
    if found is None or found.gate:
        raise RequestRefused(Refusal.NOT_SUPPORTED, f"stage {stage!r} runs nothing that could have points")
    for name in names_of(asked):
        if name not in pipeline.inputs and name not in own:
            hint = did_you_mean(name, [*pipeline.inputs, *own])
            raise RequestRefused(Refusal.UNKNOWN_INPUT, f"{name}: no such input{hint}")
    if asked.search:
        return _searched(pipeline, asked.search, asked)
    try:
        lists = {
            name: tuple(fitted({name: value}, pipeline.inputs)[name] for value in values)
            for name, values in (asked.matrix or {}).items()
        }
    except NoPoints as error:
        raise RequestRefused(Refusal.INVALID_INPUT, str(error)) from None
    return asked.model_copy(update={"matrix": lists})


def _searched(pipeline: Pipeline, search: TrialSearch, asked: Matrix) -> Matrix:
    """Whatever is proposed has to be a value of its input."""
    for _, what in unsearchable(search, pipeline.inputs):
        raise RequestRefused(Refusal.INVALID_INPUT, what)
    return asked


def _newest(view: ProjectView) -> Pipeline:
    assert view.project
    if view.pipeline:
        return view.pipeline
    name = view.project.pipeline
    if view.definition and view.definition.name == name.partition("@")[0] and not view.pipeline_problem:
        return view.definition
    if view.pipeline_problem:
        raise RequestRefused(Refusal.INVALID_PIPELINE, view.pipeline_problem)
    raise RequestRefused(
        Refusal.UNKNOWN_PIPELINE, f"there is no pipeline {name!r}; `winslowctl pipelines ls` lists them"
    )


def _fits(pipeline: Pipeline, values: dict[str, Value], where: str) -> dict[str, Value]:
    try:
        return fit_inputs(pipeline, values)
    except InputError as error:
        unknown = "no such input" in str(error)
        raise RequestRefused(Refusal.UNKNOWN_INPUT if unknown else Refusal.INVALID_INPUT, f"{where}{error}") from None


def _known(pipeline: Pipeline, stage: str) -> None:
    if pipeline.stage(stage) is None:
        names = [other.name for other in pipeline.stages]
        raise RequestRefused(
            Refusal.UNKNOWN_STAGE,
            f"pipeline {pipeline.name!r} has no stage {stage!r}{did_you_mean(stage, names)}; it has {', '.join(names)}",
        )


def _standing(view: ProjectView, pipeline: Pipeline) -> tuple[Beginning, ...]:
    """Where the project stands: what is in the way of its chain; nothing after a finished or no chain.

    Of stages that need each other only the upper ones: with them the lower ones are done anew too.
    """
    steps = steps_of(view)
    waited = {wait.stage for wait in steps.waits}
    standing = [s.stage for s in steps.standings if s.status in ("active", "run") or s.stage in waited]
    known = [stage for stage in standing if pipeline.stage(stage)]
    above = graph_of(pipeline).above
    return tuple(Beginning(stage=stage) for stage in known if above[stage].isdisjoint(known))


def _built_on(
    view: ProjectView, pipeline: Pipeline, begins: tuple[Beginning, ...], request: Request
) -> tuple[int | None, Changes | None]:
    """Without a word about it: what the stage's last execution was built on, changed in the same way."""
    if request.workspace:
        return _existing(view, request.workspace.source), _changes(request.workspace)
    if len(begins) > 1:
        return None, None  # each goes on from what it needs
    begin = begins[0]
    last = _last(view, pipeline, begin)
    return _base(view, pipeline, begin), _changes(last.workspace) if last else None


def _last(view: ProjectView, pipeline: Pipeline, begin: Beginning) -> Execution | None:
    """The stage's last execution; of one that repeats the first run that led to it."""
    last = next((e for e in reversed(view.executions) if _of(e, begin)), None)
    stage = pipeline.stage(begin.stage)
    if last is None or stage is None or not stage.repeat:
        return last
    return [*earlier_runs({e.execution: e for e in view.executions}, last.execution)][-1]


def _of(execution: Execution, begin: Beginning) -> bool:
    return execution.stage == begin.stage and begin.point in (None, execution.point)


def _changes(asked: WorkspaceFrom | WorkspaceRecord) -> Changes | None:
    return Changes(add=asked.add, remove=asked.remove) if asked.add or asked.remove else None


def _base(view: ProjectView, pipeline: Pipeline, begin: Beginning) -> int | None:
    """What the stage's last execution was built on; else the newest success of a stage that it needs."""
    last = _last(view, pipeline, begin)
    if last:
        return last.workspace.source
    earlier = graph_of(pipeline).above[begin.stage]
    for execution in reversed(view.executions):
        if execution.stage in earlier and execution.state is State.SUCCEEDED:
            return execution.execution
    return None


def _existing(view: ProjectView, number: int) -> int:
    execution = view.execution(number)
    if execution is None or not execution.state.ended:
        what = "has not ended" if execution else "does not exist"
        raise RequestRefused(Refusal.UNKNOWN_EXECUTION, f"execution {number} {what}; no workspace can start from it")
    return number


def _resume(view: ProjectView, request: Request, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_TO_RESUME)
    assert view.definition
    reply = blank.model_copy(
        update={
            "then": request.then,
            "inputs": _fits(view.definition, request.inputs, ""),
            "env": request.env,
            "fresh": request.fresh,
            "image": request.image,
        }
    )
    if request.workspace:
        base, changes = _existing(view, request.workspace.source), _changes(request.workspace)
        reply = reply.model_copy(update={"base": base, "changes": changes})
    if request.stage:
        begin = _addressed(view, view.definition, request.stage)
        position = _position((begin,), view.last_execution)
        return reply.model_copy(update={"position": position, "stage": begin.stage})
    if steps.wait and steps.wait.reason is Wait.DONE:
        text = "every stage is done; `start --stage` redoes one, `resume --stage` goes on from one"
        raise RequestRefused(Refusal.NOTHING_TO_RESUME, text)
    if stopped := _stopped(view.definition, steps):
        bases = {} if request.workspace else steps.bases
        begins = tuple(each.model_copy(update={"base": bases.get((each.stage, each.point))}) for each in stopped)
        reply = reply.model_copy(update={"position": _position(begins, view.last_execution)})
    return reply.model_copy(update={"stage": stopped[0].stage if stopped else steps.stage})


def _stopped(pipeline: Pipeline, steps: Steps) -> tuple[Beginning, ...]:
    """What failed, was rejected or is paused: of a matrix only those points, of stages only the uppermost."""
    reasons = (Wait.FAILED, Wait.REJECTED, Wait.PAUSE_REQUESTED)
    waits = [wait for wait in steps.waits if wait.reason in reasons and wait.stage]
    stages, above = {str(wait.stage) for wait in waits}, graph_of(pipeline).above
    upper = (Beginning(stage=str(w.stage), point=w.point) for w in waits if above[str(w.stage)].isdisjoint(stages))
    once = dict.fromkeys((begin.stage, begin.point) for begin in upper)
    return tuple(Beginning(stage=stage, point=point) for stage, point in once if not _resting(steps, stage, point))


def _resting(steps: Steps, stage: str, point: int | None) -> bool:
    """A pause of a stage with points is over with the request: those that succeeded or run are not done again."""
    found = steps.standing(stage)
    return point is None and bool(found and found.points)


def _begun(view: ProjectView, otherwise: Refusal) -> Steps:
    steps = steps_of(view)
    if steps.chain is None:
        raise RequestRefused(otherwise, f"project {view.id!r} was never started; `winslowctl start {view.id}` does")
    if view.definition is None:
        raise RequestRefused(Refusal.INVALID_PIPELINE, "the definition of its chain cannot be read; start it anew")
    return steps


def _pause(view: ProjectView, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_RUNNING)
    if steps.wait and steps.wait.reason is Wait.DONE and not steps.active:
        raise RequestRefused(Refusal.NOTHING_RUNNING, "every stage is done; there is nothing to pause")
    return blank.model_copy(update={"stage": steps.stage})


def _abort(view: ProjectView, request: Request, blank: Reply, aborted: int | None) -> Reply:
    if aborted is not None:
        return _ended(view, request, blank, aborted)
    if request.execution is not None and view.execution(request.execution) is None:
        has = f"it has 1 to {view.last_execution}" if view.executions else "nothing ran yet"
        raise RequestRefused(Refusal.UNKNOWN_EXECUTION, f"there is no execution {request.execution}; {has}")
    if not view.executions:
        raise RequestRefused(Refusal.NOTHING_RUNNING, "nothing runs; the project is paused all the same")
    number = request.execution or view.last_execution
    raise RequestRefused(Refusal.ALREADY_ENDED, f"execution {number} had ended; the project is paused all the same")


def _ended(view: ProjectView, request: Request, blank: Reply, aborted: int) -> Reply:
    """Accepted, with all that it has ended. What was aimed at one execution pauses only what needs that."""
    every = ended_by_abort(view)
    record = view.execution(aborted)
    aimed = request.execution is not None or (request.stage and record and request.stage == record.slot)
    branching = view.definition is not None and not view.definition.plain
    stage = record.stage if record and aimed and branching else None
    executions = every if len(every) > 1 else ()
    return blank.model_copy(update={"execution": aborted, "executions": executions, "stage": stage})


def ended_by_abort(view: ProjectView) -> tuple[int, ...]:
    """Executions that an abort has ended which has no reply yet."""
    told = {n for reply in view.replies if reply.kind == "abort" for n in (reply.execution, *reply.executions)}
    ended = (e.execution for e in view.executions if e.reason is End.ABORTED and e.state is State.ABORTED)
    return tuple(number for number in ended if number not in told)


def _skip(view: ProjectView, request: Request, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_RUNNING)
    assert view.definition
    assert request.stage
    _addressed(view, view.definition, request.stage)
    if any(request.stage in (e.stage, e.slot) for e in steps.active):
        raise RequestRefused(Refusal.NOT_SUPPORTED, f"stage {request.stage!r} runs; abort it first")
    return blank.model_copy(update={"stage": request.stage})


def _answer(view: ProjectView, request: Request, blank: Reply) -> Reply:
    steps = _begun(view, Refusal.NOTHING_ASKED)
    assert view.definition
    asked = _asking(view, steps, request.stage)
    specs = {**view.definition.inputs, **asked.asks}
    try:
        inputs = fit_all(specs, request.inputs)
    except InputError as error:
        raise RequestRefused(Refusal.INVALID_INPUT, str(error)) from None
    if lacking := missing(asked.asks, inputs):
        raise RequestRefused(Refusal.INVALID_INPUT, f"{lacking[0]}: a value is needed")
    values = {**inputs, **with_defaults(asked.asks, inputs)}
    return blank.model_copy(update={"stage": asked.stage, "inputs": values, "then": request.then})


def _asking(view: ProjectView, steps: Steps, stage: str | None) -> Waiting:
    """What the answer is for; where several ask, the answer says which."""
    names = [each.stage for each in steps.asked if each.stage]
    if not names:
        raise RequestRefused(Refusal.NOTHING_ASKED, f"project {view.id!r} asks for nothing now")
    if stage is None and len(set(names)) > 1:
        text = f"the stages {', '.join(dict.fromkeys(names))} ask; say which is answered with `stage`"
        raise RequestRefused(Refusal.NOTHING_ASKED, text)
    if stage is not None and stage not in names:
        raise RequestRefused(Refusal.NOTHING_ASKED, f"stage {names[0]!r} asks, not {stage!r}")
    return next(each for each in steps.asked if stage in (None, each.stage))
