"""A repository written by a version that knew rows of stages only: it reads as it did, and goes on."""

import subprocess
from pathlib import Path

import pytest

from flow.model.snapshot import RequestFile, Snapshot
from flow.project.replies import answer, steps_of
from flow.status.states import project_state, stage_states
from schema.request import Request
from state.git.git_repository import GitRepository

BUNDLE = Path(__file__).parents[2] / "old" / "rows.bundle"
READ = {
    "done": ("succeeded", ["succeeded 1", "succeeded", "succeeded 2", "succeeded 3"]),
    "failed": ("failed", ["succeeded 1", "succeeded", "failed 2", "succeeded 3"]),
    "gate": ("needs_input", ["succeeded 1", "waiting", "pending", "pending"]),
    "redone": ("succeeded", ["succeeded 1", "succeeded", "succeeded 4", "succeeded 5"]),
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("rows")
    subprocess.run(["git", "clone", "-q", "--mirror", BUNDLE, folder / "state.git"], check=True)
    return GitRepository(str(folder / "state.git"), folder / "view.git").fetch()


@pytest.mark.parametrize("project", READ)
def test_G12_every_project_and_stage_stands_where_it_stood(snapshot: Snapshot, project: str) -> None:
    view = snapshot.projects[project]
    stages = [f"{each.state} {each.execution or ''}".strip() for each in stage_states(snapshot, view)]
    assert (project_state(snapshot, view).state, stages) == READ[project]
    assert view.definition
    assert view.definition.plain


@pytest.mark.parametrize(
    ("project", "asked", "wanted", "source"),
    [
        ("done", {"request": "start"}, "detect", None),
        ("done", {"request": "start", "stage": "track"}, "track", 1),
        ("failed", {"request": "resume"}, "track", 1),
        ("gate", {"request": "resume", "stage": "track"}, "track", 1),
        ("redone", {"request": "resume", "stage": "tidy"}, "tidy", 4),
    ],
)
def test_G12_it_goes_on_where_it_was(
    snapshot: Snapshot, project: str, asked: dict[str, str], wanted: str, source: int | None
) -> None:
    view = snapshot.projects[project]
    file = RequestFile("0009-asked.yaml", "b" * 40, "Ada <ada@example.org>", "c" * 40, Request.model_validate(asked))
    [slot] = steps_of(answer(view, file).view).slots
    assert (slot.name, slot.source) == (wanted, source)
