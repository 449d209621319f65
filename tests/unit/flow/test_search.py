"""Searches: the next trial is a pure function of seed and records, whoever asks and after whatever restart."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.fold.next_stage import next_steps
from flow.points.points import NoPoints, fitted
from flow.points.search import proposed
from flow.points.search_by_optuna import MOST_AT_ONCE
from flow.points.search_mistakes import unsearchable
from flow.points.search_ranges import Trial
from flow.project.pipeline_checks import unfilled
from flow.project.replies import steps_of
from schema.binding import bind
from schema.codec import load
from schema.execution import State
from schema.inputs import Input
from schema.pipeline import Pipeline
from schema.reasons import End, Wait
from schema.search import TrialSearch
from tests.unit.flow.builders import Story

PIPELINE = """
name: p
inputs:
  threshold: {type: number, default: 0.5, min: 0, max: 1}
  size: {type: integer, default: 3}
  kind: {type: choice, options: [a, b], default: a}
stages:
  - {name: detect, image: i, command: [run, "$[[ inputs.threshold ]]"], retry: {max: 0}}
  - {name: report, image: i}
"""
SPACE = {"threshold": {"min": 0.2, "max": 0.8}, "size": {"min": 1, "max": 9}, "kind": {"options": ["a", "b"]}}
SPECS = {"threshold": Input(type="number"), "size": Input(type="integer"), "kind": Input(type="string")}


def search(method: str = "random", **more: object) -> TrialSearch:
    return TrialSearch.model_validate(
        {"method": method, "trials": 6, "parallel": 2, "objective": {"metric": "mota"}, "seed": 7, "space": SPACE}
        | more
    )


def asked(text: str = PIPELINE, **more: object) -> Story:
    story = Story(text)
    wish = search(**more).model_dump(exclude_none=True, exclude_defaults=True)
    reply = story.ask(request="start", stage="detect", search=wish)
    assert reply.accepted, reply.text
    return story


def values(story: Story) -> dict[str, dict[str, object]]:
    names = list(SPACE)
    return {slot.name: {name: slot.scope.inputs[name] for name in names} for slot in story.steps.slots}


def ran(story: Story, of: str, state: State = State.SUCCEEDED, **result: object) -> None:
    """As a node records it: with the values."""
    given_values = values(story)[of]
    record = story.ran(state, None if state is State.SUCCEEDED else End.EXIT_CODE, of=of, **result)
    kept = [e.model_copy(update={"inputs": given_values}) if e is record else e for e in story.view.executions]
    story.view = replace(story.view, executions=tuple(kept))


def test_G7_trials_are_proposed_as_there_is_room_and_keep_their_values() -> None:
    story = asked()
    first = values(story)
    assert list(first) == ["detect.1", "detect.2"]
    ran(story, "detect.2", metrics={"mota": 0.4})
    second = values(story)
    assert second["detect.1"] == first["detect.1"]
    assert list(second) == ["detect.1", "detect.3"]
    for trial in ("detect.1", "detect.3", "detect.4", "detect.5", "detect.6"):
        ran(story, trial, metrics={"mota": 0.9 if trial == "detect.4" else 0.1})
    [slot] = story.steps.slots
    assert (slot.name, slot.source) == ("report", 4)  # it goes on from the best
    assert [e.slot for e in story.view.executions][3] == "detect.4"


def test_a_trial_that_waits_for_its_node_takes_up_room_as_it_may_still_run() -> None:
    story = asked(PIPELINE.replace("{max: 0}", "{max: 0, when: []}"), parallel=1)
    ran(story, "detect.1", State.LOST)
    assert story.steps.wait.reason is Wait.NODE_OFFLINE
    assert values(story) == {}


def test_trials_that_are_run_again_share_the_room_with_those_that_run() -> None:
    story = asked(PIPELINE.replace("{max: 0}", "{max: 0, when: []}"), trials=4, parallel=2)
    for number in (1, 2, 3, 4):
        ran(story, f"detect.{number}", State.FAILED)
    assert story.ask(request="resume").accepted
    assert story.wanted == ["detect.1", "detect.2"]


def test_a_search_that_is_asked_for_again_takes_no_values_of_the_one_before() -> None:
    story = asked()
    ran(story, "detect.1", metrics={"mota": 0.4})
    wish = search(seed=8).model_dump(exclude_none=True, exclude_defaults=True)
    assert story.ask(request="start", stage="detect", search=wish).accepted
    assert list(values(story)) == ["detect.1", "detect.2"]
    assert values(story) == values(asked(seed=8))


def test_G7_every_node_proposes_the_same_after_every_restart() -> None:
    for method in ("random", "halton", "tpe"):
        one, other = asked(method=method), asked(method=method)
        for each in (one, other):
            ran(each, "detect.1", metrics={"mota": 0.4})
        assert values(one) == values(other)
        anew = replace(one.view, id="w")  # another process, which remembers nothing
        assert [s.scope.inputs for s in steps_of(anew).slots] == [s.scope.inputs for s in one.steps.slots]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["random", "halton", "tpe"]),
    st.integers(0, 1000),
    st.lists(st.tuples(st.floats(0.2, 0.8), st.integers(1, 9), st.sampled_from("ab"), st.floats(-1, 1)), max_size=14),
    st.randoms(use_true_random=False),
)
def test_G7_the_next_point_is_a_function_of_seed_and_records(method: str, seed: int, told: list, chance) -> None:  # type: ignore[no-untyped-def, type-arg]
    trials = [
        Trial(number, {"threshold": t, "size": s, "kind": k}, m, over=True)
        for number, (t, s, k, m) in enumerate(told, 1)
    ]
    wanted = proposed(search(method, seed=seed), len(trials) + 1, trials, SPECS)
    shuffled = list(trials)
    chance.shuffle(shuffled)
    assert proposed(search(method, seed=seed), len(trials) + 1, shuffled, SPECS) == wanted
    assert 0.2 <= float(wanted["threshold"]) <= 0.8
    assert wanted["size"] in range(1, 10)
    assert wanted["kind"] in ("a", "b")


def test_halton_fills_a_range_evenly_and_seeds_differ() -> None:
    one = search("halton", trials=64, space={"threshold": {"min": 0, "max": 1}})
    found = sorted(float(proposed(one, number, [], SPECS)["threshold"]) for number in range(1, 65))
    assert all(abs(value - (place + 0.5) / 64) < 0.05 for place, value in enumerate(found))
    assert proposed(one, 1, [], SPECS) != proposed(one.model_copy(update={"seed": 8}), 1, [], SPECS)


def test_tpe_learns_from_what_was_recorded() -> None:
    """Of forty trials the last ten are nearer to the best than the first ten."""
    space, objective = {"threshold": {"min": 0.0, "max": 1.0}}, {"metric": "mota", "goal": "minimize"}
    one = search("tpe", trials=40, space=space, objective=objective)
    trials: list[Trial] = []
    for number in range(1, 41):
        found = proposed(one, number, trials, SPECS)
        trials.append(Trial(number, found, (float(found["threshold"]) - 0.3) ** 2, over=True))
    far = [abs(float(each.values["threshold"]) - 0.3) for each in trials]
    assert sum(far[-10:]) < sum(far[:10]) / 2


def test_tpe_is_asked_for_a_few_trials_at_once() -> None:
    """Each takes tens of milliseconds, in every fold until it is claimed."""
    story = asked(method="tpe", trials=20, parallel=20)
    assert len(story.wanted) == MOST_AT_ONCE
    ran(story, "detect.1", State.RUNNING)
    assert len(story.wanted) == MOST_AT_ONCE


def test_steps_logarithms_and_whole_numbers() -> None:
    space = {"threshold": {"min": 0.2, "max": 0.8, "step": 0.2}, "size": {"min": 1, "max": 1000, "log": True}}
    one = search(trials=200, space=space)
    found = [proposed(one, number, [], SPECS) for number in range(1, 201)]
    assert {each["threshold"] for each in found} == {0.2, 0.4, 0.6, 0.8}
    small = sum(int(each["size"]) < 32 for each in found)
    assert 70 < small < 130


def test_failed_trials_stop_nothing_and_a_search_without_any_result_has_failed() -> None:
    story = asked(trials=3, parallel=1)
    ran(story, "detect.1", State.FAILED)
    ran(story, "detect.2", metrics={"mota": 0.5})
    ran(story, "detect.3", State.FAILED)
    assert story.wanted == ["report"]
    assert story.steps.slots[0].source == 2
    broken = asked(trials=2, parallel=1)
    ran(broken, "detect.1", State.FAILED)
    ran(broken, "detect.2", State.FAILED)
    assert broken.steps.wait.reason is Wait.FAILED


def test_a_metric_that_never_comes_ends_the_search_in_words() -> None:
    story = asked()
    for trial in ("detect.1", "detect.2", "detect.3"):
        ran(story, trial, metrics={"motp": 0.4})
    assert story.steps.slots == ()
    wait = story.steps.wait
    assert (wait.reason, wait.stage) == (Wait.INVALID, "detect")
    assert wait.text == "search: none of 3 trials has given the metric 'mota'; there is cars, motp"


def test_a_trial_is_redone_with_the_values_that_it_had() -> None:
    story = asked()
    before = values(story)["detect.1"]
    ran(story, "detect.1", metrics={"mota": 0.1})
    ran(story, "detect.2", metrics={"mota": 0.2})
    story.ask(request="start", stage="detect.1")
    assert values(story)["detect.1"] == before


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"space": {"treshold": {"min": 0, "max": 1}}}, "treshold: no such input (did you mean 'threshold'?)"),
        ({"space": {"threshold": {"min": 0, "max": 7}}}, "threshold: at most 1 is wanted"),
        ({"space": {"kind": {"options": ["a", "c"]}}}, "kind: one of a, b is wanted"),
        ({"space": {"kind": {"min": 0, "max": 1}}}, "kind: its input is a choice, which has no range; give `options`"),
        ({"space": {"size": {"options": [1, "1"]}}}, "size: '1' is in the list twice"),
        ({"space": {"size": {"options": [1, "many"]}}}, "size: a whole number is wanted, not 'many'"),
        ({"space": {"size": {"min": 0, "max": 9, "step": 0.5}}}, "so have to be `min` and `step` (0.5)"),
        ({"space": {"size": {"min": 0.2, "max": 0.8}}}, "size: there is no whole number from 0.2 to 0.8"),
        ({"space": {"threshold": {"min": 0, "max": 1, "step": 1e-9}}}, "more than 1000000 values; leave it out"),
        ({"space": {"threshold": {"min": 0, "max": 1, "step": math.inf}}}, "threshold: a number is wanted, not inf"),
        ({"space": {"threshold": {"min": 0, "max": float("inf")}}}, "is wanted, not inf"),
        ({"space": {"size": {"min": 0, "max": float("nan")}}}, "is wanted, not nan"),
        ({"space": {"size": {"min": -1e308, "max": 1e308}}}, "is wanted, not -1e+308"),
    ],
)
def test_what_cannot_be_searched_is_rejected(fields: dict[str, object], told: str) -> None:
    story = Story(PIPELINE)
    wish = search(**fields).model_dump(exclude_none=True, exclude_defaults=True)
    reply = story.ask(request="start", stage="detect", search=wish)
    assert told in reply.text


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"min": 1, "max": 1}, "`min` (1) is not less than `max` (1)"),
        ({"min": 0, "max": 1, "log": True}, "with `log` it begins above 0"),
        ({"min": 0}, "give either `min` and `max`, or `options`"),
        ({"options": [1], "step": 2}, "`step` and `log` belong to `min` and `max`"),
    ],
)
def test_a_range_that_is_none_is_told(space: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError) as error:
        search(space={"threshold": space})
    assert told in str(error.value)


LONG = "name: p\ninputs: {x: {type: integer, default: 1}, y: {type: string, default: a}}\nstages:\n"


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ("x: {min: 0, max: 9, step: 0.5}", "f:4:112: stage 'a': x: its input is a whole number; so have to be"),
        ("x: {min: 0.2, max: 0.8}", "f:4:95: stage 'a': x: there is no whole number from 0.2 to 0.8"),
        ("y: {min: 0, max: 1}", "f:4:95: stage 'a': y: its input is a string, which has no range"),
        ("x: {options: [1, two]}", "f:4:103: stage 'a': x: a whole number is wanted, not 'two'"),
        ("z: {options: [1, two, true]}", "z: numbers and texts and truth values are mixed; give values of one kind"),
        ("z: {options: [1, 2]}", ""),
    ],
)
def test_a_search_of_a_pipeline_that_proposes_nothing_is_told_where_it_stands(space: str, expected: str) -> None:
    search = f"{{trials: 9, objective: {{metric: m}}, space: {{{space}}}}}"
    parsed = load(f"{LONG}- {{name: a, image: i, parallel: {{search: {search}}}}}\n", "f")
    told = "\n".join(map(str, unfilled(bind(Pipeline, parsed), parsed)))
    assert expected in told
    assert bool(told) == bool(expected)


def test_a_search_that_was_accepted_before_waits_in_words() -> None:
    for method in ("random", "halton", "tpe"):
        story = asked(method=method)
        broken = search(method, space={"size": {"min": 0.2, "max": 0.8}})
        [reply] = story.view.replies
        old = reply.model_copy(update={"parallel": reply.parallel.model_copy(update={"search": broken})})
        view = replace(story.view, replies=(old,))
        wait = next_steps(view.definition, view.project, view.replies, view.executions).wait
        assert wait.reason is Wait.INVALID
        assert wait.text == "search: size: there is no whole number from 0.2 to 0.8"


OPTION = st.one_of(st.integers(), st.booleans(), st.text("ab", max_size=2), st.floats())
STEP = st.one_of(st.none(), st.floats(min_value=5e-324), st.sampled_from([0.25, 0.3, 1, 2, 7]))
RANGES = st.one_of(
    st.builds(lambda options: {"options": options}, st.lists(OPTION, min_size=1, max_size=4)),
    st.builds(
        lambda low, high, step, log: {"min": low, "max": high, "step": step, "log": log},
        *[st.floats()] * 2, STEP, st.booleans(),
    ),
    st.builds(
        lambda low, width, step: {"min": low, "max": low + width, "step": step},
        st.integers(-9, 9), st.integers(1, 9), STEP,
    ),
)  # fmt: skip
RECORDED = st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=3))


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["random", "halton", "tpe"]),
    st.dictionaries(st.sampled_from(["threshold", "size", "kind", "word", "free"]), RANGES, min_size=1),
    st.lists(st.tuples(RECORDED, st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))), max_size=4),
)
def test_G7_whatever_a_search_says_and_records_hold_it_proposes_what_fits_or_says_why_not(
    method: str, space: dict[str, object], recorded: list[tuple[object, float | None]]
) -> None:
    specs = {
        **SPECS,
        "threshold": Input(type="number", min=-5, max=5),
        "kind": Input(type="choice", options=("a", "b")),
        "word": Input(),
    }
    try:
        one = search(method, space=space)
    except ValueError:
        return  # no such search gets as far as that
    trials = [Trial(n, dict.fromkeys(space, value), m, over=True) for n, (value, m) in enumerate(recorded, 1)]
    if any(unsearchable(one, specs)):
        with pytest.raises(NoPoints, match=r"^search: "):
            proposed(one, len(trials) + 1, trials, specs)
        return
    found = proposed(one, len(trials) + 1, trials, specs)
    assert list(fitted(found, specs)) == list(space)
