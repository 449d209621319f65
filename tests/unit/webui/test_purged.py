"""A project that is deleted and gone stands nowhere any more; while it can be restored it does."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from cli.errors import CommandError
from cli.ps import WantedRows, _ps_rows
from cli.settings import project_of
from flow.model.snapshot import Departure, ProjectView, Snapshot
from schema.execution import Tombstone
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.view_source import Look

COMMIT = "c" * 40
LEAVING = ProjectView(
    "gone", None, deletion=Departure(COMMIT, "Ada Lovelace <ada@example.org>"), tombstone=Tombstone(commit=COMMIT)
)
PURGED = replace(LEAVING, tombstone=Tombstone(commit=COMMIT, state="purged"))
ANEW = replace(LEAVING, tombstone=Tombstone(commit="d" * 40, state="purged"))
"""Deleted a second time: the tombstone is that of the first."""


def page(tmp_path: Path, view: ProjectView, clone: Any = None) -> TestClient:
    look = Look(Snapshot("a" * 40, "b" * 40, projects={view.id: view}), heard=0.0)
    source: Any = SimpleNamespace(
        look=lambda: look, tell=lambda wake: None, hurry=lambda: None, made=lambda commit, clone: None, clone=clone,
        show=lambda unsent: None,
    )  # fmt: skip
    outbox: Any = SimpleNamespace(waiting=list, push=True, folder=tmp_path)
    return TestClient(create_app(Page(source, outbox, lambda: "Ada <a@b>", b"secret")), base_url="http://localhost")


def test_a_purged_project_is_gone_from_the_page_and_the_api(tmp_path: Path) -> None:
    here = page(tmp_path, PURGED)
    assert 'id="row-gone"' not in here.get("/").text
    shown = here.get("/projects/gone")
    assert shown.status_code == 404
    assert "deleted by Ada Lovelace, and all of it is gone" in shown.text
    assert here.get("/api/v1/projects").json() == {"total": 0, "items": []}
    assert here.get("/api/v1/projects/gone").status_code == 404


@pytest.mark.parametrize("view", [LEAVING, ANEW])
def test_a_project_that_can_be_restored_is_still_there(tmp_path: Path, view: ProjectView) -> None:
    here = page(tmp_path, view)
    assert 'id="row-gone"' in here.get("/").text
    assert here.get("/api/v1/projects").json()["total"] == 1


def test_a_purged_project_is_gone_from_the_command() -> None:
    everything = WantedRows(frozenset(), "", "")
    snapshot = Snapshot("m", "s", projects={"gone": PURGED})
    assert _ps_rows(snapshot, everything, live=False) == []
    with pytest.raises(CommandError, match="all of it is gone"):
        project_of(snapshot, "gone")
    assert len(_ps_rows(Snapshot("m", "s", projects={"gone": LEAVING}), everything, live=False)) == 1
