"""What is done to a repository or to a node's data while nodes work, and what they make of it."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from schema import layout
from schema.execution import State
from state.edits.lost_tips import find, put_back
from state.git.git_repository import GitRepository
from state.git.maintenance import CannotCompact, compact, size
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage

Labs = Callable[..., Lab]
OTHERS = {
    "gc": ["gc", "-q"],
    "repack": ["repack", "-a", "-d", "-q"],
    "maintenance": ["maintenance", "run", "--task=gc", "--task=pack-refs", "--quiet"],
}


def git(folder: Path, words: Sequence[str]) -> None:
    subprocess.run(["git", "--git-dir", str(folder), *words], check=False, capture_output=True)


def compacted(*folders: Path) -> None:
    for folder in folders:
        try:
            compact(folder)
        except CannotCompact:
            pass  # somebody else is at it


@pytest.mark.parametrize("what", ["compact", *OTHERS])
def test_M4_nodes_go_on_while_their_repositories_are_packed(lab: Labs, what: str) -> None:
    """Again and again, the server's and the node's clone, whoever does it."""
    here, over = lab("".join(stage(f"s{number}") for number in range(6)), lost_after="60s"), threading.Event()

    def pack() -> None:
        folders = (here.remote, here.folder / "n1" / "clone.git")
        while not over.wait(0.05):
            for folder in folders:
                if what == "compact":
                    compacted(folder)
                else:
                    git(folder, OTHERS[what])

    here.node()
    here.until(lambda view: "n1" in here.repository.fetch().inventories)
    packing = threading.Thread(target=pack)
    packing.start()
    try:
        here.ask("request: start")
        view = here.until_reason("Done")
    finally:
        over.set()
        packing.join()
    assert [each.state for each in view.executions] == [State.SUCCEEDED] * 6
    assert here.ran() == [f"s{number}" for number in range(6)]


def test_compact_packs_a_repository_by_command_and_loses_nothing(lab: Labs) -> None:
    here = lab(stage("one"))
    node = here.node()
    here.ask("request: start")
    here.until_reason("Done")
    node.stop()
    before, tips = size(here.remote), here.repository.fetch()
    words = ["--repo", str(here.remote), "--data", str(here.folder / "n1"), "-o", "json", "compact"]
    done = subprocess.run([Path(sys.executable).with_name("winslowctl"), *words], check=True, capture_output=True)
    assert done.stdout.count(b'"folder"') == 2
    after = size(here.remote)
    assert (after.bytes < before.bytes, after.packs) == (True, 1)
    fresh = GitRepository(str(here.remote), here.folder / "fresh.git").fetch()
    assert (fresh.main, fresh.state) == (tips.main, tips.state)


@pytest.mark.parametrize("part", ["clone.git", "node/claims", "node/tips.json", "cache"])
def test_M3_a_node_that_lost_a_part_of_its_data_ends_each_stage_once(lab: Labs, part: str) -> None:
    here = lab(stage("long", UNTIL_TOLD), lost_after="120s")
    node = here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    node.kill()
    lost = here.folder / "n1" / part
    shutil.rmtree(lost, ignore_errors=True)
    lost.unlink(missing_ok=True)
    here.node()
    here.go()
    view = here.until_reason("Done")
    assert [each.state for each in view.executions].count(State.SUCCEEDED) == 1


def test_F11_M4_a_server_restored_from_a_backup_gets_back_what_nodes_hold(lab: Labs) -> None:
    """Both branches are those of last night; a result of today waits in the node's outbox."""
    here = lab(stage("long", UNTIL_TOLD), lost_after="120s")
    here.node()
    here.until(lambda view: "n1" in here.repository.fetch().inventories)
    night = here.repository.fetch()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    here.take_away()
    here.go()
    outbox = here.folder / "n1" / "node" / "outbox"
    until_file(outbox)
    here.bring_back()
    for ref, oid in ((layout.MAIN, night.main), (layout.STATE, night.state)):
        git(here.remote, ["update-ref", ref, oid])
    until_said(here, "went back")
    people = GitRepository(here.url, here.folder / "people.git")
    lost = {each.branch: each for each in find(people, [here.folder / "n1" / "clone.git"])}
    assert set(lost) == {"main", "winslow/state"}
    for branch in ("main", "winslow/state"):
        put_back(people, lost[branch])
    [record] = here.until_reason("Done").executions
    assert (record.state, record.claim.epoch, here.ran()) == (State.SUCCEEDED, 1, ["long"])


def until_file(folder: Path) -> None:
    _until(lambda: folder.is_dir() and any(folder.iterdir()))


def until_said(lab: Lab, text: str) -> None:
    _until(lambda: text in (lab.folder / "n1.log").read_text())


def _until(done: Callable[[], bool]) -> None:
    from tests.integration.node.test_exclusive import until

    until(done)
