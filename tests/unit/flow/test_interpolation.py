"""Places in commands and environments."""

import pytest

from flow.fold.interpolation import InterpolationError, Scope, command, fill, input_environment, mistakes, services
from schema.inputs import Input
from schema.pipeline import Stage
from schema.reasons import Wait
from tests.unit.flow.builders import pipeline, started

SCOPE = Scope(
    inputs={"name": "a b; rm -rf $HOME", "on": True, "video": "x/y.mp4", "tricky": "$[[ inputs.name ]]"},
    specs={"video": Input(type="file"), "gone": Input(optional=True)},
    values={"detect": {"cars": 812}},
    pool="/srv/pool",
)


def test_one_argument_stays_one_argument() -> None:
    stage = Stage(name="s", image="i", command=("run", "--x=$[[ inputs.name ]]", "$[[inputs.on]]"))
    assert command(stage, SCOPE) == ("run", "--x=a b; rm -rf $HOME", "true")


def test_I6_services_are_filled_in_as_stages_are() -> None:
    db = {
        "name": "db",
        "image": "i",
        "command": ["run", "$[[ inputs.name ]]"],
        "env": {"N": "$[[ stages.detect.values.cars ]]"},
    }
    [filled] = services(Stage.model_validate({"name": "s", "image": "i", "services": [db]}), SCOPE)
    assert (filled.command, dict(filled.env)) == (("run", "a b; rm -rf $HOME"), {"N": "812"})


def test_what_was_put_in_is_not_looked_at_again() -> None:
    assert fill("$[[ inputs.tricky ]]", SCOPE) == "$[[ inputs.name ]]"


def test_values_of_stages_files_and_optional_inputs() -> None:
    assert fill("$[[ stages.detect.values.cars ]]", SCOPE) == "812"
    assert fill("$[[ inputs.video ]]", SCOPE) == "/srv/pool/x/y.mp4"
    assert fill("[$[[ inputs.gone ]]]", SCOPE) == "[]"
    assert input_environment(SCOPE)["INPUT_VIDEO"] == "/srv/pool/x/y.mp4"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("$[[ inputs.vidoe ]]", "did you mean 'video'?"),
        ("$[[ stages.detect.values.trucks ]]", "no value 'trucks'"),
        ("$[[ stages.track.values.n ]]", "stage 'track'"),
        ("$[[ env.HOME ]]", "write inputs.NAME"),
    ],
)
def test_a_missing_value_is_an_error_that_names_it(text: str, word: str) -> None:
    with pytest.raises(InterpolationError) as caught:
        fill(text, SCOPE)
    assert word in str(caught.value)


def test_mistakes_are_found_without_running() -> None:
    text = """
name: p
inputs: {speed: {type: number}}
stages:
  - {name: a, image: i, command: ["$[[ inputs.sped ]]", "$[[ stages.b.values.x ]]"]}
  - {name: b, image: i, command: ["$[[ inputs.speed ]]", "$[[ stages.a.values.x ]]"]}
"""
    assert [stage for stage, _ in mistakes(pipeline(text))] == ["a", "a"]


def test_an_artifact_that_a_value_makes_no_pattern_is_said_before_anything_runs() -> None:
    text = """
name: p
inputs: {range: {type: string}}
stages:
  - {name: a, image: i, artifacts: {paths: ["[$[[ inputs.range ]]]*"]}}
"""
    assert started(text, inputs={"range": "a-z"}).steps.run
    waiting = started(text, inputs={"range": "z-a"}).steps.wait
    assert waiting
    assert waiting.reason is Wait.INVALID
    assert "'[z-a]*' is no pattern of files: bad character range z-a" in waiting.text
