"""A ref on the server that names an object which is not there: git takes no push before somebody removes it."""

from pathlib import Path

import pytest

from schema import layout
from schema.node import Heartbeat
from state.contract.repository import Landed, Rejected, Rejection
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import claim, client, remote

MISSING = "1" * 40


def broken(folder: Path, name: str) -> Path:
    """As `git prune` leaves it between the arrival of a heartbeat's blob and its ref."""
    ref = folder / layout.NODES / name
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(f"{MISSING}\n")
    return ref


def beat(one: GitRepository) -> object:
    return one.beat(Heartbeat(node="n", incarnation="i", counter=7), expected=one.fetch().heartbeats.get("n"))


@pytest.mark.parametrize("does", ["beat", "swap"])
def test_T1_a_node_mends_its_own_ref(tmp_path: Path, does: str) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    one.direct = None
    one.beats.node = "n"
    broken(folder, "n")
    outcome = beat(one) if does == "beat" else one.swap(one.fetch(), [claim(1)], node="n")
    assert isinstance(outcome, (Landed, Rejected)), outcome
    assert isinstance(one.swap(one.fetch(), [claim(2)], node="n"), Landed)
    assert isinstance(beat(one), Landed)
    one.fetch()
    assert (sign := one.heartbeat("n"))
    assert sign.counter == 7


def test_T1_another_node_s_ref_is_named_with_its_remedy(tmp_path: Path) -> None:
    ref = broken(remote(tmp_path), "x")
    one = client(tmp_path)
    one.direct = None
    outcome = one.swap(one.fetch(), [claim(1)], node="n")
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.BROKEN_REF
    assert f"`git push {one.remote.shown} :refs/winslow/nodes/x` removes it" in outcome.text
    assert ref.exists(), "another node's ref is not ours to remove"
    assert one.publisher.remove("refs/winslow/nodes/x"), "the remedy works"
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)


@pytest.mark.parametrize("name", ["n", "x"])
def test_T1_a_direct_push_is_not_kept_from_landing_by_it(tmp_path: Path, name: str) -> None:
    folder = remote(tmp_path)
    broken(folder, name)
    one = client(tmp_path)
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)
    assert isinstance(beat(one), Landed)
    assert one.direct
    assert one.direct.why == ""
    assert set(one.fetch().heartbeats) == {"n", name}
