"""Retention on a whole node: what the rules drop goes from its disk, and whoever asks for it is told."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.housekeeping.retention import Pressure, RetentionWork, Room, let_go, on_disk, parse_room
from flow.reconcile.retention import Drop
from runner.logs.archive import archive, archived
from runner.store import digests
from runner.store.errors import Dropped, StoreError
from runner.store.packed import Packed
from runner.store.workspaces import Workspaces
from schema.execution import State
from tests.integration.node.lab import HANG, Lab, stage
from tests.integration.node.waiting import eventually

Make = Callable[..., Lab]
ONE = "import sys; open('f', 'w').write(os.environ['WINSLOW_EXECUTION'] * 1000)"
RULES = "pipeline: p\nretention: {keep_succeeded: 1, keep_logs: 1}\n"


def store(lab: Lab, data: str = "n1") -> Workspaces:
    return Workspaces(lab.folder / data)


def three_times(lab: Lab) -> None:
    lab.node()
    for number in (1, 2, 3):
        lab.ask("request: start\nstage: one\n")
        lab.until_state(State.SUCCEEDED, number)


def objects(lab: Lab) -> list[Path]:
    return [path for path in lab.folder.glob("n1/store/objects/**/*") if path.is_file()]


def test_a_node_drops_what_the_rules_do_not_keep(lab: Make) -> None:
    it = lab(stage("one", ONE))
    three_times(it)
    before = len(objects(it))
    it.edit({"projects/v/project.yaml": RULES})
    assert eventually(lambda: [store(it).dropped("v", n) for n in (1, 2)] == ["more than 1 succeeded of one"] * 2)
    assert store(it).dropped("v", 3) is None
    assert eventually(lambda: len(objects(it)) == before - 4)  # a manifest and a file each
    assert store(it).look("v", 3).read("f", 10) == b"3333333333"
    with pytest.raises(Dropped, match=r"execution 1 of v was dropped by retention \(more than 1 .*redo its stage"):
        store(it).look("v", 1)
    assert eventually(lambda: len(list(it.folder.glob("n1/runs/*/project"))) == 1)


def test_who_starts_from_a_dropped_one_is_told(lab: Make) -> None:
    it = lab(stage("one", ONE))
    three_times(it)
    before = len(objects(it))
    it.edit({"projects/v/project.yaml": RULES})
    assert eventually(lambda: store(it).dropped("v", 1) is not None)
    assert eventually(lambda: len(objects(it)) == before - 4), "until then it can be had"
    it.ask("request: start\nstage: one\nworkspace: {from: 1}\n")
    failed = it.until_state(State.FAILED, 4).execution(4)
    assert failed
    assert "execution 1 of v was dropped by retention" in failed.text


def test_M11_the_command_drops_beside_a_running_node(lab: Make) -> None:
    it = lab(stage("one", ONE))
    three_times(it)
    shown = prune(it, "--pressure", "2", "--dry-run")
    assert shown.count("more than 1 succeeded of one") == 2
    assert store(it).dropped("v", 1) is None
    prune(it, "--pressure", "2")
    assert [store(it).dropped("v", n) is not None for n in (1, 2, 3)] == [True, True, False]
    listed = run(it, "files", "ls", "v/1")
    assert "dropped by retention" in listed.stderr
    it.ask("request: start\nstage: one\n")
    it.until_state(State.SUCCEEDED, 4)


def prune(lab: Lab, *arguments: str) -> str:
    done = run(lab, "prune", *arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(lab: Lab, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-c",
        "from cli.main import main; main()",
        "--repo",
        lab.url,
        "--data",
        str(lab.folder / "n1"),
        *arguments,
    ]
    home = {**os.environ, "XDG_CACHE_HOME": str(lab.folder / "cache")}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=home, check=False)


# -- logs --------------------------------------------------------------------------------------------------------------


LINES = "[print('line', n) for n in range(5000)]"


def aged(lab: Lab, number: int = 1) -> Path:
    """Its run, with a log as old as if nobody had written to it for long."""
    record = lab.view().execution(number)
    assert record
    where = lab.folder / "n1" / "runs" / record.claim.container
    os.utime(where / "log", (0, 0))
    return where


def nudge(lab: Lab) -> None:
    """Something is new in the repository."""
    count = lab.folder / "edits"
    count.write_text(count.read_text() + "x" if count.exists() else "x")
    lab.edit({"projects/v/project.yaml": f"pipeline: p\nname: {count.read_text()}\n"})


def test_R1450_archived_logs_are_in_the_store_and_had_whole_again(lab: Make) -> None:
    it = lab(stage("one", LINES))
    it.node()
    it.ask("request: start\n")
    record = it.until_reason("Done").executions[0]
    where, packed = aged(it), Packed(it.folder / "n1" / "store")
    content = (where / "log").read_bytes()
    assert record.log
    assert digests.of_bytes(content) == record.log.digest
    nudge(it)
    assert eventually(lambda: not (where / "log").exists())
    assert archived(where) == record.log.digest
    assert packed.path(record.log.digest).stat().st_size < len(content) / 5
    told = run(it, "logs", "v/1")
    lines = [line.partition(" line ")[2] for line in told.stdout.splitlines() if " O line " in line]
    assert lines == [str(n) for n in range(5000)]
    assert told.stderr == ""
    assert not (where / "log").exists(), "it is read where it is"
    assert run(it, "files", "check").returncode == 0
    path = packed.path(record.log.digest)
    path.write_bytes(path.read_bytes()[:-9])
    damaged = run(it, "files", "check", "-o", "json")
    assert damaged.returncode == 1
    assert [row["of"] for row in json.loads(damaged.stdout)] == [["v/1 (its log)"]]
    told = run(it, "logs", "v/1")
    assert "line 4999" in told.stdout
    assert "bytes left out" in told.stdout, "head and tail, which the repository has"


def test_R1450_M11_an_archived_log_stays_as_long_as_retention_says_and_goes_then(lab: Make) -> None:
    it = lab(stage("one", LINES))
    it.node()
    for number in (1, 2):
        it.ask("request: start\nstage: one\n")
        it.until_state(State.SUCCEEDED, number)
    packed = Packed(it.folder / "n1" / "store")
    runs = [aged(it, number) for number in (1, 2)]
    nudge(it)
    assert eventually(lambda: len(list(packed.all())) == 2 and not any((where / "log").exists() for where in runs))
    rows = json.loads(prune(it, "--pressure", "2", "--dry-run"))
    logs = [row for row in rows if row["what"] == "log" and row["goes"]]
    assert [(row["execution"], row["why"]) for row in logs] == [(1, "more than 1 logs of one")]
    assert logs[0]["bytes"] > packed.path(str(archived(runs[0]))).stat().st_size
    kept, gone = archived(runs[1]), archived(runs[0])
    it.edit({"projects/v/project.yaml": RULES})
    assert eventually(lambda: not runs[0].exists())
    assert [digest for digest, _ in packed.all()] == [kept]
    assert not [name for digest, name, _ in packed.names() if digest == gone]
    assert "line 4999" in run(it, "logs", "v/2").stdout


@pytest.mark.parametrize("place", ["log-noted", "log-packed"])
def test_R1450_a_node_killed_while_it_archives_goes_on_when_it_is_started_again(lab: Make, place: str) -> None:
    it = lab(stage("one", LINES))
    node = it.node(failpoint=place)
    it.ask("request: start\n")
    it.until_reason("Done")
    where, packed = aged(it), Packed(it.folder / "n1" / "store")
    nudge(it)
    assert node.died()
    assert (where / "log").is_file()
    assert "line 2500" in run(it, "logs", "v/1").stdout
    it.node()
    assert eventually(lambda: not (where / "log").exists())
    assert [packed.whole(digest) for digest, _ in packed.all()] == [True]
    assert "line 2500" in run(it, "logs", "v/1").stdout


def test_R1450_a_log_that_an_earlier_version_packed_is_read_and_moves_into_the_store(lab: Make) -> None:
    it = lab(stage("one", LINES))
    node = it.node()
    it.ask("request: start\n")
    it.until_reason("Done")
    where = aged(it)
    node.kill()
    (where / "log.gz").write_bytes(gzip.compress((where / "log").read_bytes()))
    (where / "log").unlink()
    it.node()
    assert eventually(lambda: not (where / "log.gz").exists())
    assert archived(where)
    assert "line 2500" in run(it, "logs", "v/1").stdout


# -- deletion ----------------------------------------------------------------------------------------------------------


def test_R1250_a_node_that_was_away_deletes_everything_when_it_returns(lab: Make) -> None:
    it = lab(stage("one", ONE))
    away = it.node("n1")
    it.ask("request: start\n")
    it.until_reason("Done")
    data = it.folder / "n1"
    upload = data / "projects" / "v" / "files" / "upload.bin"
    upload.parent.mkdir(exist_ok=True)
    upload.write_bytes(b"x" * 1000)
    unfinished = data / "uploads" / "1.json"
    unfinished.parent.mkdir(exist_ok=True)
    part = data / "uploads" / "a.part"
    part.write_bytes(b"x")
    unfinished.write_text(json.dumps({"id": "1", "where": "v/1/a", "part": str(part), "size": 9}))
    other = data / "uploads" / "2.json"
    other.write_text(json.dumps({"id": "2", "where": "pool:v/a", "part": "", "size": 9}))
    (data / "pool" / "film").write_text("stays")
    record = it.view().executions[0]
    packed = Packed(data / "store")
    assert archive(data / "runs" / record.claim.container, packed)
    fetched = packed.path(str(record.log and record.log.digest)).with_suffix(".fetched")
    fetched.write_text("v")  # as another node's would be
    away.kill()
    it.node("n2")
    it.edit({"projects/v/": None}, "delete v\n\nWinslow-Delete: now\n")
    it.until(lambda view: view.tombstone is not None and view.tombstone.state == "purged")
    assert upload.exists()
    assert store(it).result("v", 1)
    it.node("n1")
    assert eventually(lambda: not list((data / "projects").glob("*")) and not list((data / "runs").glob("*")))
    assert eventually(lambda: not objects(it) and not list(packed.folder.glob("*/*")))
    assert eventually(lambda: not unfinished.exists() and not part.exists())
    assert other.exists()
    assert (data / "pool" / "film").read_text() == "stays"


# -- killed anywhere ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["drop-noted", "collecting"])
def test_a_node_killed_while_it_drops_goes_on_when_it_is_started_again(lab: Make, place: str) -> None:
    it = lab(stage("one", ONE))
    node = it.node(failpoint=place)
    for number in (1, 2, 3):
        it.ask("request: start\nstage: one\n")
        it.until_state(State.SUCCEEDED, number)
    before = len(objects(it))
    it.edit({"projects/v/project.yaml": RULES})
    node.child.wait(timeout=HANG)
    it.node()
    assert eventually(lambda: [store(it).dropped("v", n) is not None for n in (1, 2, 3)] == [True, True, False])
    assert eventually(lambda: len(objects(it)) == before - 4)
    assert store(it).look("v", 3).read("f", 10) == b"3333333333"
    it.ask("request: start\nstage: one\n")
    it.until_state(State.SUCCEEDED, 4)


CHILD = """
import os, signal, sys
from pathlib import Path
from runner.store.workspaces import Workspaces
def die(place):
    if place == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
