"""What the kernel tells of folders: it is queued when it happens, so nothing has to be waited for."""

import sys
from pathlib import Path

import pytest

from state.inotify import MOST_FOLDERS, Changes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    return tmp_path


def told(changes: Changes, folder: Path) -> set[str]:
    return {str(Path(path).relative_to(folder)) for path in changes.read()}


def test_a_file_that_comes_is_replaced_touched_or_goes_is_told(folder: Path) -> None:
    changes = Changes(folder, recursive=False)
    assert changes.read() == []
    (folder / "a").write_text("1")
    assert told(changes, folder) == {"a"}
    (folder / "a.part").write_text("2")
    (folder / "a.part").replace(folder / "a")
    assert told(changes, folder) == {"a", "a.part"}
    (folder / "a").touch()
    assert told(changes, folder) == {"a"}
    (folder / "a").unlink()
    assert told(changes, folder) == {"a"}
    (folder / "below" / "b").write_text("")
    assert told(changes, folder) == set()
    changes.close()


def test_folders_below_are_watched_too_also_those_that_come_later(folder: Path) -> None:
    changes = Changes(folder, recursive=True)
    (folder / "below" / "b").write_text("")
    assert told(changes, folder) == {"below/b"}
    (folder / "new").mkdir()
    assert told(changes, folder) == {"new"}
    (folder / "new" / "c").write_text("")
    assert told(changes, folder) == {"new/c"}
    (folder / "new" / "c").unlink()
    (folder / "new").rmdir()
    assert told(changes, folder) == {"new/c", "new"}
    (folder / "new").mkdir()  # as git makes and removes the folders of branches
    changes.read()
    (folder / "new" / "d").write_text("")
    assert told(changes, folder) == {"new/d"}
    changes.close()


def test_a_link_to_a_folder_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "link").symlink_to(elsewhere)
    changes = Changes(folder, recursive=True)
    (elsewhere / "x").write_text("")
    assert told(changes, folder) == set()
    changes.close()


def test_not_endlessly_many_folders_are_watched(folder: Path) -> None:
    for number in range(MOST_FOLDERS + 5):
        (folder / "below" / str(number)).mkdir()
    changes = Changes(folder, recursive=True)
    (folder / "a").write_text("")
    assert told(changes, folder) == {"a"}
    changes.close()


def test_where_there_is_no_folder_it_says_so(folder: Path) -> None:
    (folder / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(OSError, match=r"No such|Not a directory"):
            Changes(folder / name, recursive=True)
