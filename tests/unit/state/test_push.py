"""What git's answers to a push mean. The texts are those of real servers."""

import pytest

from state.contract.repository import Rejected, Rejection, Unknown
from state.transport.command import Done
from state.transport.push import Update, _accepted, refusal

REF = "refs/heads/winslow/state"
SOURCE = f"refs/winslow-ours/x:{REF}"


def rejected(bracket: str, why: str, err: str = "") -> Done:
    return Done(1, f"To somewhere\n!\t{SOURCE}\t[{bracket}] ({why})\nDone\n", err + "error: failed to push some refs")


ANSWERS = [
    (rejected("rejected", "stale info"), Rejection.RACE),
    (rejected("rejected", "fetch first"), Rejection.RACE),
    (rejected("rejected", "non-fast-forward"), Rejection.RACE),
    (rejected("remote rejected", f"cannot lock ref '{REF}': is at 1 but expected 2"), Rejection.RACE),
    (rejected("remote rejected", "failed to update ref"), Rejection.RACE),
    (rejected("remote rejected", "incorrect old value provided"), Rejection.RACE),
    (rejected("remote rejected", "reference already exists"), Rejection.RACE),
    (rejected("remote rejected", "atomic transaction failed"), Rejection.RACE),
    (rejected("remote rejected", "pre-receive hook declined", "remote: ask Ada\n"), Rejection.HOOK),
    (rejected("remote rejected", "hook declined"), Rejection.HOOK),
    (
        rejected(
            "remote rejected",
            "pre-receive hook declined",
            "remote: GitLab: You are not allowed to push code to protected branches on this project.\n",
        ),
        Rejection.PROTECTED,
    ),
    (rejected("remote rejected", "protected branch hook declined", "remote: error: GH006\n"), Rejection.PROTECTED),
    (rejected("remote rejected", "push declined due to repository rule violations"), Rejection.PROTECTED),
    (rejected("remote rejected", "deny updating a hidden ref"), Rejection.PROTECTED),
    (rejected("remote rejected", "non-fast-forward"), Rejection.PROTECTED),
    (rejected("remote rejected", "unpacker error", "remote: fatal: No space left on device\n"), Rejection.UNKNOWN),
    (Done(128, "", "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'x'"), Rejection.CREDENTIALS),
    (Done(128, "", "git@h: Permission denied (publickey).\nfatal: Could not read"), Rejection.CREDENTIALS),
    (Done(128, "", "fatal: unable to access: The requested URL returned error: 403"), Rejection.CREDENTIALS),
    (Done(128, "", "fatal: could not read Username for 'https://h': terminal prompts disabled"), Rejection.CREDENTIALS),
]


@pytest.mark.parametrize(("done", "kind"), ANSWERS)
def test_F17_each_refusal_has_its_kind(done: Done, kind: Rejection) -> None:
    outcome = refusal(done, "1" * 40)
    assert isinstance(outcome, Rejected)
    assert outcome.kind is kind


CUT = [
    "fatal: the remote end hung up unexpectedly",
    "fatal: unable to access 'https://h/': Could not resolve host: h",
    "error: RPC failed; curl 56 Recv failure: Connection reset by peer",
    "fatal: unable to access 'https://h/': The requested URL returned error: 502",
    "ssh: connect to host h port 22: Connection timed out",
    "",
]


@pytest.mark.parametrize("text", CUT)
def test_F2_no_answer_is_unknown_and_names_the_commit(text: str) -> None:
    outcome = refusal(Done(128, "", text), "1" * 40)
    assert isinstance(outcome, Unknown)
    assert outcome.oid == "1" * 40


@pytest.mark.parametrize(("flag", "landed"), [(" ", True), ("+", True), ("*", True), ("=", False), ("!", False)])
def test_only_a_ref_that_this_push_moved_has_landed(flag: str, landed: bool) -> None:
    done = Done(0, f"To somewhere\n{flag}\t{SOURCE}\tsummary\nDone\n", "")
    assert _accepted(done, [Update(REF, None, "x")]) is landed
    assert not _accepted(Done(1, done.out, ""), [Update(REF, None, "x")])
    assert not _accepted(done, [Update(REF, None, "x"), Update("refs/heads/other", None, "y")])


def test_a_hook_that_talks_like_a_race_is_a_hook() -> None:
    done = rejected("remote rejected", "pre-receive hook declined", "remote: please fetch first, stale info\n")
    outcome = refusal(done, "")
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.HOOK
