"""Stages that branch and join: what is wanted, what waits for what, and what a redo does anew."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.fold.interpolation import command
from schema.execution import State
from schema.reasons import End, Refusal, Wait
from tests.unit.flow.builders import Story, started

DIAMOND = """
name: p
stages:
  - {name: cut, image: i}
  - {name: left, image: i, needs: [cut]}
  - {name: right, image: i, needs: [cut]}
  - {name: join, image: i, needs: [left, right]}
"""


def done(text: str = DIAMOND) -> Story:
    story = started(text)
    while story.steps.slots:
        story.ran()
    assert story.steps.wait.reason is Wait.DONE
    return story


def statuses(story: Story) -> dict[str, str]:
    return {each.stage: each.status for each in story.steps.standings}


def test_G1_branches_are_wanted_together_and_the_join_once_both_are_done() -> None:
    story = started(DIAMOND)
    assert story.wanted == ["cut"]
    story.ran()
    assert story.wanted == ["left", "right"]
    story.ran(of="right")
    assert story.wanted == ["left"]
    story.ran(State.RUNNING)
    assert story.wanted == []
    assert story.steps.wait is None
    story.now(3, state=State.SUCCEEDED)
    [join] = story.steps.slots
    assert (join.source, join.needs) == (3, {"left": (3,), "right": (2,)})


def test_G2_a_redo_of_a_branch_runs_it_and_what_needs_it_and_nothing_else() -> None:
    story = done()
    story.ask(request="start", stage="left")
    assert [(slot.name, slot.source) for slot in story.steps.slots] == [("left", 1)]
    story.ran()
    [join] = story.steps.slots
    assert (join.name, join.source, join.needs) == ("join", 5, {"left": (5,), "right": (3,)})
    story.ran()
    assert story.steps.wait.reason is Wait.DONE


def test_G2_two_redos_that_cross_are_two_floors() -> None:
    story = done()
    story.ask(request="start", stage="left")
    story.ask(request="start", stage="right")
    assert story.wanted == ["left", "right"]
    story.ran(of="left")
    story.ran(of="right")
    [join] = story.steps.slots
    assert join.needs == {"left": (5,), "right": (6,)}


def test_G6_a_failed_branch_lets_the_other_end_and_blocks_the_join() -> None:
    story = started(DIAMOND)
    story.ran()
    story.ran(State.FAILED, End.EXIT_CODE, of="left", exit_code=1)
    assert story.wanted == ["right"]
    assert statuses(story)["join"] == "blocked"
    assert story.steps.wait is None
    story.ran()
    assert (story.steps.wait.reason, story.steps.wait.stage) == (Wait.FAILED, "left")
    story.ask(request="resume")
    assert story.wanted == ["left"]


def test_G6_allow_failure_lets_what_needs_it_go_on() -> None:
    story = started(DIAMOND.replace("left, image: i,", "left, image: i, allow_failure: true,"))
    story.ran()
    story.ran(State.FAILED, End.EXIT_CODE, of="left", exit_code=1)
    story.ran()
    [join] = story.steps.slots
    assert (join.source, join.needs) == (1, {"right": (3,)})
    story.ran()
    assert story.steps.wait.reason is Wait.DONE


def test_G6_fail_fast_ends_what_runs_and_starts_nothing_else() -> None:
    story = started(DIAMOND.replace("name: p", "name: p\nfail_fast: true"))
    story.ran()
    story.ran(State.RUNNING, of="right")
    story.ran(State.FAILED, End.EXIT_CODE, of="left", exit_code=1)
    assert list(story.steps.stops) == [2]
    story.now(2, state=State.ABORTED, reason=End.FAIL_FAST)
    assert story.steps.wait.reason is Wait.FAILED
    story.ask(request="resume")
    assert story.wanted == ["left", "right"]


def test_G6_always_and_on_failure_run_at_the_end_of_all_branches() -> None:
    text = DIAMOND + "  - {name: mend, image: i, when: on_failure}\n  - {name: tidy, image: i, when: always}\n"
    story = started(text)
    story.ran()
    story.ran(State.FAILED, End.EXIT_CODE, of="left", exit_code=1)
    assert story.wanted == ["right"]
    assert [story.ran().stage for _ in range(3)] == ["right", "mend", "tidy"]
    assert story.steps.wait.reason is Wait.FAILED
    good = started(text)
    assert [good.ran().stage for _ in range(5)] == ["cut", "left", "right", "join", "tidy"]


def test_an_answer_names_its_gate_where_several_ask() -> None:
    text = """
