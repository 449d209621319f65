"""What has to hold before a slot runs: its condition, what a person says at it, and that nobody paused the chain."""

from collections.abc import Callable

from flow.fold.interpolation import Scope
from flow.fold.steps import Status, Waiting
from flow.fold.walk import StageFound, Walk
from schema.condition import INPUT, VALUE, ConditionError, holds, parse, written
from schema.pipeline import Stage, When
from schema.reasons import Wait


def unmet(text: str, scope: Scope) -> str:
    """A condition that does not hold, with its values; nothing where it does. ConditionError where nobody can say."""
    condition, lookup = parse(text), _lookup(scope)
    return "" if holds(condition, lookup) else written(condition, lookup)


def _lookup(scope: Scope) -> Callable[[str], object]:
    def lookup(name: str) -> object:
        if match := INPUT.fullmatch(name):
            if match[1] not in scope.inputs:
                raise ConditionError(f"the input {match[1]!r} has no value")
            return scope.inputs[match[1]]
        match = VALUE.fullmatch(name)
        assert match
        values = scope.values.get(match[1], {})
        if match[2] not in values:
            raise ConditionError(f"stage {match[1]!r} has given no value {match[2]!r} in this chain")
        return values[match[2]]

    return lookup


def condition(walk: Walk, stage: Stage, scope: Scope, found: StageFound) -> Status | None:
    """None where it holds."""
    assert stage.condition
    try:
        fails = unmet(stage.condition, scope)
    except ConditionError as error:
        return walk.hold(found, Waiting(Wait.INVALID, stage.name, f"if: {error}"))
    if not fails:
        return None
    found.text = f"its condition does not hold: {fails}"
    return "skipped"


def people(walk: Walk, stage: Stage, found: StageFound) -> Status | None:
    """What a person says about it, or is asked for. None where nobody keeps it from running."""
    if _held_back(walk, stage, found):
        return walk.hold(found, _paused_after(walk, stage))
    if stage.when.asks and not _answered(walk, stage):
        text = stage.confirm or f"stage {stage.name!r} waits for a person"
        return walk.hold(found, Waiting(Wait.MANUAL_APPROVAL, stage.name, text, stage.inputs))
    return _gate(walk, stage, found) if stage.gate else None


def _held_back(walk: Walk, stage: Stage, found: StageFound) -> bool:
    """Whether the chain was asked to pause after other stages than this one."""
    return bool(walk.chain.pause_at) and stage.name not in walk.chain.pause_at and not found.upset


def _paused_after(walk: Walk, stage: Stage) -> Waiting:
    after = ", ".join(repr(name) for name in walk.graph.needs if name in walk.chain.pause_at)
    return Waiting(Wait.PAUSE_REQUESTED, stage.name, f"paused after {after}, as asked")


def _answered(walk: Walk, stage: Stage) -> bool:
    if walk.answer(stage) is not None:
        return True
    return stage.when is When.MANUAL_ONCE and stage.name in walk.chain.answered_once


def _gate(walk: Walk, stage: Stage, found: StageFound) -> Status:
    answer = walk.answer(stage) or {}
    found.answered = answer
    if answer.get("keep") is False:
        return walk.hold(found, Waiting(Wait.REJECTED, stage.name, f"rejected at {stage.name!r}"))
    return "done"


def paused(walk: Walk, stage: Stage) -> Waiting | None:
    """By a person, or since an execution above it was aborted."""
    if not walk.chain.paused and walk.chain.halted.isdisjoint(walk.graph.above[stage.name]):
        return None
    return Waiting(Wait.PAUSE_REQUESTED, stage.name, f"paused before {stage.name!r}")
