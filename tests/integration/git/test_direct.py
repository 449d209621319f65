"""F1, F11: pushes without a process. They land what git's push would land, and leave to git what is not theirs."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from flow.model.commits import Commit, StateEvent, Write
from schema import layout
from schema.node import Heartbeat
from schema.reply import Reply
from state.contract.repository import Edit, Landed, Outcome, Rejected, Rejection, SignOfLife, Unknown
from state.direct import direct_push, object_files, place, ref_transaction
from state.direct.direct_push import DirectPush
from state.direct.ref_transaction import RefMove, RefsDoubtful, RefsMoved, RefsUntouched, RefTransactions
from state.git.git_repository import GitRepository
from state.server import main_check
from tests.integration.git.remotes import AUTHOR, claim, client, remote, run

LANDED = 4
"""Commits of each side, and races lost, after which it is enough."""


def direct(repository: GitRepository) -> DirectPush:
    assert repository.direct is not None
    return repository.direct


def swap(one: GitRepository, number: int, beat: SignOfLife | None = None) -> Outcome:
    return one.swap(one.fetch(), [claim(number)], node="n", beat=beat)


def whole(folder: Path) -> bool:
    return run("fsck", "--strict", "--full", "--no-dangling", cwd=folder).returncode == 0


def numbers(one: GitRepository) -> list[int]:
    return [each.execution for each in one.fetch().projects["v"].executions]


def test_what_lands_directly_is_what_git_reads(tmp_path: Path) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    for number in range(1, 6):
        outcome = swap(one, number)
        assert isinstance(outcome, Landed), outcome
        assert direct(one).why == ""
        assert run("rev-parse", layout.STATE, cwd=folder).stdout.strip() == outcome.oid
    assert whole(folder)
    assert numbers(client(tmp_path, "two")) == [1, 2, 3, 4, 5]
    assert not list(folder.rglob("*.keep")) + list(folder.rglob("*.lock")) + list(folder.rglob("tmp_*"))


def test_a_sign_of_life_is_loose_and_lands_with_its_commits(tmp_path: Path) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    first = one.beat(Heartbeat(node="n", incarnation="i", nonce="a"), expected=None)
    assert isinstance(first, Landed)
    landed = swap(one, 1, SignOfLife(Heartbeat(node="n", incarnation="i", nonce="b"), first.oid))
    assert isinstance(landed, Landed)
    assert direct(one).why == ""
    assert (folder / "objects" / landed.beat[:2] / landed.beat[2:]).exists()
    stale = SignOfLife(Heartbeat(node="n", incarnation="i", nonce="c"), first.oid)
    outcome = swap(one, 2, stale)
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.RACE
    assert numbers(one) == [1]


def pushed_by_git(folder: Path, message: str) -> str | None:
    """A commit by the plain git program, from a clone of its own; None where it lost."""
    work = folder.parent / "work"
    if not work.exists():
        run("clone", "-q", "-b", "winslow/state", str(folder), str(work), cwd=folder.parent)
    run("fetch", "-q", "origin", cwd=work)
    run("reset", "-q", "--hard", "origin/winslow/state", cwd=work)
    run("commit", "-q", "--allow-empty", "-m", message, cwd=work)
    new = run("rev-parse", "HEAD", cwd=work).stdout.strip()
    return new if run("push", "-q", "origin", "HEAD:winslow/state", cwd=work).returncode == 0 else None


def moved_by_git(folder: Path, message: str) -> str | None:
    """The same in the repository itself."""
    old = run("rev-parse", layout.STATE, cwd=folder).stdout.strip()
    new = run("commit-tree", f"{old}^{{tree}}", "-p", old, "-m", message, cwd=folder).stdout.strip()
    return new if run("update-ref", layout.STATE, new, old, cwd=folder).returncode == 0 else None


@pytest.mark.timeout(120)
@pytest.mark.parametrize("write", [pushed_by_git, moved_by_git])
def test_F1_against_writers_of_git_no_update_is_lost(tmp_path: Path, write: Callable[[Path, str], str | None]) -> None:
    """Each commit that was told to have landed is in the branch, and there is no other."""
    folder, one = remote(tmp_path), client(tmp_path)
    ours: list[str] = []
    theirs: list[str] = []
    lost = [0, 0]
    message = f"theirs\n\nWinslow-Wanted: {one.fetch().main}"

    def enough() -> bool:
        return min(len(ours), len(theirs)) >= LANDED and (lost[0] + lost[1] >= LANDED)

    def by_git() -> None:
        while not enough():
            landed = write(folder, message)
            theirs.extend([landed] if landed else [])
            lost[0] += landed is None

    thread = threading.Thread(target=by_git)
    thread.start()
    chance = Random(1)
    number = 0
    while not enough():
        number += 1
        outcome = swap(one, number)
        assert isinstance(outcome, Landed) or (isinstance(outcome, Rejected) and outcome.kind is Rejection.RACE)
        ours.extend([outcome.oid] if isinstance(outcome, Landed) else [])
        lost[1] += not isinstance(outcome, Landed)
        threading.Event().wait(chance.uniform(0.0, 0.1))
    thread.join()
    line = run("rev-list", layout.STATE, cwd=folder).stdout.split()
    assert set(line) >= {*ours, *theirs}
    assert len(ours) + len(theirs) + 1 == len(line)


# -- in which order ---------------------------------------------------------------------------------------------------


def before_refs_move(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    real = RefTransactions.move

    def move(self: RefTransactions, moves: list[RefMove], mark: object = None) -> ref_transaction.RefsOutcome:
        act()
        return real(self, moves, mark)

    monkeypatch.setattr(RefTransactions, "move", move)


def test_F11_objects_are_on_the_disk_before_a_ref_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    assert isinstance(swap(one, 1), Landed)
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}").removeprefix(str(folder)))
        real(handle)

    found: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", fsync)
    before_refs_move(monkeypatch, lambda: found.append(list(synced)))
    outcome = swap(one, 2, SignOfLife(Heartbeat(node="n", incarnation="i"), None))
    assert isinstance(outcome, Landed), outcome
    kinds = [path.rsplit("/", 1)[-1][:8] if "tmp_" in path else path for path in found[0]]
    assert kinds == ["tmp_obj_", f"/objects/{outcome.beat[:2]}", "/objects", "tmp_pack", "tmp_idx_", "/objects/pack"]


def test_F1_who_is_overtaken_at_the_last_moment_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    message = f"theirs\n\nWinslow-Wanted: {one.fetch().main}"
    theirs: list[str | None] = []
    before_refs_move(monkeypatch, lambda: theirs.append(moved_by_git(folder, message)))
    outcome = swap(one, 1)
    assert isinstance(outcome, Rejected)
    assert (outcome.kind, direct(one).why) == (Rejection.RACE, "")
    assert [run("rev-parse", layout.STATE, cwd=folder).stdout.strip()] == theirs


def test_no_gc_takes_what_a_ref_is_about_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    before_refs_move(monkeypatch, lambda: run("gc", "--prune=now", "--quiet", cwd=folder).check_returncode())
    assert isinstance(swap(one, 1), Landed)
    assert direct(one).why == ""
    assert whole(folder)
    assert not list(folder.rglob("*.keep"))


def test_what_a_killed_push_kept_is_given_up_in_time(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    place_ = folder / "objects" / "pack"
    for name, text, age in (("old", "winslow 1\n", 601.0), ("new", "winslow 1\n", 1.0), ("theirs", "mine", 9999.0)):
        keep = place_ / f"pack-{name}.keep"
        keep.write_text(text)
        os.utime(keep, (keep.stat().st_mtime - age,) * 2)
    object_files.forget_dead(folder)
    assert sorted(path.stem for path in place_.glob("*.keep")) == ["pack-new", "pack-theirs"]


@pytest.mark.parametrize("kept", ["git", "winslow 1\n", ""])
def test_a_pack_that_somebody_keeps_stays_kept_and_the_push_is_left_to_git(tmp_path: Path, kept: str) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    move = RefMove(layout.STATE, one.fetch().state, ahead(one))
    content, _ = object_files._pack(direct_push._objects(one.clone.repo, [move])[0].all)
    keep = folder / "objects" / "pack" / f"pack-{content[-20:].hex()}.keep"
    keep.write_text(kept)
    assert direct(one).push(one.clone.repo, [move], "") is None
    assert "File exists" in direct(one).why
    assert keep.read_text() == kept


def test_a_full_disk_leaves_no_keep_of_ours_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    move = RefMove(layout.STATE, one.fetch().state, ahead(one))
    real = Path.write_text

    def full(path: Path, text: str) -> int:
        real(path, "")
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert direct(one).push(one.clone.repo, [move], "") is None
    assert direct(one).why == "no space left on device"
    assert not list(folder.rglob("*.keep"))


def test_F1_what_moved_has_landed_though_its_keep_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    real = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".keep":
            raise PermissionError("read-only file system")
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    outcome = swap(one, 1)
    assert isinstance(outcome, Landed), outcome
    assert run("rev-parse", layout.STATE, cwd=folder).stdout.strip() == outcome.oid


# -- killed -----------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from state.direct import direct_push, ref_transaction
from tests.integration.git.remotes import claim, client
one, at = client(Path(sys.argv[1]), "killed"), sys.argv[2]
real = ref_transaction._Child.ask
def ask(self, words, answer):
    if at == "before" and words.startswith("start"):
        os.kill(os.getpid(), signal.SIGKILL)
    if at == "prepared" and words.startswith("commit"):
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, words, answer)
    if at == "after" and words.startswith("commit"):
        os.kill(os.getpid(), signal.SIGKILL)
ref_transaction._Child.ask = ask
one.swap(one.fetch(), [claim(1)], node="n")
"""


