"""F21: disks that are full, on the node and on the server, as small file systems of their own."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
import pytest

from controller.journal.journal import Journal
from controller.journal.small_files import FolderDisk
from runner.logs.archive import archive, archived, forget, here
from runner.store import digests
from runner.store.blocks import Blocks
from runner.store.packed import Packed
from runner.store.workspaces import Workspaces
from schema.execution import State
from schema.node import Heartbeat
from state.contract.repository import Edit, Landed, Outcome
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import AUTHOR, claim, client, remote
from tests.integration.node.lab import Lab, stage
from tests.integration.node.waiting import eventually

Labs = Callable[..., Lab]
MIB = 1024 * 1024
WAITS = "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system needs root")


class Small:
    """A file system of so many MiB, which can be filled up and given room again."""

    def __init__(self, at: Path, size: int) -> None:
        self.at = at
        at.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "winslow-test", str(at)], check=True)

    def fill(self, leave: int = 0) -> None:
        """All but so many bytes."""
        with (self.at / "filler").open("wb", buffering=0) as file:
            while (left := self.free() - leave) > 0:
                try:
                    file.write(b"x" * min(left, MIB))
                except OSError:
                    break

    def free(self) -> int:
        found = os.statvfs(self.at)
        return found.f_bavail * found.f_frsize

    def drain(self) -> None:
        (self.at / "filler").unlink(missing_ok=True)

    def names(self, more: int) -> None:
        """Room for so many more files and links than there are now; here a link takes some too."""
        found = os.statvfs(self.at)
        most = found.f_files - found.f_ffree + more
        subprocess.run(["mount", "-o", f"remount,nr_inodes={most}", str(self.at)], check=True)


@pytest.fixture
def small() -> Iterator[Callable[[Path, int], Small]]:
    made: list[Small] = []

    def make(at: Path, size: int) -> Small:
        made.append(Small(at, size))
        return made[-1]

    yield make
    for each in made:
        subprocess.run(["umount", "-l", str(each.at)], check=False)


@pytest.fixture
def pushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often nodes have pushed by git, which is what they do where they cannot write themselves."""
    log, program = tmp_path / "pushes", tmp_path / "bin" / "git"
    log.touch()
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase " $* " in *" push "*) echo push >>{log};; esac\nexec {shutil.which("git")} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return lambda: len(log.read_text().splitlines())


def some_signs(here: Lab) -> None:
    """Until six signs of life more have landed."""
    seen = set[str]()

    def another(view: object) -> bool:
        repo = pygit2.Repository(str(here.remote))
        seen.update(f"{name} {repo.references[name].target}" for name in repo.references if "winslow/nodes" in name)
        return len(seen) > 6

    here.until(another)


def test_F21_a_node_without_room_claims_nothing_and_goes_on_by_itself(lab: Labs, small: Callable[..., Small]) -> None:
    here = lab(stage("one"))
    disk = small(here.folder / "n1", 96)
    disk.fill(leave=32 * MIB)
    here.node()
    here.ask("request: start")
    here.until(lambda view: not view.unanswered)
    assert not here.view().executions, "it answers, but takes no work"
    some_signs(here)
    assert not here.view().executions
    assert (here.folder / "n1.log").read_text().count("nearly full") == 1
    disk.drain()
    here.until_reason("Done")


def test_F21_a_result_that_finds_no_room_is_kept_until_there_is(lab: Labs, small: Callable[..., Small]) -> None:
    here = lab(stage("one", WAITS))
    disk = small(here.folder / "n1", 96)
    here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    disk.fill()
    Path(f"{here.runs}.go").touch()
    here.until(lambda view: "No space left" in (here.folder / "n1.log").read_text() or _shim_waits(here))
    assert here.view().executions[0].state is State.RUNNING
    disk.drain()
    view = here.until_reason("Done")
    assert [(each.execution, each.state) for each in view.executions] == [(1, State.SUCCEEDED)]
    assert len(here.ran()) == 1


