"""Random graphs, in any order in which branches end: every slot that can run does, none twice, a redo reruns exactly
what needs it, and what comes out does not depend on the order.
"""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from flow.fold.graph import graph_of
from schema.execution import State
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story, started

Shape = list[tuple[list[int], int]]
"""For each stage what it needs, and how many points it has: 0 for none."""


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    count = draw(st.integers(1, 7))
    return [
        (sorted(draw(st.sets(st.integers(0, at - 1), max_size=3))) if at else [], draw(st.sampled_from([0, 0, 1, 3])))
        for at in range(count)
    ]


def text(shape: Shape) -> str:
    lines = ["name: p\nstages:"]
    for at, (needs, points) in enumerate(shape):
        parallel = f", parallel: {{matrix: {{v: [{', '.join(map(str, range(points)))}]}}}}" if points else ""
        lines.append(f"  - {{name: s{at}, image: i, needs: [{', '.join(f's{n}' for n in needs)}]{parallel}}}")
    return "\n".join(lines) + "\n"


def slots(shape: Shape, only: set[int] | None = None) -> list[str]:
    found = [
        f"s{at}.{point}" if points else f"s{at}"
        for at, (_, points) in enumerate(shape)
        for point in range(1, max(points, 1) + 1)
        if only is None or at in only
    ]
    return sorted(found)


def run(story: Story, order: Random, failing: frozenset[str] = frozenset()) -> None:
    """Takes what is wanted in a random order, and ends it at once; of what is needed all has ended before."""
    while wanted := story.wanted:
        assert len(wanted) == len(set(wanted))
        name = order.choice(wanted)
        for need in story.steps.standings:
            stage = name.partition(".")[0]
            if need.stage in graph_of(story.view.definition).above[stage]:
                assert need.status == "done", f"{name} is wanted before {need.stage} is done"
        ended = (State.FAILED, End.EXIT_CODE) if name in failing else (State.SUCCEEDED, None)
        story.ran(*ended, of=name)


@settings(deadline=None, max_examples=80)
@given(shapes(), st.integers(0, 999))
def test_G1_every_slot_runs_once_in_whatever_order_branches_end(shape: Shape, seed: int) -> None:
    story = started(text(shape))
    run(story, Random(seed))
    assert sorted(e.slot for e in story.view.executions) == slots(shape)
    assert story.steps.wait.reason is Wait.DONE
    other = started(text(shape))
    run(other, Random(seed + 1))
    assert [s.status for s in other.steps.standings] == [s.status for s in story.steps.standings]


@settings(deadline=None, max_examples=80)
@given(shapes(), st.integers(0, 999), st.data())
def test_G2_a_redo_runs_a_stage_and_what_needs_it_and_nothing_else(
    shape: Shape, seed: int, data: st.DataObject
) -> None:
    story = started(text(shape))
    run(story, Random(seed))
    at = data.draw(st.integers(0, len(shape) - 1))
    before = story.view.last_execution
    assert story.ask(request="start", stage=f"s{at}").accepted
    run(story, Random(seed))
    below = {int(name[1:]) for name in graph_of(story.view.definition).below[f"s{at}"]}
    new = sorted(e.slot for e in story.view.executions if e.execution > before)
    assert new == slots(shape, below | {at})
    assert story.steps.wait.reason is Wait.DONE


@settings(deadline=None, max_examples=80)
@given(shapes(), st.integers(0, 999), st.data())
def test_G6_what_fails_stops_what_needs_it_and_nothing_else(shape: Shape, seed: int, data: st.DataObject) -> None:
    story = started(text(shape))
    failing = data.draw(st.sampled_from(slots(shape)))
    run(story, Random(seed), frozenset({failing}))
    stage = failing.partition(".")[0]
    below = {int(name[1:]) for name in graph_of(story.view.definition).below[stage]}
    ran = sorted(e.slot for e in story.view.executions)
    assert ran == slots(shape, set(range(len(shape))) - below)
    assert {s.stage for s in story.steps.standings if s.status == "blocked"} == {f"s{number}" for number in below}
    assert story.steps.wait.reason is Wait.FAILED
