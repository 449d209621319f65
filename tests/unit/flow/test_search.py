"""Searches: the next trial is a pure function of seed and records, whoever asks and after whatever restart."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.project.replies import steps_of
from flow.project.search import Trial, proposed
from schema.execution import State
from schema.inputs import Input
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


def asked(**more: object) -> Story:
    story = Story(PIPELINE)
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
