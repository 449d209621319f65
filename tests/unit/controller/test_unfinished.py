"""What killed writers left goes at a start; nothing that goes on, and nothing that is a person's."""

import json
import os
from pathlib import Path

from controller.housekeeping.unfinished import DAY, NodePlaces, clear, clear_and_say
from runner.files.shared_folder import Shelf

NOW = 1_800_000_000.0
HEX = "0123456789abcdef" * 2
COPIED = json.dumps({"device": 1, "inode": 2, "size": 3, "changed": 4})


def places(folder: Path) -> NodePlaces:
    return NodePlaces(folder, folder / "pool", folder / "store" / "tmp")


def put(path: Path, days: float, text: str = "abc") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - days * DAY,) * 2)
    return path


def test_what_killed_writers_left_goes_once_it_is_a_day_old(tmp_path: Path) -> None:
    left = ("node/claims/a.json.12-34.part", "view.json.1-2.part", "pool/day/.a.mp4.fetched.part", f"store/tmp/{HEX}")
    old = [put(tmp_path / name, 1.1) for name in left]
    young = [put(path.with_name(path.name.replace("a", "b", 1)), 0.9) for path in old]
    assert clear(places(tmp_path), NOW) == (4, 12)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in young if path not in old)


def test_a_node_says_what_it_removed_at_its_start(tmp_path: Path) -> None:
    told: list[str] = []
    clear_and_say(places(tmp_path), told.append)
    assert told == []
    put(tmp_path / "pool/.a.fetched.part", 1, "x" * (3 << 20))  # of a time that is long past
    os.utime(tmp_path / "pool/.a.fetched.part", (0, 0))
    clear_and_say(places(tmp_path), told.append)
    assert told == ["removed 1 file that killed writers left unfinished, 3.0 MiB"]


def test_what_can_be_gone_on_with_is_kept_for_as_long_as_that(tmp_path: Path) -> None:
    names = (f"pool/a.{HEX}.part", "pool/b.part", "pool/b.part.json", f"projects/v/files/c.{HEX}.part")
    for name in names:
        put(tmp_path / name, 7.5, COPIED)
    assert clear(places(tmp_path), NOW)[0] == 0
    assert clear(places(tmp_path), NOW + DAY)[0] == 4
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_one_that_goes_on_keeps_its_note(tmp_path: Path) -> None:
    put(tmp_path / "pool/b.part.json", 30, COPIED)
    put(tmp_path / "pool/b.part", 0)
    assert clear(places(tmp_path), NOW) == (0, 0)


def test_what_a_person_could_have_named_so_stays(tmp_path: Path) -> None:
    names = ("a.part", "b.mp4.part", "c.part.json", ".d.part", f"{HEX}", "e.2024-12.part", "data.json")
    kept = [put(tmp_path / "pool" / name, 900) for name in names]
    kept.append(put(tmp_path / "store" / "objects" / "ab" / HEX, 900))
    elsewhere = put(tmp_path.parent / f"{tmp_path.name}-elsewhere" / "x.1-2.part", 900)
    (tmp_path / "pool" / "link").symlink_to(elsewhere.parent)
    (tmp_path / "pool" / ".y.fetched.part").symlink_to(elsewhere)
    assert clear(places(tmp_path), NOW) == (0, 0)
    assert all(path.exists() for path in (*kept, elsewhere))


def test_a_copy_that_was_cut_off_has_the_names_that_are_looked_for(tmp_path: Path) -> None:
    """Were they named otherwise one day, they would stay for ever."""
    source, shelf = put(tmp_path / "source", 0), Shelf(tmp_path / "pool")

    def killed(done: int, size: int) -> None:
        raise KeyboardInterrupt

    try:
        shelf.put(source, "a", progress=killed)
    except KeyboardInterrupt:
        pass
    for path in (tmp_path / "pool").iterdir():
        os.utime(path, (NOW - 9 * DAY,) * 2)
    assert clear(places(tmp_path), NOW)[0] == 2
    assert list((tmp_path / "pool").iterdir()) == []
