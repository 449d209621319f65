"""Locks of refs that a killed git left behind, in a node's clone and on the server."""

import os
import time
from pathlib import Path

import pytest

from state.contract.errors import StateError
from state.contract.repository import Landed, Outcome, Rejected, Rejection
from state.direct.own_hook import DEAD
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import claim, client, remote
from tests.integration.servers.bench import Bench

REFS = ("winslow-ours/heads/winslow/state", "winslow-view/state", "winslow-view/main")
SERVERS = "refs/heads/winslow/state.lock"


def lock(ref: Path, age: float = 0.0) -> Path:
    """As a git leaves it that was killed so many seconds ago."""
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.touch()
    old = time.time() - age
    os.utime(ref, (old, old))
    return ref


def write(one: GitRepository, number: int) -> Outcome:
    return one.swap(one.fetch(), [claim(number)], node="n")


def tried(one: GitRepository, number: int) -> str:
    try:
        outcome = write(one, number)
    except StateError as error:
        outcome = Rejected(Rejection.UNKNOWN, str(error))
    if isinstance(outcome, Landed):
        return "landed"
    return "failed to lock" if "failed to lock" in getattr(outcome, "text", "") else str(outcome)


@pytest.mark.parametrize("ref", REFS)
def test_M3_a_lock_left_in_the_clone_holds_a_node_up_for_seconds_only(tmp_path: Path, ref: str) -> None:
    remote(tmp_path)
    one, other = client(tmp_path), client(tmp_path, "other")
    assert isinstance(write(one, 1), Landed)
    assert isinstance(write(other, 2), Landed)  # so that `one` has to move its view
    left = lock(tmp_path / "one.git" / "refs" / f"{ref}.lock")
    for number in (3, 4):
        assert tried(one, number) in ("landed", "failed to lock")
    assert left.exists(), "it may belong to a git that still runs"
    lock(left, age=60)
    tried(one, 5)
    assert tried(one, 6) == "landed"


def test_a_lock_that_a_crash_left_on_the_server_is_removed_by_a_later_push(tmp_path: Path) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    left = lock(folder / SERVERS)
    outcome = write(one, 1)
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.RACE, "somebody may be writing at this moment"
    assert left.exists()
    lock(left, age=60 * (DEAD + 2))
    assert isinstance(write(one, 2), Landed)


def test_a_node_tells_once_that_a_ref_does_not_move(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    bench = Bench(tmp_path, client(tmp_path, "n1"))
    bench.rounds(30)
    left = lock(folder / SERVERS)
    bench.ask()
    bench.rounds(200)
    assert [text for text in bench.said if "File exists" in text] == bench.said
    assert len(bench.said) == 1
    lock(left, age=60 * (DEAD + 2))
    bench.rounds(300)
    assert bench.states() == ["succeeded"]
