"""Which projects a round looks at."""

from dataclasses import replace

import pytest

from flow.model.snapshot import Departure, Snapshot
from flow.project.active import open_views
from schema.execution import State, Tombstone
from tests.unit.flow.builders import Story


def is_open(story: Story) -> bool:
    return bool(open_views(Snapshot("m", "s", projects={"v": story.view})))


def test_a_project_that_was_never_started_rests() -> None:
    assert not is_open(Story())


def test_a_project_with_something_to_run_is_open() -> None:
    story = Story()
    story.ask(request="start")
    assert is_open(story)


@pytest.mark.parametrize("state", [State.CLAIMED, State.RUNNING, State.LOST])
def test_a_project_whose_execution_is_held_is_open(state: State) -> None:
    story = Story()
    story.ask(request="start")
    story.ran(state)
    assert is_open(story)


def test_a_project_that_waits_for_a_person_rests_until_it_is_asked_something() -> None:
    story = Story()
    story.ask(request="start")
    story.ran()
    assert not is_open(story)
    assert is_open(story.pending({"request": "answer", "stage": "review", "inputs": {"keep": True}}))


def test_deleted_and_damaged_projects_are_open() -> None:
    story = Story()
    for change in ({"deletion": Departure("c" * 40, "Ada")}, {"tombstone": Tombstone()}, {"damage": "broken"}):
        changed = Story()
        changed.view = replace(story.view, **change)  # type: ignore[arg-type]
        assert is_open(changed)
