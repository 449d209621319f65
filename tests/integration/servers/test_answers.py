"""B8: each answer of a Git server has one class, one sentence and one pace. B5: what no node can use is found."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import doctor
from controller.loop.server_backoff import FETCH, PAUSE, ServerBackoff
from state.contract.errors import CredentialsRefused, NotAStateRepository, StateError, Unreachable
from state.contract.repository import Edit, Landed, Outcome, Rejected, Rejection, Unknown
from state.git.git_repository import GitRepository
from state.git.heartbeat_probe import probe, swaps
from state.transport.server_answers import LONGEST_REST, Fault, answer, retry_after
from tests.integration.git.remotes import AUTHOR, claim, client, remote
from tests.servers.front import Answer, Asked, Front, Rule


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    server = Front(tmp_path)
    yield server
    server.end()


def always(found: Answer) -> Rule:
    return lambda asked: found


def to_pushes(found: Answer) -> Rule:
    return lambda asked: found if asked.push else None


def to_what_was_pushed(found: Answer) -> Rule:
    """To the request that carries the commits."""
    return lambda asked: found if asked.push and asked.method == "POST" and len(asked.body) > 4 else None


def to_a_login(asked: Asked) -> Answer | None:
    return PAGE if asked.path == "/login" else Answer(302, {"Location": "/login"}) if asked.push else None


PAGE = Answer(200, {"Content-Type": "text/html"})
SLOWER = Answer(429, {"Retry-After": "17"})
PUSHES: dict[str, tuple[Rule, Rejection | None, str]] = {
    "413": (to_what_was_pushed(Answer(413)), Rejection.UNFIT, "client_max_body_size"),
    "429": (to_pushes(SLOWER), Rejection.THROTTLED, "less often"),
    "429 to the commits": (to_what_was_pushed(SLOWER), Rejection.THROTTLED, "less often"),
    "503 with a time": (to_pushes(Answer(503, {"Retry-After": "17"})), Rejection.THROTTLED, "fails"),
    "503": (to_pushes(Answer(503)), None, "fails"),
    "500 to the commits": (to_what_was_pushed(Answer(500)), None, "fails"),
    "401": (to_pushes(Answer(401)), Rejection.CREDENTIALS, "credentials"),
    "403": (to_pushes(Answer(403)), Rejection.CREDENTIALS, "credentials"),
    "404": (to_pushes(Answer(404)), Rejection.CREDENTIALS, "these rights"),
    "411": (to_what_was_pushed(Answer(411)), Rejection.UNFIT, "let this request through"),
    "a page": (to_pushes(PAGE), Rejection.UNFIT, "login page"),
    "a page for the commits": (to_what_was_pushed(PAGE), None, "login page"),
    "a redirect": (to_a_login, Rejection.UNFIT, "login page"),
    "cut": (to_pushes(Answer(0)), None, "Empty reply"),
    "cut after the commits": (to_what_was_pushed(Answer(0)), None, "Empty reply"),
}


def push(one: GitRepository) -> Outcome:
    return one.swap(one.fetch(), [claim(1)], node="n")


@pytest.mark.parametrize("name", PUSHES)
def test_B8_each_answer_to_a_push_has_its_class_and_sentence(tmp_path: Path, front: Front, name: str) -> None:
    rule, kind, sentence = PUSHES[name]
    one = GitRepository(front.url(remote(tmp_path)), tmp_path / "one.git")
    one.fetch()
    front.rule = rule
    outcome = push(one)
    assert not isinstance(outcome, Landed)
    assert (outcome.kind if isinstance(outcome, Rejected) else None) is kind, outcome
    assert isinstance(outcome, Unknown) is (kind is None)
    assert sentence in outcome.text
    if isinstance(outcome, Rejected) and kind is Rejection.THROTTLED:
        assert outcome.retry_after == 17
    front.rule = lambda asked: None
    assert isinstance(push(one), Landed), "and then it goes on"


FETCHES: dict[str, tuple[Rule, type[StateError], str, float | None]] = {
    "429": (always(SLOWER), Unreachable, "less often", 17),
    "503": (always(Answer(503)), Unreachable, "fails", None),
    "403": (always(Answer(403)), CredentialsRefused, "credentials", None),
    "404": (always(Answer(404)), Unreachable, "these rights", None),
    "a page": (always(PAGE), Unreachable, "login page", None),
    "nothing": (always(Answer(200, body=b"")), Unreachable, "answers with nothing", None),
    "cut": (always(Answer(0)), Unreachable, "does not answer", None),
}


@pytest.mark.parametrize("name", FETCHES)
def test_B8_each_answer_to_a_fetch_has_its_class_and_sentence(tmp_path: Path, front: Front, name: str) -> None:
    rule, error, sentence, rest = FETCHES[name]
    one = GitRepository(front.url(remote(tmp_path)), tmp_path / "one.git")
    one.fetch()
    front.rule = rule
    with pytest.raises(error, match=re.escape(sentence)) as caught:
        one.fetch()
    assert getattr(caught.value, "retry_after", None) == rest
    front.rule = lambda asked: None
    one.fetch()


def test_B8_a_server_that_only_hands_out_files_is_told_so(tmp_path: Path, front: Front) -> None:
    folder = remote(tmp_path)
    subprocess.run(["git", "-C", folder, "update-server-info"], check=True)

    def files(asked: Asked) -> Answer:
        path = tmp_path / asked.path.partition("?")[0].lstrip("/")
        return Answer(200, {"Content-Type": "text/plain"}, path.read_bytes()) if path.is_file() else Answer(404)

    front.rule = files
    one = GitRepository(front.url(folder), tmp_path / "one.git")
    outcome = push(one)
    assert isinstance(outcome, Rejected)
    assert (outcome.kind, "dumb http" in outcome.text) == (Rejection.UNFIT, True)


def test_B8_a_server_without_atomic_takes_what_moves_one_ref(tmp_path: Path, front: Front) -> None:
    folder = remote(tmp_path)
    subprocess.run(["git", "-C", folder, "config", "receive.advertiseAtomic", "false"], check=True)
    for url in (front.url(folder), str(folder)):
        one = GitRepository(url, tmp_path / f"{url[:4].strip('/')}.git")
        assert isinstance(push(one), Landed)
        edit = Edit({"notes/new.txt": url}, "a note", AUTHOR)
        assert isinstance(one.propose(edit, base=one.fetch().main), Landed)
        assert not one.publisher.atomic


def test_B8_a_pack_that_came_damaged_is_asked_for_again_at_once(tmp_path: Path, front: Front) -> None:
    folder = remote(tmp_path)
    one = GitRepository(front.url(folder), tmp_path / "one.git")
    one.fetch()
    assert isinstance(push(client(tmp_path, "two")), Landed)

    def flipped(asked: Asked, body: bytes) -> bytes:
        at = body.find(b"PACK")
        return body[: at + 40] + bytes([body[at + 40] ^ 0xFF]) + body[at + 41 :] if at > 0 else body

    front.change = flipped
    for _ in range(2):
        with pytest.raises(Unreachable, match="came damaged"):
            one.fetch()
    front.change = lambda asked, body: body
    assert len(one.fetch().projects["v"].executions) == 1
    assert not (tmp_path / "one.git.damaged").exists(), "nothing was wrong with the clone"


def test_B8_a_banner_that_speaks_of_denied_access_means_nothing() -> None:
    banner = "*** Unauthorised access denied. Authentication failed attempts are logged ***\n"
    assert (
        answer(f"{banner}ssh: connect to host h port 22: Connection timed out\nfatal: Could not read from remote\n")
        is None
    )
    found = answer(f"{banner}git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n")
    assert found is not None
    assert found.fault is Fault.CREDENTIALS


def test_B8_a_branch_that_was_renamed_is_to_be_put_back_not_made(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    subprocess.run(["git", "-C", folder, "branch", "-m", "main", "trunk"], check=True)
    with pytest.raises(NotAStateRepository, match="renamed or deleted; put it back"):
        client(tmp_path).fetch()


def test_B8_a_time_to_come_again_is_obeyed() -> None:
    date = b"<= Recv header: Date: Mon, 02 Mar 2026 10:00:00 GMT\n"
    assert retry_after(b"Recv header: Retry-After: 60\n") == 60
    assert retry_after(date + b"<= Recv header: retry-after: Mon, 02 Mar 2026 10:01:30 GMT\n") == 90
    assert retry_after(b"Recv header: Retry-After: 99999999\n") == LONGEST_REST
    assert retry_after(b"Recv header: Retry-After: soon\n") is None
    waits = ServerBackoff()
    waits.heard("swap", Rejected(Rejection.THROTTLED, "", 17.0), 100.0)
    assert [waits.wait(kind, 116.0) for kind in ("swap", "beat")] == [True, True]
    assert not waits.wait("swap", 117.0)
    waits.throttled(200.0, 30.0)
    assert waits.wait(FETCH, 229.0)
    assert waits.wait("swap", 229.0)
    waits = ServerBackoff()
    waits.heard("swap", Rejected(Rejection.UNFIT), 0.0)
    assert waits.wait("swap", PAUSE - 1)


def careless(front: Front, folder: Path) -> Rule:
    """A server that takes the old value of a push for what is there, as some have it: nobody ever is too late."""

    def rule(asked: Asked) -> None:
        line = re.match(rb"[0-9a-f]{4}([0-9a-f]{40}) [0-9a-f]{40} (refs/[^\0 ]+)", asked.body)
        if not asked.push or not line:
            return
        command = ["git", "-C", folder, "rev-parse", "-q", "--verify", line[2].decode()]
        done = subprocess.run(command, capture_output=True, check=False)
        now = done.stdout.strip() or b"0" * 40
        asked.body = asked.body[:4] + now + asked.body[44:]

    return rule


@pytest.mark.parametrize("kind", ["refs", "branches"])
def test_B5_a_server_on_which_a_push_is_no_swap_is_found(tmp_path: Path, front: Front, kind: str) -> None:
    folder = remote(tmp_path)
    subprocess.run(["git", "-C", folder, "config", "receive.denyNonFastForwards", "false"], check=True)
    url, branches = front.url(folder), kind == "branches"
    assert probe(url, branches=branches).compares
    assert swaps(url)
    front.rule = careless(front, folder)
    assert probe(url, branches=branches).compares is False
    assert not swaps(url)


def test_B5_git_by_path_compares(tmp_path: Path) -> None:
    folder = str(remote(tmp_path))
    assert probe(folder).compares
    assert swaps(folder)


def test_B5_a_server_that_cannot_be_asked_is_not_refused(tmp_path: Path, front: Front) -> None:
    url = front.url(remote(tmp_path))
    front.rule = to_pushes(Answer(503))
    assert swaps(url)


def test_B5_a_probe_leaves_one_branch_at_most(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    subprocess.run(["git", "-C", folder, "config", "receive.denyNonFastForwards", "false"], check=True)
    for _ in range(3):
        found = probe(str(folder), branches=True)
        assert (found.good, found.delete, found.compares) == (True, False, True)
    command = ["git", "-C", folder, "branch", "--list", "winslow-nodes/*"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["winslow-nodes/PROBE"]


def test_B5_doctor_tells_all_of_it(tmp_path: Path, front: Front) -> None:
    folder = remote(tmp_path)
    ref = folder / "refs" / "winslow" / "nodes" / "x"
    ref.parent.mkdir(parents=True)
    ref.write_text("1" * 40 + "\n")
    [(_, result, text)] = list(doctor._broken(str(folder)))
    assert (result, "update-ref -d refs/winslow/nodes/x" in text) == ("fail", True)
    ref.unlink()
    front.rule = careless(front, folder)
    found = {name: result for name, result, _ in doctor._signs(front.url(folder))}
    assert found == {"node refs": "ok", "compare-and-swap": "fail"}
