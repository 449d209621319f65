"""A fold that remembers what became of points comes to what a fold comes to that remembers nothing."""

from dataclasses import fields, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from flow.fold import stage_points
from flow.fold.next_stage import next_steps
from flow.fold.steps import Slot, Steps
from schema.execution import Result, State
from schema.packed import kept
from schema.reasons import End
from tests.unit.flow.builders import Story, started

BRANCHING = """
name: p
inputs: {limit: {type: number, default: 5}, x: {type: integer, default: 0}}
stages:
  - {name: cut, image: i}
  - name: many
    image: i
    needs: [cut]
    retry: {max: 1, when: [exit_code, node_lost]}
    parallel: {matrix: {x: [1, 2, 3, 4]}, max: 3}
    if: stages.cut.values.cars > inputs.x
  - name: each
    image: i
    needs: [cut]
    command: [run, "$[[ stages.cut.values.list ]]"]
    parallel: {for_each: "$[[ stages.cut.values.list ]]", as: limit}
    repeat: {until: "values.cars > inputs.limit", max: 2}
  - {name: ask, when: manual, needs: [many]}
  - {name: wide, image: i, needs: [many, each, ask], parallel: {matrix: {x: [1, 2]}}, allow_failure: true}
  - {name: join, image: i, needs: [wide, each], command: [run, "$[[ stages.each.values.cars ]]"]}
  - {name: late, image: i, needs: [wide], when: on_failure, parallel: {matrix: {x: [7, 8]}}}
"""
STAGES = ("cut", "many", "each", "ask", "wide", "join", "many.2", "each.1", "wide.2")
WISHES: tuple[dict[str, object], ...] = (
    *({"request": "start", "stage": stage} for stage in STAGES),
    *({"request": "resume", "stage": stage} for stage in STAGES),
    *({"request": "skip", "stage": stage} for stage in STAGES),
    {"request": "pause"}, {"request": "resume"}, {"request": "answer"}, {"request": "answer"}, {"request": "answer"},
    {"request": "start", "stage": "many", "parallel": {"matrix": {"x": [3, 1]}}},
    {"request": "start", "stage": "each", "then": "pause"},
)  # fmt: skip
ENDS = ((State.SUCCEEDED, None),) * 6 + (
    (State.RUNNING, None), (State.LOST, None), (State.FAILED, End.EXIT_CODE), (State.ABORTED, End.ABORTED),
)  # fmt: skip


def folded(story: Story, *, anew: bool) -> dict[str, object]:
    """All that a fold says, with the values above written out."""
    view = story.view
    steps: Steps = next_steps(view.definition, view.project, view.replies, view.executions, anew=anew)
    told = {each.name: getattr(steps, each.name) for each in fields(Steps)}
    return told | {"slots": [_shown(slot) for slot in steps.slots]}


def _shown(slot: Slot) -> Slot:
    values = {name: dict(given) for name, given in slot.scope.values.items()}
    return replace(slot, scope=replace(slot.scope, values=values))


def _goes_on(story: Story, chance: Random) -> None:
    """A request, an end of what runs, or a slot that is taken; a record may be another object from now on."""
    if chance.random() < 0.15:
        story.ask(**chance.choice(WISHES))
    active = [e for e in story.view.executions if e.state is State.RUNNING]
    if active and chance.random() < 0.5:
        story.now(chance.choice(active).execution, state=State.SUCCEEDED, result=_result(chance))
    elif wanted := story.wanted:
        state, reason = chance.choice(ENDS)
        record = story.ran(state, reason, of=chance.choice(wanted))
        if state.ended:
            story.now(record.execution, result=_result(chance))
    else:
        story.ask(**chance.choice(WISHES))
    if story.view.executions and chance.random() < 0.2:
        executions = list(story.view.executions)
        at = chance.randrange(len(executions))
        executions[at] = kept(executions[at]) if chance.random() < 0.5 else executions[at].model_copy()
        story.view = replace(story.view, executions=tuple(executions))


def _result(chance: Random) -> Result:
    return Result.model_validate(
        {"values": {"cars": chance.choice((1, 3, 7)), "list": chance.choice(("[2, 4]", "[6]", "no"))}}
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1 << 30))
def test_G1_a_fold_that_remembers_comes_to_the_same(seed: int) -> None:
    chance, story = Random(seed), started(BRANCHING)
    for _ in range(40):
        _goes_on(story, chance)
        assert folded(story, anew=False) == folded(story, anew=True)


def test_only_what_has_changed_is_looked_at_again(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    points = ", ".join(map(str, range(100)))
    story = started(f"name: p\nstages:\n  - {{name: many, image: i, parallel: {{matrix: {{x: [{points}]}}}}}}\n")
    looked: list[int | None] = []
    real = stage_points.status_of

    def counted(walk, stage, point, *more):  # type: ignore[no-untyped-def]
        looked.append(point)
        return real(walk, stage, point, *more)

    monkeypatch.setattr(stage_points, "status_of", counted)
    assert len(story.wanted) == 100
    assert len(looked) == 100
    looked.clear()
    story.ran(of="many.42")
    assert len(story.wanted) == 99
    assert looked == [42]
    looked.clear()
    story.ask(request="pause")
    assert story.wanted == []
    assert len(looked) == 100  # another chain, as far as anybody knows