store = Workspaces(Path(sys.argv[1]), overlays=False, passing=die)
store.drop("v", 1, "a test")
store.collect()
"""


def left(store: Workspaces, number: int, contents: dict[str, str]) -> str:
    opened = store.open("v", number, f"{number:032x}")
    for name, text in contents.items():
        (opened.path / name).write_text(text)
    return store.finish("v", number)


@pytest.mark.parametrize("place", ["drop-noted", "drop-condemned", "collecting", "collected"])
def test_killed_while_it_drops_nothing_else_is_lost_and_all_of_it_goes(tmp_path: Path, place: str) -> None:
    first = Workspaces(tmp_path, overlays=False)
    left(first, 1, {"shared": "both", "own": "only of the first", "more": "of it"})
    second = left(first, 2, {"shared": "both"})
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), place], timeout=60, check=False)
    assert child.returncode == -9
    after = Workspaces(tmp_path, overlays=False)
    after.repair()
    assert after.tree(second).read("shared", 10) == b"both"
    if 1 in on_disk(tmp_path).workspaces.get("v", ()):
        let_go(tmp_path, after, Drop("v", 1, "workspace", "a test", ""))
    after.collect()
    assert after.tree(second).read("shared", 10) == b"both"
    kept = {path.name for path in (tmp_path / "store" / "objects").rglob("*") if path.is_file()}
    fresh = tmp_path / "fresh"
    other = Workspaces(fresh, overlays=False)
    left(other, 2, {"shared": "both"})
    assert kept == {path.name for path in (fresh / "store" / "objects").rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="dropped by retention"):
        after.look("v", 1)


# -- a disk that is too full -------------------------------------------------------------------------------------------


def test_the_pressure_rises_a_step_at_a_time_and_ends_only_with_room_to_spare() -> None:
    pressure = Pressure(parse_room("10%"))
    assert [pressure.look(free, 1000) for free in (100, 99, 99, 99, 99, 110, 124, 125)] == [0, 1, 2, 3, 3, 3, 3, 0]


def test_without_a_threshold_there_is_none() -> None:
    assert Pressure(Room()).look(0, 1000) == 0


@pytest.mark.parametrize("text", ["100%", "-1%", "much", "x%"])
def test_no_amount_of_disk(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_room(text)


def test_a_full_disk_is_told_as_long_as_it_lasts(tmp_path: Path) -> None:
    from tests.unit.flow.builders import fleet, started

    free = iter((50, 50, 200))
    store = Workspaces(tmp_path, overlays=False)
    it = RetentionWork(
        tmp_path, store, parse_room("10%"), lambda work: work(), lambda text: None, lambda path: (next(free), 1000)
    )
    said = [it.look(fleet(started()), frozenset) for _ in range(3)]
    assert [text.partition("(")[2] for text in said] == ["step 1 of 3)", "step 2 of 3)", ""]


# -- what fails --------------------------------------------------------------------------------------------------------


def test_what_cannot_be_dropped_is_told_once_and_keeps_nothing_else_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that can only be read, say; for a whole day of rounds."""
    from tests.unit.flow.builders import fleet, started

    one = "name: p\nstages:\n  - {name: one, image: i}\n"
    story = started(one, retention={"keep_succeeded": 1})
    left(store := Workspaces(tmp_path, overlays=False), 1, {"a": "1"})
    for number in (2, 3, 4):
        left(store, number, {"a": str(number)})
    for number in (1, 2, 3, 4):
        if number > 1:
            assert story.ask(request="start", stage="one").accepted
        story.ran()
    drop, tries, said, now = store.drop, list[int](), list[str](), 0.0

    def drops(project: str, number: int, why: str) -> None:
        if number == 1:
            tries.append(number)
            raise OSError(30, "Read-only file system")
        drop(project, number, why)

    monkeypatch.setattr(store, "drop", drops)
    it = RetentionWork(tmp_path, store, Room(), lambda work: work(), said.append, clock=lambda: now)
    for number in range(24 * 360):
        now = number * 10.0
        it.look(fleet(story), frozenset)
    assert [store.dropped("v", number) is not None for number in (1, 2, 3, 4)] == [False, True, True, False]
    assert [text for text in said if "Read-only" in text] == [
        "retention: dropping a workspace: [Errno 30] Read-only file system; tried again"
    ]
    assert len(said) == 3
    assert 24 <= len(tries) <= 32, "once an hour, after the first rests"