name: p
stages:
  - {name: cut, image: i}
  - {name: a, when: manual, needs: [cut]}
  - {name: b, when: manual, needs: [cut]}
  - {name: end, image: i, needs: [a, b]}
"""
    story = started(text)
    story.ran()
    reply = story.ask(request="answer")
    assert (reply.reason, "a, b" in reply.text) == (Refusal.NOTHING_ASKED, True)
    assert story.ask(request="answer", stage="b").accepted
    assert [wait.stage for wait in story.steps.asked] == ["a"]
    assert story.ask(request="answer").accepted
    assert story.wanted == ["end"]


def test_a_gate_can_be_answered_while_another_branch_runs() -> None:
    story = started(DIAMOND.replace("{name: left, image: i,", "{name: left, when: manual,"))
    story.ran()
    story.ran(State.RUNNING)
    assert story.ask(request="answer").accepted


def test_an_abort_of_all_waits_for_every_execution_and_one_pauses_only_its_branch() -> None:
    story = started(DIAMOND + "  - {name: more, image: i, needs: [right]}\n")
    story.ran()
    story.ran(State.RUNNING, of="left")
    story.ran(State.RUNNING, of="right")
    story.pending({"request": "abort"})
    assert story.replies() == []
    story.pending({"request": "abort", "execution": 2})
    from flow.project.replies import answer

    story.now(2, state=State.ABORTED, reason=End.ABORTED)
    story.view = answer(story.view, story.view.unanswered[0], aborted=2).view
    story.now(3, state=State.SUCCEEDED)
    assert story.wanted == ["more"]


def test_then_pause_stops_before_everything_else() -> None:
    story = started(DIAMOND)
    story.ran()
    story.ask(request="start", stage="left", then="pause")
    assert story.wanted == ["left"]
    story.ran()
    assert {wait.reason for wait in story.steps.waits} == {Wait.PAUSE_REQUESTED}
    story.ask(request="resume")
    assert story.wanted == ["right"]


# matrices

GRID = """
name: p
stages:
  - {name: cut, image: i}
  - name: detect
    image: i
    command: [run, "$[[ inputs.x ]]", "$[[ inputs.kind ]]"]
    parallel: {matrix: {x: [1, 2], kind: [a, b]}}
  - {name: join, image: i, command: [run, "$[[ stages.detect.values.cars ]]"]}
"""


def test_G4_points_are_wanted_in_the_order_of_the_lists() -> None:
    story = started(GRID)
    story.ran()
    assert story.wanted == ["detect.1", "detect.2", "detect.3", "detect.4"]
    told = [command(slot.stage, slot.scope) for slot in story.steps.slots]
    assert told == [("run", "1", "a"), ("run", "1", "b"), ("run", "2", "a"), ("run", "2", "b")]


def test_G4_the_values_of_a_matrix_are_a_list_in_the_order_of_its_points() -> None:
    story = started(GRID)
    story.ran()
    for point in (3, 1, 4, 2):
        story.ran(of=f"detect.{point}", values={"cars": point * 10})
    [join] = story.steps.slots
    assert command(join.stage, join.scope) == ("run", "[10, 20, 30, 40]")
    assert join.needs == {"detect": (3, 5, 2, 4)}


def test_G4_a_point_that_succeeded_is_not_run_again_because_another_failed() -> None:
    story = started(GRID)
    story.ran()
    story.ran(of="detect.1")
    story.ran(State.FAILED, End.EXIT_CODE, of="detect.2", exit_code=1)
    story.ran()
    story.ran()
    assert (story.steps.wait.reason, story.steps.wait.point) == (Wait.FAILED, 2)
    story.ask(request="resume")
    assert story.wanted == ["detect.2"]


def test_G4_one_point_is_redone_with_what_needs_it() -> None:
    story = done(GRID)
    assert story.ask(request="start", stage="detect.3").accepted
    assert story.wanted == ["detect.3"]
    story.ran()
    [join] = story.steps.slots
    assert join.needs == {"detect": (2, 3, 7, 5)}
    assert "1 to 4, not 5" in story.ask(request="start", stage="detect.5").text


def test_G4_a_limit_on_points_leaves_other_branches_alone() -> None:
    many = "{name: many, image: i, needs: [first], parallel: {matrix: {x: [1, 2, 3]}, max: 2}}"
    story = started(
        "name: p\nstages:\n  - {name: first, image: i}\n  - {name: side, image: i, needs: [first]}\n"
        f"  - {many}\n  - {{name: other, image: i, needs: [first]}}\n"
    )
    story.ran()
    assert story.wanted == ["side", "many.1", "many.2", "other"]


def test_G4_so_many_points_at_once_as_max_says() -> None:
    story = started(GRID.replace("[a, b]}}", "[a, b]}, max: 2, exclude: [{x: 1, kind: b}]}"))
    story.ran()
    assert story.wanted == ["detect.1", "detect.2"]
    story.ran(State.RUNNING)
    assert story.wanted == ["detect.2"]
    story.ran()
    assert story.wanted == ["detect.3"]


LISTED = """
name: p
stages:
  - {name: split, image: i}
  - name: work
    image: i
    command: [run, "$[[ inputs.segment ]]"]
    parallel: {for_each: "$[[ stages.split.values.segments ]]", as: segment}
