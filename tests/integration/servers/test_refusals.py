"""F17: what a server refuses until a person acts. The node says what, asks now and then, and loses nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from state.git.git_repository import GitRepository
from tests.integration.git.remotes import remote
from tests.integration.servers.bench import POLL, RUNS, Bench
from tests.servers.http import HttpServer
from tests.servers.ssh import SshServer

MINUTE = 60.0


def hook(folder: Path, text: str) -> None:
    """What every push is asked, in place of the hook that is there."""
    file = folder / "remote.git" / "hooks" / "pre-receive"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def counting(bench: Bench) -> Callable[[], int]:
    """Counts pushes from now on."""
    publisher, count = bench.repository.publisher, [0]
    real = publisher._run

    def run(updates: object, asks: object = ()) -> object:
        count[0] += 1
        return real(updates, asks)  # type: ignore[arg-type]

    publisher._run = run  # type: ignore[method-assign, assignment]
    return lambda: count[0]


def at(server: HttpServer | SshServer, folder: Path) -> Bench:
    return Bench(folder, GitRepository(server.url(remote(folder)), folder / "one.git"))


ANSWERS = {
    "hook": "ask Ada",
    "protected": "GitLab: You are not allowed to push code to protected branches on this project.",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_F17_a_push_that_a_hook_refuses_is_tried_once_a_minute_and_the_result_stays(
    tmp_path: Path, http: HttpServer, kind: str
) -> None:
    text, bench = ANSWERS[kind], at(http, tmp_path)
    bench.begin()
    hook(tmp_path, f"echo '{text}' >&2; exit 1")
    bench.rounds(RUNS + 2 * POLL)
    assert not bench.running()
    pushes = counting(bench)
    bench.rounds(3 * MINUTE)
    assert 4 <= pushes() <= 2 * 3, "one of the result and one of the heartbeat in a minute"
    assert len(bench.journal.outbox) == 1
    assert bench.states() != ["succeeded"]
    assert any(f"declined a push ({kind})" in line and text in line for line in bench.said)
    assert any(f"declined a heartbeat ({kind})" in line for line in bench.said)
    hook(tmp_path, "exit 0")
    bench.rounds(MINUTE + POLL)
    assert bench.states() == ["succeeded"]
    assert not bench.journal.outbox


def test_F17_a_token_that_expired_and_is_replaced_on_disk(tmp_path: Path, http: HttpServer) -> None:
    bench = at(http, tmp_path)
    bench.begin()
    http.admit("renewed")
    before, pushes = len(http.requests()), counting(bench)
    bench.rounds(RUNS + 3 * MINUTE)
    assert not bench.running(), "a stage ends without the server"
    assert pushes() == 0, "who may not read does not try to write"
    refused = [line for line in http.requests()[before:] if '" 401 ' in line]
    assert 2 * 9 <= len(refused) <= 2 * 12, "three looks in a minute; git begins each one without the token"
    assert len(bench.journal.outbox) == 1
    assert any("refuses our credentials" in line for line in bench.said)
    http.give("renewed")
    bench.rounds(MINUTE)
    assert bench.states() == ["succeeded"]
    assert not bench.journal.outbox


def test_F17_a_token_that_may_no_longer_write_is_tried_once_a_minute(tmp_path: Path, http: HttpServer) -> None:
    bench = at(http, tmp_path)
    bench.begin()
    config = tmp_path / "remote.git" / "config"
    text = config.read_text()
    config.write_text(f"{text}[http]\n\treceivepack = false\n")
    bench.rounds(RUNS + 2 * POLL)
    pushes = counting(bench)
    bench.rounds(3 * MINUTE)
    assert 2 <= pushes() <= 3, "result and heartbeat together"
    assert len(bench.journal.outbox) == 1
    assert any("declined a push (credentials)" in line for line in bench.said)
    config.write_text(text)
    bench.rounds(MINUTE + POLL)
    assert bench.states() == ["succeeded"]


def test_F17_a_key_that_was_taken_out_and_put_back(tmp_path: Path, ssh: SshServer) -> None:
    bench = at(ssh, tmp_path)
    bench.begin()
    ssh.authorise("other")
    bench.rounds(RUNS + 2 * MINUTE)
    assert len(bench.journal.outbox) == 1
    assert any("refuses our credentials" in line for line in bench.said)
    ssh.authorise("key")
    bench.rounds(MINUTE)
    assert bench.states() == ["succeeded"]


def test_F17_what_was_refused_is_pushed_by_the_next_controller(tmp_path: Path, http: HttpServer) -> None:
    bench = at(http, tmp_path)
    bench.begin()
    hook(tmp_path, "exit 1")
    bench.rounds(RUNS + MINUTE)
    bench.start()
    bench.rounds(2 * MINUTE)
    assert len(bench.journal.outbox) == 1
    hook(tmp_path, "exit 0")
    bench.rounds(MINUTE + POLL)
    assert bench.states() == ["succeeded"]
