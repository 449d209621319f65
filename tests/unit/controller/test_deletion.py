"""What a deletion takes from a node's real folders."""

import json
from pathlib import Path

import pytest

from controller.dirs.folders import Folders
from flow.node.node_world import LaunchOrder


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "data", tmp_path / "pool", isolated=False)
    made.workspaces._overlays = False
    return made


def ran(folders: Folders, number: int, project: str = "v") -> Path:
    container = f"{project}{number}"
    ready = folders.prepare(container, LaunchOrder(project=project, execution=number, stage="s", image="i"))
    (ready.workspace / "f").write_text(str(number))
    (ready.directory / "log").write_text("lines")
    folders.workspaces.finish(project, number, container)
    return ready.directory


def test_R1250_logs_of_a_new_project_stay_when_the_old_one_s_go(folders: Folders) -> None:
    old, new, other = ran(folders, 1), ran(folders, 2), ran(folders, 1, "w")
    (folders.files("v") / "new").write_text("x")
    folders.wipe("v", 1, files=False)
    assert [path.exists() for path in (old, new, other)] == [False, True, True]
    assert folders.workspaces.look("v", 2).read("f", 9) == b"2"
    assert (folders.files("v") / "new").exists()
    folders.wipe("v", 2, files=True)
    assert not new.exists()
    assert not folders.files("v").parent.exists()


def test_a_run_without_a_number_goes_unless_its_workspace_stays(folders: Folders) -> None:
    """As an older version left it."""
    runs = [ran(folders, 1), ran(folders, 2)]
    for run in runs:
        (run / "execution").unlink()
    folders.wipe("v", 1, files=False)
    assert [run.exists() for run in runs] == [False, True]


def test_R1250_files_set_aside_are_not_seen_and_go_later(folders: Folders) -> None:
    files = folders.files("v")
    files.mkdir(parents=True)
    (files / "old").write_text("x")
    uploads = folders.data / "uploads"
    uploads.mkdir()
    (uploads / "part").touch()
    (uploads / "a.json").write_text(json.dumps({"where": "v/3/big", "part": str(uploads / "part")}))
    folders.part("v", 1)
    assert not files.exists()
    assert not list(uploads.iterdir())
    files.mkdir()
    (files / "new").write_text("x")
    folders.part("v", 1)
    assert [path.name for path in files.iterdir()] == ["new"]
    folders.wipe("v", 0, files=False)
    assert [path.name for path in files.parent.iterdir()] == ["files"]


def test_uploads_of_others_go_on(folders: Folders) -> None:
    uploads = folders.data / "uploads"
    uploads.mkdir(parents=True)
    for name, where in (("a", "v:f"), ("b", "vv:f"), ("c", "pool:v/f")):
        (uploads / f"{name}.json").write_text(json.dumps({"where": where, "part": str(uploads / f"{name}.part")}))
    folders.wipe("v", 0, files=True)
    assert sorted(path.name for path in uploads.iterdir()) == ["b.json", "c.json"]


def test_what_cannot_be_deleted_keeps_nothing_else(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ran(folders, 1)
    (folders.files("v") / "f").write_text("x")
    with monkeypatch.context() as patch:
        patch.setattr(folders.workspaces, "delete", _broken)
        with pytest.raises(OSError, match="broken"):
            folders.wipe("v", 1, files=True)
    assert not run.exists()
    assert not folders.files("v").exists()
    folders.wipe("v", 1, files=True)
    assert not folders.files("v").parent.exists()


def _broken(*_: object) -> None:
    raise OSError(5, "broken")
