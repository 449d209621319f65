"""A region that can never be drawn is told before anything runs."""

import pytest

from flow.project.pipeline_checks import is_mistaken
from flow.project.region_mistakes import region_mistakes
from schema.binding import read
from schema.pipeline import Pipeline

STAGES = "stages: [{name: still, image: host/sh, command: [a]}, {name: review, when: manual, inputs: {roi: %s}}]\n"


def pipeline(start: str, gate: str = "{type: region, on: stages.still/frame.png}") -> Pipeline:
    return read(Pipeline, f"name: p\ninputs: {{video: {{type: file}}, area: {start}}}\n{STAGES % gate}", "p.yaml")


def test_P7_a_region_on_a_file_and_one_on_what_a_stage_left_are_fine() -> None:
    assert not list(region_mistakes(pipeline("{type: region, on: inputs.video}")))


@pytest.mark.parametrize(
    ("start", "gate", "place", "said"),
    [
        ("{type: region, on: inputs.vidoe}", "{type: region}", ("inputs", "area", "on"), "did you mean 'video'?"),
        (
            "{type: region, on: inputs.area}",
            "{type: region}",
            ("inputs", "area", "on"),
            "no such input of `type: file`",
        ),
        ("{type: region}", "{type: region, on: stages.review/a.png}", ("stages", 1, "inputs", "roi", "on"), "'review'"),
    ],
)
def test_P7_a_picture_that_nobody_gives_is_a_mistake_at_its_place(
    start: str, gate: str, place: tuple[str | int, ...], said: str
) -> None:
    found = pipeline(start, gate)
    ((where, what),) = region_mistakes(found)
    assert where == place
    assert said in what
    assert is_mistaken(found)
