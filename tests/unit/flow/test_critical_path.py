"""What decides when a chain ends, and about how long that takes."""

from dataclasses import replace

from flow.status.critical_path import critical_path
from schema.execution import State, Times
from tests.unit.flow.builders import Story, started

DIAMOND = """
name: p
stages:
  - {name: cut, image: i}
  - {name: long, image: i, needs: [cut]}
  - {name: short, image: i, needs: [cut], parallel: {matrix: {v: [1, 2, 3, 4]}, max: 2}}
  - {name: join, image: i, needs: [long, short]}
"""


def took(story: Story, name: str, seconds: int) -> None:
    record = story.ran(of=name)
    times = Times(
        started="2026-01-01T00:00:00.000Z", finished=f"2026-01-01T00:{seconds // 60:02d}:{seconds % 60:02d}.000Z"
    )
    timed = tuple(e.model_copy(update={"times": times}) if e is record else e for e in story.view.executions)
    story.view = replace(story.view, executions=timed)


def test_the_longest_way_through_what_is_to_come() -> None:
    story = started(DIAMOND)
    found = critical_path(story.view)
    assert found
    assert (len(found.stages), found.seconds) == (3, None)  # nothing ran yet
    took(story, "cut", 10)
    took(story, "long", 60)
    for point in range(1, 5):
        took(story, f"short.{point}", 40)
    took(story, "join", 5)
    assert critical_path(story.view) is None
    story.ask(request="start", stage="cut")
    found = critical_path(story.view)
    assert found
    assert (found.stages, found.seconds) == (("cut", "short", "join"), 10 + 4 * 40 + 5)
    story.ran(of="cut")
    story.ran(State.RUNNING, of="short.1")
    story.ran(State.RUNNING, of="short.2")
    found = critical_path(story.view)
    assert found
    assert (found.stages, found.seconds) == (("short", "join"), 2 * 40 + 5)