def test_F21_a_disk_that_fills_up_while_a_result_is_taken_in_loses_none_of_it(
    lab: Labs, small: Callable[..., Small]
) -> None:
    many = 400
    here = lab(stage("one", f"[open(str(n), 'w').write('left ' + str(n)) for n in range({many})]; {WAITS}"))
    disk = small(here.folder / "n1", 200)
    here.node()
    here.ask("request: start")
    here.until(lambda view: len(list(here.folder.glob("n1/projects/v/0001/*/*"))) >= many)
    disk.names(more=150)
    Path(f"{here.runs}.go").touch()
    here.until(lambda view: "No space left" in (here.folder / "n1.log").read_text())
    assert here.view().executions[0].state.active
    taken = len(list(here.folder.glob("n1/store/objects/*/*")))
    assert 0 < taken < many, "some of it is in, and not all"
    disk.names(more=5000)
    [execution] = here.until_reason("Done").executions
    assert execution.state is State.SUCCEEDED
    assert execution.result
    left = Workspaces(here.folder / "n1").tree(execution.result.manifest or "")
    assert {row.path: left.read(row.path, 100) for row in left.files()} == {
        str(number): b"left %d" % number for number in range(many)
    }
    assert len(here.ran()) == 1


def test_F21_a_store_that_cannot_be_written_is_said_and_nothing_is_lost(lab: Labs, small: Callable[..., Small]) -> None:
    here = lab(stage("one", "open('left', 'w').write('one')") + stage("two", "open('more', 'w').write('two')"))
    store = here.folder / "n1" / "store" / "tmp"  # where everything in a store begins
    small(here.folder / "n1", 200)
    here.node()
    here.ask("request: start\nthen: pause")
    here.until_reason("PauseRequested")
    subprocess.run(["mount", "--bind", str(store), str(store)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(store)], check=True)
        here.ask("request: resume")
        here.until(lambda view: "Read-only file system" in (here.folder / "n1.log").read_text())
        assert not [each for each in here.view().executions if each.stage == "two" and each.state.ended]
    finally:
        subprocess.run(["umount", "-l", str(store)], check=True)
    view = here.until_reason("Done")
    assert [each.state for each in view.executions] == [State.SUCCEEDED] * 2


def test_R1450_F21_a_log_for_which_the_store_has_no_room_stays_where_it_is(
    tmp_path: Path, small: Callable[..., Small]
) -> None:
    disk, packed, runs = small(tmp_path / "store", 4), Packed(tmp_path / "store"), tmp_path / "runs"
    for name in ("a", "b"):
        (runs / name).mkdir(parents=True)
        (runs / name / "log").write_bytes(os.urandom(MIB))
    assert archive(runs / "a", packed)
    disk.fill(100_000)
    with pytest.raises(OSError, match="No space left"):
        archive(runs / "b", packed)
    assert here(tmp_path, "b") == runs / "b" / "log"
    assert not list(packed.tmp.iterdir())
    disk.drain()
    assert archive(runs / "b", packed)
    subprocess.run(["mount", "-o", "remount,ro", str(disk.at)], check=True)
    for name in ("a", "b"):
        found = here(tmp_path, name)
        assert isinstance(found, Blocks)
        assert found.digest() == archived(runs / name)
        with pytest.raises(OSError, match="Read-only"):
            forget(runs / name, packed)
        assert packed.has(found.digest())


def test_R1450_F21_a_store_that_takes_no_log_is_said_once_and_holds_nothing_up(
    lab: Labs, small: Callable[..., Small]
) -> None:
    it = lab(stage("one", "[print('line', n) for n in range(5000)]"))
    store = it.folder / "n1" / "store" / "packed"
    small(it.folder / "n1", 200)
    node = it.node()
    it.ask("request: start")
    record = it.until_reason("Done").executions[0]
    log = it.folder / "n1" / "runs" / record.claim.container / "log"
    content = log.read_bytes()
    store.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(store), str(store)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(store)], check=True)
        os.utime(log, (0, 0))  # from now on it is old enough to be archived
        for number in (2, 3, 4):
            it.ask("request: start")
            it.until_state(State.SUCCEEDED, number)
        it.until(lambda view: "Read-only file system" in (it.folder / "n1.log").read_text())
        assert log.read_bytes() == content
    finally:
        subprocess.run(["umount", "-l", str(store)], check=True)
    assert (it.folder / "n1.log").read_text().count("archiving a log") == 1
    node.stop()
    it.node()
    assert eventually(lambda: not log.exists())
    assert Packed(store.parent).whole(digests.of_bytes(content))


