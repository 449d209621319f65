"""S12 on real git: a commit by hand on `winslow/state` is flagged by whoever fetches it, and a person settles it."""

from pathlib import Path

import pygit2
import pytest

from flow.model.commits import Commit, StateEvent, Write
from schema import layout
from schema.documents import render
from schema.execution import Execution, Result, State
from state.contract.repository import Landed
from state.edits.settle import NothingFlagged, settle
from state.git import commit_builder
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import AUTHOR, claim, client, land, remote, tip

PATH = layout.execution("v", 1, "work")


def forged(folder: Path) -> tuple[GitRepository, GitRepository, str]:
    """A node that claimed, one that looks on, and the commit by hand that ends what the first one holds."""
    bare = remote(folder)
    one, two = client(folder), client(folder, "two")
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)
    record = two.fetch().projects["v"].executions[0]
    ended = record.model_copy(update={"state": State.SUCCEEDED, "result": Result(exit_code=0)})
    return one, two, by_hand(bare, {PATH: render(ended).encode()})


def by_hand(bare: Path, files: dict[str, bytes | None]) -> str:
    repo = pygit2.Repository(str(bare))
    head = tip(repo, layout.STATE)
    return land(repo, commit_builder.write_tree(repo, head.tree, files), [str(head.id)], layout.STATE, "Mallory")


def record(repository: GitRepository) -> Execution:
    return repository.fetch().projects["v"].executions[0]


def test_S12_everybody_sees_the_record_as_its_holder_left_it_and_which_commit_is_wrong(tmp_path: Path) -> None:
    one, two, oid = forged(tmp_path)
    for repository in (one, two, client(tmp_path, "new")):
        snapshot = repository.fetch()
        assert snapshot.projects["v"].executions[0].state is State.CLAIMED
        assert [flag.commit for flag in snapshot.projects["v"].flags] == [oid]
        assert f"commit {oid[:12]} of winslow/state, by Mallory <mallory@example.org>, is not legal" in str(
            snapshot.problems
        )


def test_S12_it_is_found_again_by_a_node_that_was_restarted_before_anybody_wrote_it_down(tmp_path: Path) -> None:
    one, _, oid = forged(tmp_path)
    one.fetch()
    assert [flag.commit for flag in client(tmp_path).fetch().projects["v"].flags] == [oid]


def test_S12_a_flag_on_the_branch_is_all_that_a_program_needs_that_replays_nothing(tmp_path: Path) -> None:
    one, two, oid = forged(tmp_path)
    snapshot = one.fetch()
    [flag] = snapshot.projects["v"].flags
    written = Commit(StateEvent("flag", "v"), (Write(layout.flag("v", oid), flag),))
    assert isinstance(one.swap(snapshot, [written], node="n"), Landed)
    two.fetch()
    seen = two.at(*two.tips()).projects["v"]
    assert (seen.flags, seen.unwritten, seen.executions[0].state) == ((flag,), (), State.CLAIMED)


@pytest.mark.parametrize("accept", [True, False])
def test_S12_a_person_settles_it(tmp_path: Path, accept: bool) -> None:
    one, two, oid = forged(tmp_path)
    settle(two, oid[:8], accept=accept, author=AUTHOR)
    for repository in (one, two, client(tmp_path, "new")):
        assert repository.fetch().projects["v"].flags == ()
        assert record(repository).state is (State.SUCCEEDED if accept else State.CLAIMED)
    assert next(message.partition("\n")[0] for _, _, message in one.messages()).startswith("settle v: ")


def test_S12_settling_names_what_is_flagged(tmp_path: Path) -> None:
    one, _, oid = forged(tmp_path)
    with pytest.raises(NothingFlagged, match=oid[:12]):
        settle(one, "0" * 40, accept=True, author=AUTHOR)


@pytest.mark.parametrize("path", [PATH, "projects/v/executions/", "projects/v/"])
def test_S12_a_record_that_somebody_removed_is_still_there(tmp_path: Path, path: str) -> None:
    one, two, _ = forged(tmp_path)
    settle(two, one.fetch().projects["v"].flags[0].commit, accept=False, author=AUTHOR)
    by_hand(tmp_path / "remote.git", {path: None})
    assert record(one).state is State.CLAIMED
    assert "was removed" in one.fetch().projects["v"].flags[0].text


def test_S12_a_number_that_was_used_by_a_stranger_is_not_used_again(tmp_path: Path) -> None:
    one, two, _ = forged(tmp_path)
    other = claim(2).writes[0].content
    assert isinstance(other, Execution)
    ended = other.model_copy(update={"state": State.SUCCEEDED})
    oid = by_hand(tmp_path / "remote.git", {layout.execution("v", 2, "work"): render(ended).encode()})
    settle(two, oid, accept=False, author=AUTHOR)
    last = one.fetch().projects["v"].executions[-1]
    assert (last.execution, last.state) == (2, State.FAILED)