@pytest.mark.parametrize(("at", "landed"), [("before", False), ("prepared", False), ("after", True)])
def test_killed_at_any_step_it_landed_or_not_and_stands_in_nobodys_way(tmp_path: Path, at: str, landed: bool) -> None:
    folder = remote(tmp_path)
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), at], cwd=root, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    two = client(tmp_path, "two")
    assert numbers(two) == ([1] if landed else [])
    for _ in range(100):  # git takes its locks back once it sees that its other end is gone
        if not list(folder.rglob("*.lock")):
            break
        threading.Event().wait(0.05)
    assert isinstance(swap(two, 2), Landed)
    assert direct(two).why == ""
    assert whole(folder)


# -- what is left to git ----------------------------------------------------------------------------------------------


def hook(name: str) -> Callable[[Path], None]:
    def put(folder: Path) -> None:
        file = folder / "hooks" / name
        file.write_text("#!/bin/sh\ncat >/dev/null\n")
        file.chmod(0o755)

    return put


def setting(key: str, value: str) -> Callable[[Path], None]:
    return lambda folder: run("config", key, value, cwd=folder).check_returncode()


def touched(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).touch()


FOREIGN = {
    **{f"hook {name}": hook(name) for name in place.HOOKS},
    "core.hookspath": setting("core.hooksPath", "/nonexistent"),
    "core.sharedrepository": setting("core.sharedRepository", "group"),
    "core.logallrefupdates": setting("core.logAllRefUpdates", "true"),
    "core.newword": setting("core.newWord", "1"),
    "receive.shallowupdate": setting("receive.shallowUpdate", "true"),
    "receive.fsck.zeropaddedfilemode": setting("receive.fsck.zeroPaddedFilemode", "ignore"),
    "receive.hiderefs": setting("receive.hideRefs", "refs/other"),
    "transfer.newword": setting("transfer.newWord", "1"),
    "hook.check.command": setting("hook.check.command", "true"),
    "extensions.newword": setting("extensions.newWord", "1"),
    "url./elsewhere/.insteadof": setting("url./elsewhere/.insteadOf", "/"),
    "logs": lambda folder: (folder / "logs").mkdir(),
    "worktrees": lambda folder: (folder / "worktrees").mkdir(),
    "objects/info/alternates": touched("objects/info/alternates"),
    "nearly as much as the repository takes at once": setting("receive.maxInputSize", "1k"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_git_would_do_besides_leaves_the_push_to_git(tmp_path: Path, what: str) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    assert isinstance(swap(one, 1), Landed)
    assert direct(one).why == ""
    base = one.fetch()
    FOREIGN[what](folder)
    assert direct(one).push(one.clone.repo, [RefMove(layout.STATE, base.state, ahead(one))], "") is None
    assert direct(one).why == what
    assert run("rev-parse", layout.STATE, cwd=folder).stdout.strip() == base.state


def ahead(one: GitRepository) -> str:
    base = one.fetch()
    return one._built(base, [claim(9)], "n", "node n <n@winslow.invalid>")


def test_a_foreign_hook_is_run_and_obeyed(tmp_path: Path) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    file = folder / "hooks" / "update"
    file.write_text("#!/bin/sh\necho ask Ada >&2\nexit 1\n")
    file.chmod(0o755)
    outcome = swap(one, 1)
    assert isinstance(outcome, Rejected)
    assert (outcome.kind, "ask Ada" in outcome.text) == (Rejection.HOOK, True)


@pytest.mark.parametrize("what", ["lock", "packs", "turn", "read-only", "rewind", "other program"])
def test_what_cannot_be_done_directly_is_done_by_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    base = one.fetch()
    move = RefMove(layout.STATE, base.state, ahead(one))
    lock = folder / "refs" / "heads" / "winslow" / "state.lock"
    match what:
        case "lock":
            lock.touch()
        case "packs":
            monkeypatch.setattr(place, "MOST_PACKS", -1)
        case "turn":
            monkeypatch.setattr(direct_push, "BY_GIT", 1)
        case "read-only":
            monkeypatch.setattr(object_files, "_put", refuse)
        case "rewind":
            move = RefMove(layout.STATE, base.state, base.main)
        case "other program":
            monkeypatch.setattr(ref_transaction, "program", lambda: "/bin/false")
    assert direct(one).push(one.clone.repo, [move], "") is None
    assert direct(one).why
    lock.unlink(missing_ok=True)
    assert isinstance(swap(one, 1), Landed)
    assert whole(folder)


def refuse(path: Path, content: bytes, prefix: str) -> None:
    raise OSError("no space left on device")


ASKED = "projects/v/requests/0001-start.yaml"
WISHES: list[tuple[dict[str, str | None], bool]] = [
    ({ASKED: "request: start\n"}, True),
    ({"projects/w/project.yaml": "pipeline: p\ntags: [a]\n", "notes.txt": "hello"}, True),
    ({"pipelines/q.yaml": "name: q\nstages:\n  - {name: a, image: host/x, command: [b]}\n"}, True),
    ({"projects/v/project.yaml": None}, True),
    ({ASKED: "request: rubbish\n"}, False),
    ({"projects/w/requests/0001-start.yaml": "request: start\n"}, False),
    ({"projects/w/project.yaml": "pipeline: none\n"}, False),
    ({"winslow.yaml": None}, False),
    ({"pipelines/q.yaml": "a: &a [*a]\n"}, False),
    ({"pipelines/q.yaml": "#" * 2_000_000}, False),
]


@pytest.mark.parametrize(("files", "good"), WISHES)
def test_what_the_hook_would_pass_is_passed_and_all_else_is_for_the_hook(
    tmp_path: Path, files: dict[str, str | None], good: bool
) -> None:
    folder = remote(tmp_path)
    one = GitRepository(str(folder), tmp_path / "one.git", check=main_check.passes)
    outcome = one.propose(Edit(files, "edit", AUTHOR), base=one.fetch().main)
    assert direct(one).why == ("" if good else "main is checked by the hook")
    if good:
        assert isinstance(outcome, Landed), outcome
        assert one.fetch().main == outcome.oid
    else:
        assert isinstance(outcome, Rejected)
        assert outcome.kind is Rejection.HOOK
    assert whole(folder)


def test_a_request_that_was_answered_meanwhile_is_for_the_hook(tmp_path: Path) -> None:
    """What the server holds counts, not what its pusher has seen of it."""
    folder, two = remote(tmp_path), client(tmp_path, "two")
    one = GitRepository(str(folder), tmp_path / "one.git", check=main_check.passes)
    base = one.fetch()
    document = Reply(seq=1, request="0001-start.yaml", kind="start", verdict="accepted", by=AUTHOR, blob="1" * 40)
    reply = Commit(StateEvent("accept", "v"), (Write(layout.reply("v", "0001-start.yaml"), document),))
    assert isinstance(two.swap(two.fetch(), [reply], node="n"), Landed)
    outcome = one.propose(Edit({ASKED: "request: start\n"}, "edit", AUTHOR), base=base.main)
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.HOOK


@pytest.mark.parametrize("what", ["nobody to check", "another installation's hook"])
def test_a_push_to_main_is_looked_at_by_the_hook(tmp_path: Path, what: str) -> None:
    folder = remote(tmp_path)
    one = client(tmp_path)
    if what != "nobody to check":
        direct(one).check = main_check.passes
        hook_ = folder / "hooks" / "pre-receive"
        hook_.write_text(hook_.read_text().replace("root=", "root=/elsewhere"))
    outcome = one.propose(Edit({ASKED: "request: start\n"}, "edit", AUTHOR), base=one.fetch().main)
    assert direct(one).why in ("main is checked by the hook", "hook pre-receive")
    assert isinstance(outcome, Landed) is (what == "nobody to check")
    assert isinstance(swap(one, 1), Landed)
    assert direct(one).why == ""


# -- what is not known ------------------------------------------------------------------------------------------------


@pytest.fixture
def transactions(tmp_path: Path) -> Iterator[RefTransactions]:
    remote(tmp_path)
    found = RefTransactions(tmp_path / "remote.git")
    yield found
    found.close()


def test_no_answer_to_a_commit_is_not_taken_for_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote(tmp_path)
    one = client(tmp_path)
    real = ref_transaction._Child.ask

    def ask(self: ref_transaction._Child, words: str, answer: str) -> None:
        real(self, words, answer)
        if words == "commit\n":
            raise ref_transaction._Silent("")

    monkeypatch.setattr(ref_transaction._Child, "ask", ask)
    monkeypatch.setattr(one.publisher, "push", lambda *_: pytest.fail("git was asked as if nothing had happened"))
    outcome = swap(one, 1)
    assert isinstance(outcome, Unknown)
    assert one.fetch().state == outcome.oid, "and it has landed"


def test_a_program_that_was_killed_is_started_anew(tmp_path: Path, transactions: RefTransactions) -> None:
    one = client(tmp_path)
    base = one.fetch()
    for number, kill in ((1, True), (2, False)):
        blob = str(one.clone.repo.create_blob(b"%d" % number))
        object_files.write_loose(
            tmp_path / "remote.git", direct_push._objects(one.clone.repo, [RefMove("refs/x", None, blob)])[1].all[0]
        )
        assert transactions.move([RefMove(f"refs/x{number}", None, blob)]) == RefsMoved()
        if kill:
            assert transactions._child is not None
            os.kill(transactions._child._process.pid, signal.SIGKILL)
            transactions._child._process.wait()
    missing = transactions.move([RefMove(layout.STATE, base.state, "1" * 40)])
    assert isinstance(missing, RefsUntouched)
    assert not isinstance(missing, RefsDoubtful)


@pytest.mark.parametrize("others", [False, True])
def test_locks_of_a_git_that_was_killed_at_its_commit_go_at_once_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactions: RefTransactions, others: bool
) -> None:
    blob = str(client(tmp_path).fetch().state)
    lock, real = tmp_path / "remote.git" / "refs" / "x.lock", ref_transaction._Child.ask

    def ask(self: ref_transaction._Child, words: str, answer: str) -> None:
        if words == "commit\n":
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            assert lock.exists()
            if others:
                lock.unlink()
                lock.write_text("somebody else's")
        real(self, words, answer)

    with monkeypatch.context() as at:
        at.setattr(ref_transaction._Child, "ask", ask)
        assert isinstance(transactions.move([RefMove("refs/x", None, blob)]), RefsDoubtful)
    assert lock.exists() == others
    again = transactions.move([RefMove("refs/x", None, blob)])
    assert isinstance(again, RefsUntouched if others else RefsMoved)


def test_a_program_that_ends_without_a_word_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactions: RefTransactions
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nread -r line\n")
    silent.chmod(0o755)
    monkeypatch.setattr(ref_transaction, "program", lambda: str(silent))
    outcome = transactions.move([RefMove(layout.STATE, None, "1" * 40)])
    assert outcome == RefsUntouched("git update-ref ended without a word")


def test_a_new_setting_of_the_repository_is_heard(tmp_path: Path) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    assert isinstance(swap(one, 1), Landed)
    child = direct(one)._refs._child
    run("config", "core.fsync", "none", cwd=folder)
    assert isinstance(swap(one, 2), Landed)
    assert direct(one)._refs._child is not child


def test_packs_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("state.git.git_repository.MANY_PACKS", 3)
    folder, one = remote(tmp_path), client(tmp_path)
    commits: list[Commit] = [claim(number) for number in range(1, 12)]
    for commit in commits:
        assert isinstance(one.swap(one.fetch(), [commit], node="n"), Landed)
        if one._packing:
            one._packing.join()
    assert len(list((folder / "objects" / "pack").glob("*.pack"))) <= 4
    assert whole(folder)
