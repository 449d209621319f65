"""The fold of replies: which chains a project has, and where the latest one stands.

Only accepted replies count, in the order of their `seq`; the one exception is an abort that came too late, which still
pauses the chain. Everything a reply means was resolved when it was accepted, so the fold needs no definition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from schema.execution import Changes
from schema.inputs import Value
from schema.pipeline import EnvValue
from schema.reasons import Refusal
from schema.reply import Reply

_LATE_ABORT = (Refusal.ALREADY_ENDED, Refusal.NOTHING_RUNNING)


@dataclass(frozen=True, slots=True)
class Answer:
    seq: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Floor:
    """From `stage` on, only executions above `after` and replies above `seq` count."""

    stage: str
    after: int
    seq: int


@dataclass(frozen=True, slots=True)
class Chain:
    """What descends from one accepted start.

    `stage` is where the chain (re)started last and `request` who asked for that; executions count from `stage` on only
    if their number is above `after`. `pause_at` names the stage after whose success the chain pauses.
    """

    seq: int
    request: str
    stage: str
    after: int
    base: int | None = None
    changes: Changes | None = None  # of the workspace that `base` left
    rebased: bool = False  # `base` was named for the stage it goes on at, whatever the stages before left
    pause_at: str | None = None
    paused: bool = False
    inputs: Mapping[str, Value] = field(default_factory=dict)
    env: Mapping[str, EnvValue] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)  # stage -> seq of the skip
    answers: Mapping[str, Answer] = field(default_factory=dict)
    answered_once: frozenset[str] = frozenset()  # stages that this or an earlier chain answered
    inherited: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)  # answers of earlier chains
    fresh: bool = False  # no earlier result is taken
    images: Mapping[str, str] = field(default_factory=dict)  # stage -> image, in place of its own
    positions: tuple[Floor, ...] = ()  # every position the chain was put at, oldest first


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
    assert reply.position
    return Chain(
        seq=reply.seq,
        request=reply.request,
        stage=reply.position.stage,
        after=reply.position.after,
        base=reply.base,
        changes=reply.changes,
        pause_at=reply.position.stage if reply.then == "pause" else None,
        inputs=reply.inputs,
        env=reply.env,
        fresh=reply.fresh,
        images=_images(reply),
        answered_once=before.answered_once if before else frozenset(),
        inherited=_answers(before) if before else {},
        positions=(Floor(reply.position.stage, reply.position.after, reply.seq),),
    )


def _images(reply: Reply) -> dict[str, str]:
    return {reply.stage: reply.image} if reply.stage and reply.image else {}


def _answers(chain: Chain) -> dict[str, Mapping[str, Value]]:
    return {**chain.inherited, **{stage: answer.values for stage, answer in chain.answers.items()}}


def _continued(chain: Chain, reply: Reply) -> Chain:
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
                pause_at=reply.stage if reply.then == "pause" else chain.pause_at,
            )
    return chain


def _resumed(chain: Chain, reply: Reply) -> Chain:
    stage = reply.position.stage if reply.position else reply.stage
    chain = replace(
        chain,
        paused=False,
        pause_at=stage if reply.then == "pause" else None,
        inputs={**chain.inputs, **reply.inputs},
        env={**chain.env, **reply.env},
        fresh=chain.fresh or reply.fresh,
        images={**chain.images, **_images(reply)},
    )
    if reply.base is not None:
        chain = replace(chain, base=reply.base, changes=reply.changes)
    if not reply.position:
        return chain
    return replace(
        chain,
        stage=reply.position.stage,
        after=reply.position.after,
        rebased=reply.base is not None,
        request=reply.request,
        positions=(*chain.positions, Floor(reply.position.stage, reply.position.after, reply.seq)),
    )
