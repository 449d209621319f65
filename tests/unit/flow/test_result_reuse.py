"""Which earlier results may be taken: all that the repository says must be the same."""

import pytest

from flow.node.node_world import NodeIdentity
from flow.reconcile.launch_order import take
from flow.reconcile.result_reuse import OWN, definition
from schema.execution import Execution, Lease, State
from schema.node import Inventory
from tests.unit.flow.builders import Story, pipeline, started

CACHED = "name: p\ninputs: {speed: {type: number, default: 1}}\nstages:\n  - {name: only, image: i, cache: true%s}\n"
ME = NodeIdentity("n1", "i", Inventory(node="n1", incarnation="i"))


def claimed(story: Story) -> tuple[Execution, list[int]]:
    """The claim that would be made now, and the executions whose result it may take."""
    slot = story.steps.run
    assert slot
    taken = take(ME, story.view, slot, claim="a" * 32, lease=Lease(), wanted="c" * 40, wall="now")
    return taken.record, [each.execution for each in taken.entry.order.earlier]


def ran(story: Story, state: State = State.SUCCEEDED) -> None:
    record, _ = claimed(story)
    done = story.ran(state)
    kept = ("definition", "command", "env", "inputs", "image")
    story.now(done.execution, state=state, **{name: getattr(record, name) for name in kept})


def test_a_stage_that_nothing_changed_for_may_take_the_earlier_result() -> None:
    story = started(CACHED % "")
    assert claimed(story)[1] == []
    ran(story)
    story.ask(request="start")
    assert claimed(story)[1] == [1]


@pytest.mark.parametrize(
    "wish",
    [
        {"inputs": {"speed": 2}},
        {"env": {"X": "1"}},
        {"fresh": True},
        {"stage": "only", "image": "other@sha256:000000000000000000000000000000000"},
    ],
)
def test_what_differs_has_to_run(wish: dict[str, object]) -> None:
    story = started(CACHED % "")
    ran(story)
    story.ask(request="start", **wish)
    assert claimed(story)[1] == []


def test_without_the_word_nothing_is_taken() -> None:
    story = started((CACHED % "").replace(", cache: true", ""))
    ran(story)
    story.ask(request="start")
    assert claimed(story)[1] == []


def test_a_failure_is_never_taken() -> None:
    story = started(CACHED % "")
    ran(story, State.FAILED)
    story.ask(request="start")
    assert claimed(story)[1] == []


@pytest.mark.parametrize("more", [", artifacts: {paths: [x]}", ", entrypoint: [sh]", ", resources: {memory: 1G}"])
def test_what_the_definition_says_of_the_result_counts(more: str) -> None:
    one, other = (pipeline(CACHED % text).stages[0] for text in ("", more))
    assert definition(one) != definition(other)


@pytest.mark.parametrize("more", [", timeout: 5m", ", retry: {max: 3}", ", description: x"])
def test_what_says_nothing_of_the_result_does_not(more: str) -> None:
    one, other = (pipeline(CACHED % text).stages[0] for text in ("", more))
    assert definition(one) == definition(other)


def test_only_what_changes_from_run_to_run_is_left_out_of_the_environment() -> None:
    story = started(CACHED % "")
    ran(story)
    story.ask(request="start")
    first, second = story.view.executions[0].env["winslow"], claimed(story)[0].env["winslow"]
    assert {name for name in first if first[name] != second.get(name)} <= OWN


def test_what_is_drawn_of_a_result_says_nothing_of_the_result() -> None:
    plain, drawn = (
        pipeline(CACHED % f", artifacts: {{reports: {{metrics: m.json{more}}}}}").stages[0]
        for more in ("", ", charts: [loss.csv]")
    )
    assert definition(plain) == definition(drawn)


def test_a_result_whose_inputs_changed_while_it_was_made_is_never_taken() -> None:
    story = started(CACHED % "")
    ran(story)
    story.now(1, text="InputChanged: video changed while the stage ran")
    story.ask(request="start")
    assert claimed(story)[1] == []
