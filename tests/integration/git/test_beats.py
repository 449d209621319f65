"""Signs of life where a server refuses `refs/winslow/…`: commits without parents on a branch of each node."""

from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest

from cli.doctor import _signs
from controller.loop.alarms import STUCK
from schema import layout
from schema.node import Heartbeat
from state.contract.repository import Landed, Outcome, Rejected, Rejection
from state.git.git_repository import GitRepository
from state.git.heartbeat_probe import probe
from state.server import setup
from tests.integration.git.remotes import client, remote, run, tip

BRANCH = f"{layout.NODE_BRANCHES}gpu"


def refuse(folder: Path, pattern: str, said: str = "no such refs here") -> None:
    """A server that keeps refs of some names out, and lets branches be rewritten, as forges do."""
    hook = folder / "hooks" / "update"
    hook.write_text(f'#!/bin/sh\ncase "$1" in {pattern}) echo "{said}" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    run("config", "receive.denyNonFastForwards", "false", cwd=folder)
    run("config", "receive.denyDeletes", "false", cwd=folder)


def beat(one: GitRepository, counter: int, node: str = "gpu") -> Outcome:
    sign = Heartbeat(node=node, incarnation=node, counter=counter, nonce=str(counter))
    return one.beat(sign, expected=one.fetch().heartbeats.get(node))


def test_a_refused_ref_becomes_a_branch_without_history(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    refuse(folder, "refs/winslow/*")
    one, two = client(tmp_path), client(tmp_path, "two")
    seen = []
    for counter in (1, 2, 3):
        assert isinstance(beat(one, counter), Landed)
        seen.append(two.fetch().heartbeats["gpu"])
        found = two.heartbeat("gpu")
        assert found is not None
        assert (found.counter, found.incarnation) == (counter, "gpu")
    assert len(set(seen)) == 3
    repo = pygit2.Repository(str(folder))
    assert not tip(repo, BRANCH).parents
    assert not [name for name in repo.references if name.startswith("refs/winslow/")]


def test_the_refusal_is_heard_once_and_remembered_by_the_branch(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    refuse(folder, "refs/winslow/*")
    one = client(tmp_path)
    beat(one, 1)
    log = folder / "asked"
    hook = folder / "hooks" / "update"
    hook.write_text(hook.read_text().replace("#!/bin/sh\n", f'#!/bin/sh\necho "$1" >> {log}\n'))
    beat(one, 2)
    beat(client(tmp_path), 3)
    assert set(log.read_text().split()) == {BRANCH}


@pytest.mark.parametrize("kind", ["http", "ssh"])
def test_two_nodes_see_each_other_by_branches_over_real_servers(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    folder = remote(tmp_path)
    refuse(folder, "refs/winslow/*")
    url = request.getfixturevalue(kind).url(folder)
    nodes = {name: GitRepository(url, tmp_path / f"{name}.git") for name in ("a", "b")}
    for name, repository in nodes.items():
        assert isinstance(beat(repository, 1, name), Landed)
    before = nodes["a"].fetch().heartbeats
    assert isinstance(beat(nodes["b"], 2, "b"), Landed)
    after = nodes["a"].fetch().heartbeats
    assert (set(after), after["a"] == before["a"], after["b"] == before["b"]) == ({"a", "b"}, True, False)
    found = nodes["a"].heartbeat("b")
    assert found is not None
    assert found.counter == 2


def test_F9_the_branch_has_a_lease_as_well(tmp_path: Path) -> None:
    refuse(remote(tmp_path), "refs/winslow/*")
    one, two = client(tmp_path), client(tmp_path, "two")
    first = beat(one, 1)
    assert isinstance(first, Landed)
    two.fetch()
    beat(one, 2)
    outcome = two.beat(Heartbeat(node="gpu", incarnation="other"), expected=first.oid)
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.RACE


def test_a_ref_from_before_the_refusal_hides_no_sign_of_life(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    one, two = client(tmp_path), client(tmp_path, "two")
    beat(one, 1)
    refuse(folder, "refs/winslow/*")
    seen = [two.fetch().heartbeats["gpu"]]
    for counter in (2, 3):
        assert isinstance(beat(one, counter), Landed)
        seen.append(two.fetch().heartbeats["gpu"])
        found = two.heartbeat("gpu")
        assert found is not None
        assert found.counter == counter
    assert len(set(seen)) == 3


def test_where_both_are_refused_each_is_tried_in_turn(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    refuse(folder, "refs/winslow/*|refs/heads/winslow-nodes/*")
    one = client(tmp_path)
    assert all(isinstance(beat(one, counter), Rejected) for counter in range(3))
    (folder / "hooks" / "update").unlink()
    assert isinstance(beat(one, 3), Landed)


def test_a_server_that_hides_refs_or_rewrites_no_branch_is_understood(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    run("config", "receive.hideRefs", "refs/winslow", cwd=folder)
    one = client(tmp_path)
    assert isinstance(beat(one, 1), Landed)
    outcome = beat(one, 2)  # the branch may not be rewritten here
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.PROTECTED


def test_a_heartbeat_that_is_refused_once_stays_where_it_was(tmp_path: Path) -> None:
    """A branch would speak of that time for ever: where nobody may delete it, to all who look for the first time."""
    folder = remote(tmp_path)
    one, hook = client(tmp_path), folder / "hooks" / "update"
    beat(one, 1)
    hook.write_text(f"#!/bin/sh\n[ -e {folder}/once ] || {{ : > {folder}/once; echo busy >&2; exit 1; }}\n")
    hook.chmod(0o755)
    assert isinstance(beat(one, 2), Landed)
    assert BRANCH not in pygit2.Repository(str(folder)).references
    found = client(tmp_path, "two")
    found.fetch()
    assert (sign := found.heartbeat("gpu"))
    assert sign.counter == 2


def test_a_node_that_may_use_the_refs_again_is_read_there(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    refuse(folder, "refs/winslow/*")
    one, two = client(tmp_path), client(tmp_path, "two")
    assert isinstance(beat(one, 1), Landed)
    two.fetch()
    (folder / "hooks" / "update").unlink()
    one.beats._place = layout.NODES
    assert isinstance(beat(one, 2), Landed)
    two.fetch()
    assert (sign := two.heartbeat("gpu"))
    assert sign.counter == 2
    assert BRANCH not in pygit2.Repository(str(folder)).references, "what speaks of another time is removed"


REFUSALS: dict[str, tuple[str, Callable[[Path], bool]]] = {
    "refs": ("refs/winslow/*", lambda folder: not probe(str(folder)).create and probe(str(folder), branches=True).good),
    "both": ("refs/winslow/*|refs/heads/winslow-nodes/*", lambda folder: not probe(str(folder), branches=True).create),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_probe_asks_for_branches_as_well(tmp_path: Path, name: str) -> None:
    folder = remote(tmp_path)
    pattern, holds = REFUSALS[name]
    refuse(folder, pattern)
    assert holds(folder)
    assert not [ref for ref in pygit2.Repository(str(folder)).references if "PROBE" in ref or "probe" in ref]


def test_a_probe_that_cannot_be_deleted_says_so_and_is_no_node(tmp_path: Path) -> None:
    found = probe(str(remote(tmp_path)), branches=True)
    assert (found.create, found.update, found.delete) == (True, False, False)
    assert client(tmp_path).fetch().heartbeats == {}


def test_B1_heartbeats_that_a_server_takes_and_hides_go_to_a_branch(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    run("config", "uploadpack.hideRefs", "refs/winslow", cwd=folder)
    run("config", "receive.denyNonFastForwards", "false", cwd=folder)
    one, two = client(tmp_path), client(tmp_path, "two")
    one.remote.folder = two.remote.folder = None  # as a server elsewhere
    assert [isinstance(beat(one, counter), Landed) for counter in (1, 2, 3)] == [True] * 3
    two.fetch()
    found = two.heartbeat("gpu")
    assert found is not None
    assert found.counter == 3


def test_B1_after_heartbeats_in_vain_the_other_place_is_tried(tmp_path: Path) -> None:
    """Of a node that comes back to such a server: what it may not see stands in its way."""
    folder = remote(tmp_path)
    run("config", "uploadpack.hideRefs", "refs/winslow", cwd=folder)
    run("config", "receive.denyNonFastForwards", "false", cwd=folder)
    one = client(tmp_path)
    one.remote.folder = None
    beat(one, 1)
    again = client(tmp_path, "again")
    again.remote.folder = None
    assert [isinstance(beat(again, counter), Landed) for counter in range(2, 6)] == [False, False, False, True]


def test_B1_where_refs_are_hidden_and_branches_keep_their_history_a_beat_says_what_to_change(tmp_path: Path) -> None:
    """As on a repository of `init --bare`: the branch can be made, and never be rewritten."""
    folder = remote(tmp_path)
    run("config", "uploadpack.hideRefs", "refs/winslow", cwd=folder)
    for name in ("one", "again"):  # the second finds both places taken, and has never seen the one
        found = client(tmp_path, name)
        found.remote.folder = None
        outcomes = [beat(found, counter) for counter in range(9)]
        last = outcomes[-1]
        assert isinstance(last, Rejected)
        assert last.kind is Rejection.HIDDEN
        assert "uploadpack.hideRefs" in last.text
        races = [each for each in outcomes if isinstance(each, Rejected) and each.kind is Rejection.RACE]
        assert len(races) < STUCK, "no sentence of a ref that moves for nobody"
    run("config", "--unset-all", "uploadpack.hideRefs", cwd=folder)
    assert any(isinstance(beat(found, counter), Landed) for counter in range(2))


@pytest.mark.parametrize("key", ["uploadpack.hideRefs", "transfer.hideRefs"])
def test_B1_the_probe_reads_back_what_it_wrote(tmp_path: Path, key: str) -> None:
    folder = remote(tmp_path)
    assert probe(str(folder)).good
    for ours in setup.HIDING:
        run("config", "--unset-all", ours, cwd=folder)
    run("config", key, "refs/winslow", cwd=folder)
    found = probe(str(folder))
    assert not found.good
    [(_, result, text), *_] = _signs(str(folder))
    assert result == "fail", "nor may a branch be rewritten here"
    assert "hid" in text
    run("config", "receive.denyNonFastForwards", "false", cwd=folder)
    [(_, result, text), *_] = _signs(str(folder))
    assert result == "warn"
    if key == "uploadpack.hideRefs":
        assert "the server shows nobody refs/winslow/…" in text
        assert "git config --show-origin --get-regexp hiderefs" in text
