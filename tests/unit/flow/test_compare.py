"""M2: two executions side by side."""

import math

import pytest

from flow.status.compare import ComparisonRow, compare, duration
from schema.execution import Execution, ImageRecord, Result, State, Times
from schema.file_input import FileInput
from tests.unit.flow.builders import started


def execution(**facts: object) -> Execution:
    return started().ran(State.SUCCEEDED).model_copy(update={"result": None, **facts})


def row(group: str, name: str, left: Execution, right: Execution) -> ComparisonRow:
    return next(row for row in compare(left, right) if (row.group, row.name) == (group, name))


def with_metric(value: float) -> Execution:
    return execution(result=Result(metrics={"m": value}))


def test_M2_what_is_the_same_is_said_to_be() -> None:
    assert all(row.same and not row.change for row in compare(execution(), execution()))


def test_M2_numbers_have_a_difference_relative_to_the_first() -> None:
    found = row("metric", "m", with_metric(4), with_metric(5))
    assert (found.change, found.percent) == (1, 25)
    assert row("metric", "m", with_metric(-4), with_metric(-5)).percent == -25
    found = row("metric", "m", with_metric(0), with_metric(5))
    assert (found.change, found.percent) == (5, None)


def test_M2_a_name_that_only_one_has_is_shown() -> None:
    left, right = execution(inputs={"a": 1, "b": 2}), execution(inputs={"b": 3, "c": 4})
    found = {r.name: (r.left, r.right, r.change) for r in compare(left, right) if r.group == "input"}
    assert found == {"a": (1, None, None), "b": (2, 3, 1), "c": (None, 4, None)}


def test_M2_truth_values_are_no_numbers() -> None:
    found = row("input", "a", execution(inputs={"a": False}), execution(inputs={"a": True}))
    assert (found.same, found.change) == (False, None)


@pytest.mark.parametrize("value", [math.inf, math.nan, 10**400], ids=("inf", "nan", "huge"))
def test_M2_numbers_that_cannot_be_subtracted_have_no_difference(value: float) -> None:
    left, right = execution(inputs={"a": 1}), execution(inputs={"a": value})
    for one, two in ((left, right), (right, left), (right, right)):
        assert row("input", "a", one, two).change is None


def test_M2_the_stronger_layer_of_the_environment_counts_and_winslow_s_own_does_not() -> None:
    env = {"winslow": {"WINSLOW_STAGE": "a"}, "request": {"A": 3}, "pipeline": {"A": 1}, "stage": {"A": 2}}
    found = [r for r in compare(execution(env=env), execution()) if r.group == "env"]
    assert [(r.name, r.left, r.right) for r in found] == [("A", 3, None)]


def test_M2_a_file_is_its_digest() -> None:
    one, two = (FileInput(path="a.mp4", digest=digest) for digest in ("b3:1", "b3:2"))
    found = row("input", "clip", execution(inputs={"clip": one}), execution(inputs={"clip": two}))
    assert (found.left, found.right) == ("a.mp4 (b3:1)", "a.mp4 (b3:2)")


def test_M2_an_image_is_the_most_exact_that_is_known() -> None:
    images = (
        ImageRecord(ref="i"),
        ImageRecord(ref="i", id="sha256:1"),
        ImageRecord(ref="i", id="sha256:1", digest="i@2"),
    )
    shown = [row("execution", "image", execution(image=image), execution()).left for image in images]
    assert shown == ["i", "sha256:1", "i@2"]
    assert row("execution", "image", execution(), execution()).left is None


@pytest.mark.parametrize(
    ("started", "finished", "seconds"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00.5Z", 60.5),
        ("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:10Z", 10),
        ("2026-01-01T00:00:00Z", None, None),
        (None, "2026-01-01T00:00:00Z", None),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:10Z", 10),
        ("yesterday", "2026-01-01T00:00:10Z", None),
    ],
)
def test_a_duration_is_from_start_to_end(started: str | None, finished: str | None, seconds: float | None) -> None:
    assert duration(execution(times=Times(started=started, finished=finished))) == seconds
