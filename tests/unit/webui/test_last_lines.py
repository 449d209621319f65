"""How the log of a failed stage ends stands in its line of the first page."""

from flow.status.states import project_state
from schema.execution import State
from schema.reasons import End
from state.contract.errors import StateError
from tests.unit.flow.builders import fleet, started
from webui.views.project_rows import LastLines, ProjectRow

LOG = "2026-01-01T00:00:00.000Z O loading\n2026-01-01T00:00:01.000Z E \x1b[31mCUDA out of memory\x1b[0m\n\n"


def failed() -> ProjectRow:
    story = started()
    story.ran(State.FAILED, End.EXIT_CODE)
    return ProjectRow(story.view, project_state(fleet(story), story.view), ())


def test_the_last_line_is_read_once_and_without_what_is_no_text() -> None:
    asked: list[str] = []

    def read(path: str) -> str:
        asked.append(path)
        return LOG

    lines = LastLines(read)
    assert lines(failed()).endswith("CUDA out of memory")
    assert "\x1b" not in lines(failed())
    assert len(asked) == 1


def test_where_it_cannot_be_read_nothing_is_said() -> None:
    def away(path: str) -> str:
        raise StateError("away")

    assert LastLines(away)(failed()) == ""
