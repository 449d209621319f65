"""F22 and its kin: a clone that was damaged is made anew; what a rewound remote lost stays in the clone."""

import fcntl
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pygit2
import pytest

import state.git.git_repository
import state.transport.remote
from schema import layout
from state.contract.errors import Damaged, NotAStateRepository, StateError, Unreachable
from state.contract.repository import Landed, Rejected, Rejection, Unknown
from state.git import maintenance
from state.transport.command import Done, TimedOut
from state.transport.push import Publisher, Update
from tests.integration.git.remotes import claim, client, land, remote, run, tip


def flip(folder: Path) -> None:
    """Every object of a clone, loose or packed, gets some other bytes."""
    for file in [*folder.glob("objects/??/*"), *folder.glob("objects/pack/*.pack")]:
        file.chmod(0o644)
        content = bytearray(file.read_bytes())
        for at in range(min(12, len(content) - 1), len(content), 7):
            content[at] ^= 0x55
        file.write_bytes(content)


@pytest.mark.parametrize("file", ["HEAD", "config"])
def test_F22_a_clone_whose_files_were_emptied_is_made_anew_at_start(tmp_path: Path, file: str) -> None:
    remote(tmp_path)
    client(tmp_path).fetch()
    (tmp_path / "one.git" / file).write_text("" if file == "HEAD" else "[core\n")
    assert client(tmp_path).fetch().settings.name == "lab"


def test_F22_a_clone_whose_head_vanished_under_a_running_node(tmp_path: Path) -> None:
    remote(tmp_path)
    one, two = client(tmp_path), client(tmp_path, "two")
    one.fetch()
    (tmp_path / "one.git" / "HEAD").write_text("")
    two.swap(two.fetch(), [claim(1)], node="n")
    assert len(one.fetch().projects["v"].executions) == 1
    outcomes = [one.swap(one.fetch(), [claim(2)], node="n") for _ in range(2)]
    assert isinstance(outcomes[-1], Landed), "the first attempt may be what notices it"


def test_F22_a_clone_whose_objects_were_damaged_is_made_anew_at_start(tmp_path: Path) -> None:
    remote(tmp_path)
    client(tmp_path).fetch()
    flip(tmp_path / "one.git")
    assert client(tmp_path).fetch().settings.name == "lab"
    assert (tmp_path / "one.git.damaged").exists(), "set aside, once"


def test_F22_a_swap_on_damaged_objects_lands_nothing_and_heals_at_the_next_fetch(tmp_path: Path) -> None:
    remote(tmp_path)
    client(tmp_path).fetch()
    one = client(tmp_path)
    base = one.fetch()
    flip(tmp_path / "one.git")
    one.clone.repo = pygit2.Repository(str(one.path))  # without what libgit2 remembers
    outcome = one.swap(base, [claim(1)], node="n")
    assert not isinstance(outcome, Landed)
    again = one.fetch()
    assert again.projects["v"].executions == ()
    assert isinstance(one.swap(again, [claim(1)], node="n"), Landed)


def test_F22_lost_objects_are_noticed_by_the_push(tmp_path: Path) -> None:
    remote(tmp_path)
    one = client(tmp_path)
    base = one.fetch()
    for pack in (tmp_path / "one.git" / "objects").glob("pack/*"):
        pack.unlink()
    for loose in (tmp_path / "one.git" / "objects").glob("??"):
        shutil.rmtree(loose)
    assert not isinstance(one.swap(base, [claim(1)], node="n"), Landed)
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)


