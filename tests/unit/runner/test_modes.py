"""What a stage's user can read, whatever umask the node's own has."""

import os
import stat
from pathlib import Path

import pytest

from controller.node import assembly
from controller.node.options import NodeOptions
from runner.files import modes
from runner.files.modes import unreadable

STAGES = (64000, 64000)


@pytest.mark.parametrize(("shut", "mode"), [("", 0o700), ("day", 0o700), ("day/in.mp4", 0o600), ("day/in.mp4", 0o640)])
def test_what_a_stage_cannot_enter_or_read_is_named(tmp_path: Path, shut: str, mode: int) -> None:
    pool = tmp_path / "pool"
    (pool / "day").mkdir(parents=True)
    (pool / "day" / "in.mp4").touch()
    for path in (pool, pool / "day"):
        path.chmod(0o755)
    (pool / "day" / "in.mp4").chmod(0o644)
    assert unreadable(pool, pool / "day" / "in.mp4", STAGES) is None
    (pool / shut).chmod(mode)
    assert unreadable(pool, pool / "day" / "in.mp4", STAGES) == pool / shut
    assert unreadable(pool, pool / "day" / "in.mp4", (os.getuid(), os.getgid())) is None


@pytest.mark.parametrize(
    ("shut", "mode"), [("", 0o700), ("day", 0o711), ("day/a", 0o700), ("day/a", 0o744), ("day/a/2.png", 0o600)]
)
def test_what_a_stage_cannot_list_enter_or_read_below_a_folder_is_named(tmp_path: Path, shut: str, mode: int) -> None:
    pool = tmp_path / "pool"
    (pool / "day" / "a").mkdir(parents=True)
    for name in ("1.png", "a/2.png"):
        (pool / "day" / name).touch(0o644)
    (pool / "day" / "link").symlink_to("a/2.png")
    for folder in (pool, pool / "day", pool / "day" / "a"):
        folder.chmod(0o755)
    assert modes.unreadable_in(pool, pool / "day", STAGES) is None
    (pool / shut).chmod(mode)
    assert modes.unreadable_in(pool, pool / "day", STAGES) == pool / shut
    assert modes.unreadable_in(pool, pool / "day", (os.getuid(), os.getgid())) is None


def test_a_node_with_a_strict_umask_still_makes_files_that_stages_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def rounds(options: NodeOptions, say: object) -> int:
        (options.data / "files").mkdir()
        made.extend(path.stat().st_mode & 0o777 for path in (options.data, options.data / "files"))
        return 0

    monkeypatch.setattr(assembly, "_run", rounds)
    before = os.umask(0o077)
    try:
        assert assembly.run_node(NodeOptions(repo="", name="n", data=tmp_path / "data"), lambda text: None) == 0
    finally:
        os.umask(before)
    assert made == [0o700, 0o755]


def test_a_data_folder_is_made_closed_to_others_and_an_open_one_is_closed(tmp_path: Path) -> None:
    made, known, shared = tmp_path / "made", tmp_path / "known", tmp_path / "shared"
    for folder, mode in ((known, 0o755), (shared, 0o750)):
        (folder / "node").mkdir(parents=True)
        folder.chmod(mode)
    for folder in (made, known, shared):
        assert modes.close_to_others(folder, folder / "pool") == ""
        assert modes.close_to_others(folder, folder / "pool") == ""
    assert [stat.S_IMODE(each.stat().st_mode) for each in (made, known, shared)] == [0o700, 0o750, 0o750]


def test_a_data_folder_that_others_need_stays_open_and_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    (data / "pool").mkdir(parents=True)
    data.chmod(0o755)
    (data / "pool").chmod(0o1777)
    told = modes.close_to_others(data, data / "pool")
    (data / "pool").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert f"can read {data}, as they may put files into its pool; `chmod o= {data}` closes it" in told
    assert "belongs to another user" in modes.close_to_others(data, data / "pool")
    assert stat.S_IMODE(data.stat().st_mode) == 0o755
