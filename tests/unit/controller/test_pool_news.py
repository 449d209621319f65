"""New files of the pool: complete, once by digest, and ten thousand of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from controller.journal.small_files import MemoryDisk
from controller.triggers import trigger_work
from controller.triggers.pool_news import FORGOTTEN, PoolNews
from controller.triggers.trigger_memory import FileNotes, TriggerNotes
from controller.triggers.trigger_work import SteadyClock, TriggerWork
from runner.store.digests import of_file
from state.contract.repository import Edit
from state.memory.memory_repository import MemoryRepository, MemoryServer

TRIGGER = """
pool: {files: "in/**/*.mp4", settle: 30s%s}
create: {pipeline: p, name: "$[[ file.stem ]]", tags: ["$[[ file.folder ]]"], inputs: {video: "$[[ file.path ]]"}}
"""
FILES = {
    "winslow.yaml": "schema: 1\n",
    "pipelines/p.yaml": "name: p\ninputs: {video: {type: file}}\nstages:\n  - {name: a, image: host/x}\n",
}


class Bench:
    """A node with a pool, and a clock that the test moves."""

    def __init__(self, folder: Path, more: str = "", server: MemoryServer | None = None) -> None:
        self.pool, self.disk, self.now, self.hashed = folder, MemoryDisk(), 0.0, list[str]()
        self.server = server or MemoryServer.create({**FILES, "triggers/t.yaml": TRIGGER % more})
        self.reader, self.said = MemoryRepository(self.server), list[str]()
        folder.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        notes = FileNotes(self.disk)
        self.work = TriggerWork(
            lambda: MemoryRepository(self.server),
            TriggerNotes(self.disk),
            notes,
            PoolNews(self.pool, notes, lambda: self.now, self.digest),
            SteadyClock(lambda: self.now, lambda: self.now),
            lambda _: None,
            self.said.append,
        )

    def digest(self, path: Path) -> str:
        self.hashed.append(path.name)
        return of_file(path)

    def put(self, path: str, text: str = "") -> Path:
        place = self.pool / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text or path)
        return place

    def look(self, seconds: float = 0.0) -> list[str]:
        """Names of the projects that there are then."""
        self.now += seconds
        self.work.seen(self.reader.fetch())
        self.work.pool_turn()
        views = self.reader.fetch().projects.values()
        return sorted(view.project.name for view in views if view.project)


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., Bench]:
    return lambda more="", name="pool", server=None: Bench(tmp_path / name, more, server)


def test_a_new_file_makes_a_project_once_nothing_of_it_changes(bench: Callable[..., Bench]) -> None:
    here = bench()
    here.put("in/old.mp4")
    assert here.look() == []  # what was there before is no news
    here.put("in/ulm/a.mp4", "half")
    here.put("in/ulm/b.mp4.part")
    here.put("out/c.mp4")
    assert here.look(1) == here.look(20) == []
    here.put("in/ulm/a.mp4", "whole")
    assert here.look(20) == []
    assert here.look(31) == ["a"]
    [view] = here.reader.fetch().projects.values()
    assert view.project
    assert (view.project.inputs, view.project.tags) == ({"video": "in/ulm/a.mp4"}, ("in/ulm",))
    assert [file.request and file.request.request for file in view.unanswered] == ["start"]
    assert here.hashed == ["a.mp4"]


def test_G8_a_file_makes_one_project_by_whatever_name_and_on_whatever_node(bench: Callable[..., Bench]) -> None:
    one = bench()
    two = bench(name="other", server=one.server)
    one.look(), two.look()
    one.put("in/a.mp4", "film")
    two.put("in/renamed.mp4", "film")
    for _ in range(2):
        one.look(40), two.look(40)
    assert one.look() == ["a"]
    one.put("in/again.mp4", "film")
    one.look(40)
    assert one.look(40) == ["a"]
    one.start()
    assert one.look(40) == ["a"]
    (one.pool / "in/a.mp4").write_text("another film")
    one.look(1)
    assert one.look(40) == ["a", "a"]


def test_G8_files_that_came_while_the_node_was_away_are_news_after_it(bench: Callable[..., Bench]) -> None:
    here = bench()
    here.look()
    here.put("in/meanwhile.mp4")
    here.start()
    here.look(1)
    assert here.look(31) == ["meanwhile"]


def test_G8_a_pool_that_is_away_or_empty_for_a_while_makes_no_old_file_news(bench: Callable[..., Bench]) -> None:
    here = bench()
    here.put("in/old.mp4"), here.put("in/ulm/old.mp4")
    assert here.look() == []
    aside = here.pool.rename(here.pool.with_name("aside"))
    assert here.look(40) == here.look(40) == []
    assert len(here.said) == 1
    assert "trigger t of the pool: " in here.said[0]
    here.pool.mkdir()  # a mount point without its disk
    assert here.look(40) == []
    here.pool.rmdir()
    aside.rename(here.pool)
    (here.pool / "in/ulm").rename(here.pool.with_name("ulm"))  # a part of it
    assert here.look(40) == []
    here.pool.with_name("ulm").rename(here.pool / "in/ulm")
    assert here.look(40) == here.look(40) == []
    here.put("in/new.mp4")
    here.look(1)
    assert here.look(40) == ["new"]


def test_a_file_that_is_not_there_for_long_is_forgotten(bench: Callable[..., Bench]) -> None:
    here = bench()
    here.put("in/gone.mp4").rename(here.pool / "in/kept.mp4")
    here.put("in/gone.mp4")
    here.look()
    (here.pool / "in/gone.mp4").unlink()
    here.look(1), here.look(FORGOTTEN - 1)
    assert set(here.work.files.known["t"]) == {"in/gone.mp4", "in/kept.mp4"}
    here.look(2)
    assert set(here.work.files.known["t"]) == {"in/kept.mp4"}


def test_a_project_that_cannot_be_made_is_told_and_made_once_it_can(bench: Callable[..., Bench]) -> None:
    here = bench()
    here.look()
    pipeline = FILES["pipelines/p.yaml"]
    here.reader.propose(
        Edit({"pipelines/p.yaml": pipeline.replace("video", "film")}, "x", "A <a>"), base=here.reader.fetch().main
    )
    here.put("in/a.mp4")
    here.look(1), here.look(40), here.look(40)
    assert here.said == ["trigger t: video: no such input; the pipeline has film"] or "no such input" in here.said[0]
    assert len(here.said) == 1
    here.reader.propose(Edit({"pipelines/p.yaml": pipeline}, "x", "A <a>"), base=here.reader.fetch().main)
    assert here.look(1) == ["a"]
    assert here.hashed == ["a.mp4"]


def test_a_file_that_cannot_be_made_holds_up_no_other(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_work, "MOST", 2)
    here = bench()
    here.look()
    for name in ("a", "a" * 220, "b", "c"):
        here.put(f"in/{name}.mp4")
    here.look(1)
    assert here.look(40) == here.look(40) == ["a", "b", "c"]
    assert set(here.work.files.known["t"]) == {"in/a.mp4", "in/b.mp4", "in/c.mp4"}
    assert sum("200" in said for said in here.said) == 1
    assert len(here.hashed) == 4


def test_G8_a_pool_of_ten_thousand_files_makes_each_project_once(bench: Callable[..., Bench]) -> None:
    here = bench(", existing: true")
    waiting = f"{TRIGGER % ', existing: true'}".replace("pipeline: p,", "pipeline: p, start: false,")
    here.reader.propose(Edit({"triggers/t.yaml": waiting}, "x", "A <a>"), base=here.reader.fetch().main)
    for folder in range(100):
        (here.pool / f"in/{folder}").mkdir(parents=True)
        for number in range(100):
            (here.pool / f"in/{folder}/{number}.mp4").write_text(f"{folder} {number}")
    here.look()
    assert len(here.look(31)) == 10_000
    here.start()
    here.look(31)
    here.look(31)
    assert len(here.hashed) == 10_000  # nothing is read twice