def test_F21_a_node_killed_on_a_full_disk_finds_its_journal_whole(lab: Labs, small: Callable[..., Small]) -> None:
    here = lab(stage("one", WAITS) + stage("two"))
    disk = small(here.folder / "n1", 96)
    node = here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    disk.fill()
    Path(f"{here.runs}.go").touch()
    here.until(lambda view: _shim_waits(here))
    node.kill()
    journal = FolderDisk(here.folder / "n1" / "node")
    [entry] = Journal(journal).entries.values()
    assert (entry.order.execution, Journal(journal).outbox) == (1, {})
    disk.drain()
    here.node()
    view = here.until_reason("Done")
    assert [(each.execution, each.state) for each in view.executions] == [(1, State.SUCCEEDED), (2, State.SUCCEEDED)]
    assert here.ran() == ["one", "two"]


def _shim_waits(here: Lab) -> bool:
    """Its stage has ended, and that could not be written down yet."""
    [run] = here.folder.glob("n1/runs/*/shim.json")
    return run.exists() and not (run.parent / "exit.json").exists() and not Path(f"/proc/{_stage(run)}").exists()


def _stage(run: Path) -> int:
    import json

    return int(json.loads(run.read_text())["stage"])


def test_F21_a_full_server_moves_no_ref_is_told_once_and_recovers(
    lab: Labs, small: Callable[..., Small], pushes: Callable[[], int]
) -> None:
    here = lab(stage("one", WAITS))
    aside = here.remote.with_name("aside.git")
    here.remote.rename(aside)
    disk = small(here.remote, 24)
    subprocess.run(["cp", "-a", f"{aside}/.", str(here.remote)], check=True)
    here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    disk.fill()
    before = here.repository.fetch().state
    Path(f"{here.runs}.go").touch()
    here.until(lambda view: "server declined a push" in (here.folder / "n1.log").read_text())
    wanted = pushes() + 6
    here.until(lambda view: pushes() >= wanted)
    assert here.repository.fetch().state == before
    disk.drain()
    view = here.until_reason("Done")
    assert [each.state for each in view.executions] == [State.SUCCEEDED]
    said = (here.folder / "n1.log").read_text()
    assert said.count("No space left") == said.count("server declined a push") + said.count("declined a heartbeat")
    assert said.count("server declined a push") == 1
    assert said.count("declined a heartbeat") <= 1


def test_F21_a_clone_whose_disk_is_full_goes_on_in_memory_and_comes_back(
    tmp_path: Path, small: Callable[[Path, int], Small]
) -> None:
    """Nothing on the full disk is written: signs of life, looks and pushes need no byte of it."""
    disk = small(tmp_path / "disk", 100)
    bare = remote(tmp_path)
    one, two = GitRepository(str(bare), disk.at / "clone.git"), client(tmp_path, "two")
    one.fetch()
    disk.fill()
    for counter in (1, 2, 3):
        two.propose(Edit({f"{counter}.md": "x" * 20_000}, "edit", AUTHOR), base=two.fetch().main)
        outcomes = [_beat(one, 2 * counter), _beat(one, 2 * counter + 1)]  # the first one may be what notices it
        assert isinstance(outcomes[-1], Landed)
        assert one.fetch().main == two.fetch().main
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)
    disk.drain()
    assert len(one.fetch().projects["v"].executions) == 1
    assert one.path == disk.at / "clone.git"


def _beat(one: GitRepository, counter: int) -> Outcome:
    sign = Heartbeat(node="n", incarnation="i", counter=counter, nonce=str(counter))
    return one.beat(sign, expected=one.fetch().heartbeats.get("n"))