"""


def test_G4_points_of_for_each_are_the_entries_of_a_list_that_a_stage_gave() -> None:
    story = started(LISTED)
    assert story.wanted == ["split"]
    story.ran(values={"segments": '["0-300", "280-580"]'})
    assert [command(slot.stage, slot.scope)[1] for slot in story.steps.slots] == ["0-300", "280-580"]
    story.ran()
    story.ask(request="start", stage="split")
    story.ran(values={"segments": '["7"]'})
    assert story.wanted == ["work.1"]


@pytest.mark.parametrize("given", ["7", "[1, ", '{"a": 1}', "[[1]]"])
def test_for_each_over_no_list_waits_with_the_reason(given: str) -> None:
    story = started(LISTED)
    story.ran(values={"segments": given})
    assert (story.steps.wait.reason, "'segments' of stage 'split'" in story.steps.wait.text) == (Wait.INVALID, True)


SWEPT = """
name: p
inputs: {x: {type: number, default: 0}, kind: {type: string, default: a}}
stages:
  - {name: detect, image: i, command: [run, "$[[ inputs.x ]]"]}
  - {name: track, image: i}
"""


def test_G7_a_sweep_is_one_request() -> None:
    story = Story(SWEPT)
    wish = {"parallel": {"matrix": {"x": ["1", "2"], "kind": ["a", "b"]}}, "then": "pause"}
    assert story.ask(request="start", stage="detect", **wish).accepted
    assert [slot.scope.inputs for slot in story.steps.slots][1] == {"x": 1, "kind": "b"}
    for _ in range(4):
        story.ran()
    assert story.steps.wait.reason is Wait.PAUSE_REQUESTED
    story.ask(request="start", stage="detect.2")
    assert [(s.name, s.scope.inputs["kind"]) for s in story.steps.slots] == [("detect.2", "b")]
    story.ran()
    assert story.wanted == ["track"]
    story.ask(request="start", stage="detect")
    assert story.wanted == ["detect"], "the points were those of that request"


def test_G7_a_sweep_over_what_is_no_input_is_refused() -> None:
    story = Story(SWEPT)
    reply = story.ask(request="start", stage="detect", parallel={"matrix": {"kinds": ["a"]}})
    assert (reply.reason, "did you mean 'kind'" in reply.text) == (Refusal.UNKNOWN_INPUT, True)
    reply = story.ask(request="start", stage="detect", parallel={"matrix": {"x": ["fast"]}})
    assert reply.reason is Refusal.INVALID_INPUT


# conditions

CONDITION = """
name: p
inputs: {tracking: {type: boolean, default: true}}
stages:
  - {name: split, image: i}
  - {name: track, image: i, if: "inputs.tracking and stages.split.values.frames > 100"}
  - {name: more, image: i}
  - {name: report, image: i, needs: [split, {stage: more, optional: true}]}
