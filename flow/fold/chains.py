"""The fold of replies: which chains a project has, and where the latest one stands.

Only accepted replies count, in the order of their `seq`; the one exception is an abort that came too late, which still
pauses the chain. Everything a reply means was resolved when it was accepted, so the fold needs no definition.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flow.fold.graph import Graph, graph_of
from schema.execution import Changes, Execution
from schema.inputs import Value
from schema.pipeline import Matrix, Pipeline
from schema.reasons import Refusal
from schema.reply import Reply
from schema.services import EnvValue

_LATE_ABORT = (Refusal.ALREADY_ENDED, Refusal.NOTHING_RUNNING)


@dataclass(frozen=True, slots=True)
class Answer:
    seq: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Begin:
    """A stage, or one point of it, from which a request lets things be done anew."""

    stage: str
    point: int | None = None
    base: int | None = None  # the result that it goes on from, where it repeats


@dataclass(frozen=True, slots=True)
class RestartPoint:
    """From where it begins on, only executions above `after` and replies above `seq` count.

    `named`: it is said what its stages begin with, even if that is nothing.
    """

    begins: tuple[Begin, ...]
    after: int
    seq: int
    chain: int
    request: str
    base: int | None = None  # execution whose workspace they begin with
    changes: Changes | None = None  # of that workspace
    named: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """What descends from one accepted start. Stages that it does not reach keep what earlier chains left.

    `positions` are all that were asked for, in earlier chains too, oldest first. `pause_at` names the stages after
    whose success the chain pauses, `halted` those of which an execution was aborted: nothing below goes on.
    """

    seq: int
    request: str
    positions: tuple[RestartPoint, ...] = ()
    pause_at: frozenset[str] = frozenset()
    paused: bool = False
    halted: frozenset[str] = frozenset()
    inputs: Mapping[str, Value] = field(default_factory=dict)
    env: Mapping[str, EnvValue] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)  # stage or stage.point -> seq of the skip
    answers: Mapping[str, Answer] = field(default_factory=dict)
    answered_once: frozenset[str] = frozenset()  # stages that this or an earlier chain answered
    fresh: bool = False  # no earlier result is taken
    images: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # stage -> chain, image in place of its own
    matrices: Mapping[str, tuple[int, Matrix]] = field(default_factory=dict)  # stage -> chain, the points asked for

    @property
    def newest(self) -> RestartPoint:
        return self.positions[-1]

    @property
    def stage(self) -> str:
        """Where it (re)started last."""
        return self.newest.begins[0].stage


def fold(replies: Iterable[Reply]) -> tuple[Chain, ...]:
    """All chains, oldest first; only the last one is continued."""
    chains: list[Chain] = []
    for reply in replies:
        if reply.kind == "start" and reply.accepted and reply.position:
            chains.append(_opened(reply, chains[-1] if chains else None))
        elif chains:
            chains[-1] = _continued(chains[-1], reply)
    return tuple(chains)


def _opened(reply: Reply, before: Chain | None) -> Chain:
    floor = _floor(reply, reply.seq)
    named = reply.base is not None or len(floor.begins) == 1
    before = before or Chain(0, "")
    return Chain(
        seq=reply.seq,
        request=reply.request,
        positions=(*before.positions, replace(floor, named=named)),
        pause_at=_stages(floor) if reply.then == "pause" else frozenset(),
        inputs=reply.inputs,
        env=reply.env,
        fresh=reply.fresh,
        skipped=before.skipped,
        answers=before.answers,
        answered_once=before.answered_once,
        images={**before.images, **_images(reply, reply.seq)},
        matrices={**before.matrices, **_matrices(reply, reply.seq)},
    )


def _floor(reply: Reply, chain: int) -> RestartPoint:
    assert reply.position
    position = reply.position
    begins = tuple(Begin(each.stage, each.point, each.base) for each in (position, *position.others))
    return RestartPoint(begins, position.after, reply.seq, chain, reply.request, reply.base, reply.changes)


def _stages(floor: RestartPoint) -> frozenset[str]:
    return frozenset(begin.stage for begin in floor.begins)


def _images(reply: Reply, chain: int) -> dict[str, tuple[int, str]]:
    return {reply.stage: (chain, reply.image)} if reply.stage and reply.image else {}


def _matrices(reply: Reply, chain: int) -> dict[str, tuple[int, Matrix]]:
    return {reply.stage: (chain, reply.parallel)} if reply.stage and reply.parallel else {}


def _continued(chain: Chain, reply: Reply) -> Chain:
    if reply.kind == "abort" and reply.accepted and reply.stage:
        return replace(chain, halted=chain.halted | {reply.stage})
    if reply.kind == "abort" and (reply.accepted or reply.reason in _LATE_ABORT):
        return replace(chain, paused=True)
    if not reply.accepted:
        return chain
    match reply.kind:
        case "pause":
            return replace(chain, paused=True)
        case "resume":
            return _resumed(chain, reply)
        case "skip" if reply.stage:
            return replace(chain, skipped={**chain.skipped, reply.stage: reply.seq})
        case "answer" if reply.stage:
            return replace(
                chain,
                inputs={**chain.inputs, **reply.inputs},
                answers={**chain.answers, reply.stage: Answer(reply.seq, reply.inputs)},
                answered_once=chain.answered_once | {reply.stage},
                pause_at=frozenset({reply.stage}) if reply.then == "pause" else chain.pause_at,
            )
    return chain


def _resumed(chain: Chain, reply: Reply) -> Chain:
    standing = frozenset({reply.stage} if reply.stage else ())
    chain = replace(
        chain,
        paused=False,
        halted=frozenset(),
        pause_at=standing if reply.then == "pause" else frozenset(),
        inputs={**chain.inputs, **reply.inputs},
        env={**chain.env, **reply.env},
        fresh=chain.fresh or reply.fresh,
        images={**chain.images, **_images(reply, chain.seq)},
    )
    if not reply.position and reply.base is not None:
        newest = replace(chain.newest, base=reply.base, changes=reply.changes)
        return replace(chain, positions=(*chain.positions[:-1], newest))
    if not reply.position:
        return chain
    floor = replace(_floor(reply, chain.seq), named=reply.base is not None)
    return replace(
        chain,
        request=reply.request,
        positions=(*chain.positions, floor),
        pause_at=_stages(floor) if reply.then == "pause" else frozenset(),
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """What counts of a stage, or of a point of it. `passed`: a request began below it, so nobody waits for it."""

    after: int = 0
    seq: int = 0
    chain: int = 0
    request: str = ""
    passed: bool = False
    base: int | None = None  # the result that a stage which repeats goes on from


@dataclass(slots=True)
class Grounds:
    """By stage; and by (stage, point) what is newer for one point than for the whole stage."""

    stages: dict[str, Ground]
    points: dict[tuple[str, int], Ground]

    def of(self, stage: str, point: int | None) -> Ground:
        whole = self.stages[stage]
        return whole if point is None else self.points.get((stage, point), whole)


def grounds(graph: Graph, chain: Chain) -> Grounds:
    """For each stage the newest position that begins at it or above it; the later request wins for each stage."""
    found = Grounds({}, {})
    passed, pointed = set[str](), set[str]()  # what is wanted of one point at least is not passed by an older request
    for floor in reversed(chain.positions):
        begins = [begin for begin in floor.begins if begin.stage in graph.needs]
        ground = Ground(floor.after, floor.seq, floor.chain, floor.request)
        anew = {name for begin in begins for name in _anew(graph, begin)}
        bases = {begin.stage: begin.base for begin in begins if begin.point is None}
        for name in anew - found.stages.keys():
            found.stages[name] = replace(ground, passed=name in passed, base=bases.get(name))
        for begin in begins:
            if begin.point is not None and begin.stage not in found.stages:
                found.points.setdefault((begin.stage, begin.point), replace(ground, base=begin.base))
        pointed |= {begin.stage for begin in begins if begin.point is not None} - passed
        passed |= {name for begin in begins for name in graph.above[begin.stage]} - found.stages.keys() - pointed
        if len(found.stages) == len(graph.needs):
            break
    for name in graph.needs.keys() - found.stages.keys():
        found.stages[name] = Ground(passed=name in passed)
    return found


def _anew(graph: Graph, begin: Begin) -> frozenset[str]:
    below = graph.below[begin.stage]
    return below if begin.point is not None else below | {begin.stage}


def skipped_since(chain: Chain, slot: str, ground: Ground) -> bool:
    """Whether a person skipped that stage, or point of it, since it is wanted."""
    return chain.skipped.get(slot, 0) > ground.seq


def still_wanted(pipeline: Pipeline | None, replies: Sequence[Reply], execution: Execution) -> bool:
    """Whether the fold, with this execution counted as running, has a use for it."""
    chains = fold(replies)
    if not chains or pipeline is None:
        return False
    latest = chains[-1]
    if execution.chain != latest.seq:
        return any(chain.seq == execution.chain for chain in chains)
    if pipeline.stage(execution.stage) is None:
        return False
    ground = grounds(graph_of(pipeline), latest).of(execution.stage, execution.point)
    skipped = any(skipped_since(latest, name, ground) for name in (execution.stage, execution.slot))
    return execution.execution > ground.after and not skipped
