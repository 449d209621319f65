"""`explain` knows every field, and what a wrong word means."""

import pytest

from cli import explaining
from schema.meaning import MODELS
from tests.integration.cli.command import Command

ctl = Command()


def test_every_kind_of_document_has_its_place() -> None:
    assert set(explaining.TOPS) == set(explaining.PLACES)
    assert set(explaining.TOPS.values()) <= set(MODELS)


@pytest.mark.parametrize("kind", explaining.TOPS)
def test_every_field_is_explained(kind: str) -> None:
    for path in (path for path, _, _ in explaining._all() if path.startswith(f"{kind}.") and path.count(".") < 3):
        assert path in ctl("explain", path)


def test_a_field_says_its_type_its_default_and_what_it_means() -> None:
    said = ctl("explain", "pipeline.stages.timeout")
    assert said.splitlines()[0] == "pipeline.stages.timeout  duration, optional"
    assert "longest run" in said
    assert ctl.json("explain", "settings.lost_after")[0]["default"] == "10m"
    assert ctl.json("explain", "pipeline.stages.services.resources.memory")[0]["default"] == "1GiB"
    assert "exit_codes" in ctl("explain", "pipelines.stages.retry")


def test_a_word_alone_is_found_in_all_documents() -> None:
    assert {row["field"] for row in ctl.json("explain", "priority")} >= {"project.priority"}


def test_the_end_of_a_path_is_found_where_it_stands() -> None:
    assert [row["field"] for row in ctl.json("explain", "stages.timeout")] == ["pipeline.stages.timeout"]
    assert "did you mean 'timeout'?" in ctl("explain", "stages.timeuot", code=1)


def test_a_wrong_word_names_the_nearest() -> None:
    assert "did you mean 'stages'?" in ctl("explain", "pipeline.stagess", code=1)
    assert "did you mean 'timeout'?" in ctl("explain", "timeuot", code=1)
    assert "has nothing below it" in ctl("explain", "pipeline.name.x", code=1)