"""


def test_G5_a_false_condition_skips_the_stage_and_what_needs_it_in_words() -> None:
    story = started(CONDITION)
    story.ran(values={"frames": 80})
    assert {name: status for name, status in statuses(story).items() if status == "skipped"} == {
        "track": "skipped",
        "more": "skipped",
    }
    text = story.steps.standing("track").text
    assert "inputs.tracking (true) and stages.split.values.frames (80) > 100" in text
    [report] = story.steps.slots
    assert (report.name, report.conditions) == ("report", {"more": "needs 'track', which is skipped"})


def test_G5_a_true_condition_lets_it_run_and_a_missing_value_is_an_error_that_names_it() -> None:
    story = started(CONDITION)
    story.ran(values={"frames": 101})
    assert story.wanted == ["track"]
    story = started(CONDITION)
    story.ran(values={"cars": 1})
    assert (story.steps.wait.reason, story.steps.wait.stage) == (Wait.INVALID, "track")
    assert "stage 'split' has given no value 'frames'" in story.steps.wait.text


# any graph


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number in range(draw(st.integers(1, 7))):
        found[f"s{number}"] = draw(st.lists(st.sampled_from(sorted(found)), unique=True, max_size=3)) if found else []
    return found


def text_of(graph: dict[str, list[str]]) -> str:
    stages = (f"  - {{name: {name}, image: i, needs: [{', '.join(needs)}]}}\n" for name, needs in graph.items())
    return "name: p\nstages:\n" + "".join(stages)


def above(graph: dict[str, list[str]], name: str) -> set[str]:
    return {part for need in graph[name] for part in {need} | above(graph, need)}


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 2**16))
def test_G1_every_slot_that_can_run_does_and_none_twice_whatever_the_order(
    graph: dict[str, list[str]], seed: int
) -> None:
    story, chance, ran = started(text_of(graph)), random.Random(seed), list[str]()
    while story.steps.slots:
        assert set(story.wanted) == {name for name in graph if name not in ran and set(graph[name]) <= set(ran)}
        ran.append(story.ran(of=chance.choice(story.wanted)).stage)
    assert sorted(ran) == sorted(graph)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 2**16))
def test_G2_a_redo_reruns_exactly_the_stage_and_its_descendants(graph: dict[str, list[str]], seed: int) -> None:
    story, chance = done(text_of(graph)), random.Random(seed)
    stage, before = chance.choice(sorted(graph)), story.view.last_execution
    story.ask(request="start", stage=stage)
    while story.steps.slots:
        story.ran(of=chance.choice(story.wanted))
    again = sorted(e.stage for e in story.view.executions if e.execution > before)
    assert again == sorted(name for name in graph if name == stage or stage in above(graph, name))


def test_G2_G4_a_point_is_redone_though_an_earlier_request_began_below_it() -> None:
    story = started(
        "name: p\nstages:\n  - {name: first, image: i}\n"
        "  - {name: many, image: i, parallel: {matrix: {x: [1, 2]}}}\n  - {name: join, image: i}\n"
    )
    while story.wanted:
        story.ran()
    story.ask(request="start", stage="join")
    assert story.wanted == ["join"]
    story.ask(request="start", stage="many.2")
    assert story.wanted == ["many.2"]
    story.ran()
    [slot] = story.steps.slots
    assert (slot.name, slot.needs) == ("join", {"many": (2, 5)})
    story.ask(request="start", stage="join")  # and the newer one wins again
    assert story.wanted == ["join"]


def test_G3_a_join_reads_every_need_and_a_skip_of_one_leaves_it_out() -> None:
    story = started(
        "name: p\nstages:\n  - {name: left, image: i, needs: []}\n  - {name: right, image: i, needs: []}\n"
        "  - {name: many, image: i, needs: [], parallel: {matrix: {x: [1, 2]}}}\n"
        "  - {name: join, image: i, needs: [left, right, many]}\n"
    )
    story.ask(request="skip", stage="right")
    story.ask(request="skip", stage="many.1")
    assert story.wanted == ["left", "many.2"]
    story.ran(of="left")
    story.ran(of="many.2")
    [slot] = story.steps.slots
    assert (slot.name, slot.needs) == ("join", {"left": (1,), "many": (2,)})
    story.ask(request="start", stage="right")  # a redo takes the skip of the stage back, not that of the point
    assert story.wanted == ["right"]
    story.ran()
    [slot] = story.steps.slots
    assert slot.needs == {"left": (1,), "right": (3,), "many": (2,)}
