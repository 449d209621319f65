"""F11: what a rewound, forced or deleted branch lost is found in a node's clone, and put back, or its loss stands."""

from pathlib import Path

import pygit2
import pytest

from flow.model.commits import Commit
from schema import layout
from state.contract.repository import Edit, Landed
from state.edits.lost_tips import LostTip, find, let_stand, put_back
from state.edits.main import NotCommitted
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import AUTHOR, claim, client, remote, tip


def landed(repository: GitRepository, *commits: Commit) -> None:
    assert isinstance(repository.swap(repository.fetch(), commits, node="n"), Landed)


def rewind(folder: Path, ref: str, count: int) -> str:
    repo = pygit2.Repository(str(folder / "remote.git"))
    lost = commit = tip(repo, ref)
    for _ in range(count):
        commit = commit.parents[0]
    repo.references.create(ref, commit.id, force=True)
    return str(lost.id)


def lost_in(folder: Path, node: GitRepository, person: str = "person") -> tuple[GitRepository, list[LostTip]]:
    people = client(folder, person)
    return people, find(people, [node.path])


def rewound(folder: Path) -> tuple[GitRepository, str]:
    remote(folder)
    node = client(folder)
    landed(node, claim(1))
    landed(node, claim(2))
    lost = rewind(folder, layout.STATE, 2)
    return node, lost


def test_F11_a_rewound_branch_gets_its_tip_back(tmp_path: Path) -> None:
    node, lost = rewound(tmp_path)
    node.fetch()
    people, [found] = lost_in(tmp_path, node)
    assert (found.branch, found.oid, found.commits, found.since) == ("winslow/state", lost, 2, 0)
    put_back(people, found)
    assert len(node.fetch().projects["v"].executions) == 2
    assert lost_in(tmp_path, node)[1] == []


def test_F11_where_the_branch_went_on_the_loss_can_stand(tmp_path: Path) -> None:
    node, lost = rewound(tmp_path)
    other = client(tmp_path, "other")
    assert isinstance(other.swap(other.fetch(), [claim(1, node="m")], node="m"), Landed)
    node.fetch()
    people, [found] = lost_in(tmp_path, node)
    with pytest.raises(NotCommitted, match="--let-stand"):
        put_back(people, found)
    oid = let_stand(people, found, AUTHOR)
    snapshot = node.fetch()
    assert (snapshot.state, node.descends(oid, lost)) == (oid, True)
    assert [each.claim.node for each in snapshot.projects["v"].executions] == ["m"]
    assert snapshot.projects["v"].flags == ()
    landed(node, claim(2))


def test_F11_a_main_that_was_forced_back_gets_its_tip_back(tmp_path: Path) -> None:
    remote(tmp_path)
    node = client(tmp_path)
    assert isinstance(node.propose(Edit({"x.md": "x"}, "edit", AUTHOR), base=node.fetch().main), Landed)
    landed(node, claim(1))
    lost = rewind(tmp_path, layout.MAIN, 1)
    people, [found] = lost_in(tmp_path, node)
    assert (found.branch, found.oid) == ("main", lost)
    put_back(people, found)
    assert node.fetch().main == lost


def test_F11_a_state_branch_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    remote(tmp_path)
    node = client(tmp_path)
    landed(node, claim(1))
    pygit2.Repository(str(tmp_path / "remote.git")).references.delete(layout.STATE)
    people, [found] = lost_in(tmp_path, node)
    assert (found.branch, found.tip) == ("winslow/state", "")
    put_back(people, found)
    assert len(client(tmp_path, "new").fetch().projects["v"].executions) == 1