def test_F10_a_clone_that_seems_damaged_stays_while_the_server_is_away(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    base = one.fetch()
    one._damaged = True
    (folder / "HEAD").rename(folder / "HEAD.away")
    with pytest.raises(StateError):
        one.fetch()
    assert not (tmp_path / "one.git.damaged").exists()
    assert one.descends(base.state, base.state), "it can still be read"
    (folder / "HEAD.away").rename(folder / "HEAD")
    assert one.fetch().state == base.state


def test_F22_a_server_that_is_damaged_itself_is_not_cloned_in_a_loop(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    repo = pygit2.Repository(str(folder))
    repo.references.create(layout.MAIN, repo.create_blob(b"no commit"), force=True)
    one = client(tmp_path)
    for _ in range(3):
        with pytest.raises(StateError):
            one.fetch()
    repo.references.create(layout.MAIN, tip(repo, layout.STATE).id, force=True)


def test_F21_a_full_disk_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote(tmp_path)
    one = client(tmp_path)
    base = one.fetch()

    def full(*_: object, **__: object) -> str:
        raise pygit2.GitError("failed to write: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(state.git.git_repository.commit_builder, "write_tree", full)
        outcome = one.swap(base, [claim(1)], node="n")
        assert isinstance(outcome, Rejected)
        assert outcome.kind is Rejection.NOT_SENT
    with monkeypatch.context() as patch:
        patch.setattr(one, "_bring", full)
        with pytest.raises(StateError, match="No space left") as caught:
            one.fetch()
        assert not isinstance(caught.value, Damaged)
    assert not (tmp_path / "one.git.damaged").exists()
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)


def test_F10_a_remote_that_goes_away_is_unreachable_and_comes_back(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    base = one.fetch()
    folder.rename(tmp_path / "away")
    with pytest.raises(Unreachable):
        one.fetch()
    assert not isinstance(one.swap(base, [claim(1)], node="n"), Landed)
    (tmp_path / "away").rename(folder)
    assert one.fetch() is base
    assert isinstance(one.swap(base, [claim(1)], node="n"), Landed)


def test_no_repository_and_no_branches_are_told_apart_from_an_outage(tmp_path: Path) -> None:
    with pytest.raises(NotAStateRepository, match="winslowctl init"):
        client(tmp_path).fetch()
    pygit2.init_repository(str(tmp_path / "remote.git"), bare=True)
    with pytest.raises(NotAStateRepository, match="no branch"):
        client(tmp_path).fetch()


def test_F11_what_a_rewound_remote_lost_stays_in_the_clone(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    first = one.fetch()
    for number in (1, 2, 3):
        one.swap(one.fetch(), [claim(number)], node="n")
    lost = one.fetch().state
    pygit2.Repository(str(folder)).references.create(layout.STATE, first.state, force=True)
    assert one.fetch().state == first.state
    assert not one.descends(first.state, lost)
    maintenance.tidy(one.path)
    assert f"refs/winslow-ours/lost/{lost}" in list(one.clone.repo.references)
    assert len(one.at(first.main, lost).projects["v"].executions) == 3


def test_a_tidied_repository_is_the_same_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    monkeypatch.setattr(state.git.git_repository, "TIDY_EVERY", 5)
    tidied = []

    def at_once(folder: Path) -> None:
        assert maintenance.tidy(folder)
        tidied.append(folder)

    monkeypatch.setattr(maintenance, "tidy_aside", at_once)
    for number in range(1, 12):
        assert isinstance(one.swap(one.fetch(), [claim(number)], node="n"), Landed)
    assert set(tidied) == {folder, one.path}
    for place in tidied:
        assert list((place / "objects" / "pack").glob("*.pack"))
        assert len(list((place / "objects").glob("??/*"))) < 30
        assert run("fsck", "--strict", cwd=place).returncode == 0
    assert len(client(tmp_path).fetch().projects["v"].executions) == 11
    assert len(client(tmp_path, "two").fetch().projects["v"].executions) == 11


def test_only_one_tidies_and_only_what_is_ours(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    pygit2.init_repository(str(tmp_path / "other.git"), bare=True)
    assert maintenance.is_ours(folder)
    assert not maintenance.is_ours(tmp_path / "other.git")
    assert not maintenance.is_ours(tmp_path / "none.git")
    with (folder / "winslow-tidy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not maintenance.tidy(folder)


@pytest.mark.parametrize("landed", [True, False], ids=["it landed", "it was lost on the way"])
def test_F2_a_push_without_an_answer_is_unknown_until_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landed: bool
) -> None:
    remote(tmp_path)
    one = client(tmp_path)
    one.direct = None
    base = one.fetch()
    real = Publisher._run

    def cut(self: Publisher, updates: Sequence[Update], asks: Sequence[str] = ()) -> Done:
        if landed:
            assert real(self, updates, asks).code == 0
        raise TimedOut("git push took longer than 60 s")

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "_run", cut)
        outcome = one.swap(base, [claim(1)], node="n")
    assert isinstance(outcome, Unknown)
    after = one.fetch()
    assert (after.state == outcome.oid) is landed
    assert one.descends(after.state, outcome.oid) is landed
    assert len(after.projects["v"].executions) == landed


def test_F15_a_merged_request_keeps_its_author(tmp_path: Path) -> None:
    """On a branch, merged by somebody else without fast-forward: the request is that of who wrote it."""
    folder = remote(tmp_path)
    work = tmp_path / "work"
    run("clone", "--quiet", str(folder), "work", cwd=tmp_path)
    run("checkout", "-qb", "wish", cwd=work)
    file = work / "projects" / "v" / "requests" / "0001-start.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("request: start\n")
    run("add", ".", cwd=work)
    run("-c", "user.name=Grace", "-c", "user.email=grace@example.org", "commit", "-qm", "please", cwd=work)
    wish = run("rev-parse", "HEAD", cwd=work).stdout.strip()
    run("checkout", "-q", "main", cwd=work)
    (work / "README.md").write_text("meanwhile\n")
    run("add", ".", cwd=work)
    run("commit", "-qm", "meanwhile", cwd=work)
    run("merge", "-q", "--no-ff", "-m", "merge", "wish", cwd=work)
    assert run("push", "-q", cwd=work).returncode == 0
    one = client(tmp_path)
    [request] = one.fetch().projects["v"].unanswered
    assert (request.by, request.commit) == ("Grace <grace@example.org>", wish)
    (work / "README.md").write_text("later\n")
    run("commit", "-qam", "later", cwd=work)
    run("push", "-q", cwd=work)
    assert one.fetch().projects["v"].unanswered == (request,)


def test_the_deletion_of_a_merged_branch_is_the_merge(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    one.swap(one.fetch(), [claim(1)], node="n")
    repo = pygit2.Repository(str(folder))
    before = tip(repo, layout.MAIN)
    builder = repo.TreeBuilder(before.tree)
    builder.remove("projects")
    removed = builder.write()
    side = land(repo, removed, [str(before.id)], ref="refs/heads/side", name="Branch")
    merge = land(repo, removed, [str(before.id), side], name="Merger")
    deletion = one.fetch().projects["v"].deletion
    assert deletion is not None
    assert (deletion.commit, deletion.by) == (merge, "Merger <merger@example.org>")


def test_winslow_state_is_resolved_before_main(tmp_path: Path) -> None:
    """So a push between the two reads gives a newer `main`, never an aged one."""
    folder, asked = remote(tmp_path), list[str]()

    class Watched:
        def __init__(self) -> None:
            self.inner = pygit2.Repository(str(folder)).references

        def get(self, name: str) -> pygit2.Reference | None:
            asked.append(name)
            return self.inner.get(name)

        def names(self) -> list[bytes]:
            return [name.encode() for name in self.inner]

    watched = Watched()
    listed = state.transport.remote._listed(SimpleNamespace(references=watched, raw_listall_references=watched.names))  # type: ignore[arg-type]
    assert asked == [layout.STATE, layout.MAIN]
    assert set(listed) == {layout.STATE, layout.MAIN}


def test_M9_a_branch_that_is_behind_main_can_be_looked_at(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    old = one.fetch().main
    repo = pygit2.Repository(str(folder))
    land(repo, tip(repo, layout.MAIN).tree_id, [old])
    one.swap(one.fetch(), [claim(1)], node="n")
    behind = one.at(old, one.fetch().state)
    assert (behind.main, len(behind.projects["v"].executions)) == (old, 1)
    assert one.fetch().main != old
