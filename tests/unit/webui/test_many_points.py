"""G11: a project with a thousand points has a page of a modest size, in which each point can be seen."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.points import _view
from schema.execution import State
from tests.unit.webui.test_purged import page

LARGEST = 200 * 1000
"""Bytes of a page."""


@pytest.mark.parametrize("done", [0, 500, 1000])
def test_G11_the_page_of_a_thousand_points_stays_small(tmp_path: Path, done: int) -> None:
    bare = SimpleNamespace(read_text=lambda *place: None, comments=lambda *place: ())  # of files there are none
    shown = page(tmp_path, _view(1000, done), bare).get("/projects/v")
    assert shown.status_code == 200
    assert len(shown.content) < LARGEST
    for point in (1, 500, 1000):
        assert f"work.{point}: " in shown.text
    assert shown.text.count("work.") >= 1000
    assert State.SUCCEEDED in shown.text or not done
