"""F25, F2: slow links, links that fall silent, and links that break, over real servers."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
import pytest

import state.transport.remote
from controller.loop.heartbeat import NameTaken
from schema import layout
from state.contract.errors import Unreachable
from state.contract.repository import Landed, Unknown
from state.git.git_repository import GitRepository
from state.history.events import events
from state.transport import command
from tests.integration.git.remotes import claim, land, remote, tip
from tests.integration.servers.bench import RUNS, Bench
from tests.servers.http import HttpServer
from tests.servers.proxy import Proxy
from tests.servers.ssh import SshServer

LIMIT = 1.5
PUSH_LIMIT = 6.0  # it is to arrive, also on a busy machine
HANG = 20.0
POLL_TIMEOUT = state.transport.remote.POLL_TIMEOUT


class Link:
    """A repository behind a server behind a proxy."""

    def __init__(self, folder: Path, server: HttpServer | SshServer) -> None:
        self.folder, self.repository = folder, remote(folder)
        self.proxy = Proxy(server.port)
        self.url = server.url(self.repository, self.proxy.port)
        self.clients: list[GitRepository] = []

    def client(self) -> GitRepository:
        self.clients.append(GitRepository(self.url, self.folder / "one.git"))
        return self.clients[-1]

    def wait_for(self, seconds: float | None) -> None:
        """How long git may take: little only while the link is held, as a busy machine is slow without that."""
        for each in self.clients:
            each.remote.timeout = each.publisher.timeout = seconds or HANG
        state.transport.remote.POLL_TIMEOUT = seconds or POLL_TIMEOUT

    def hold_after(self, count: int) -> None:
        """All that comes after so many bytes."""
        self.wait_for(LIMIT)
        self.proxy.hold_after(count)

    def hold_answers_of_pushes(self, *, cut: bool) -> None:
        """From the moment on in which the server has what is pushed, and is about to take it."""
        self.wait_for(PUSH_LIMIT)
        mark, hook = self.folder / "arrived", self.repository / "hooks" / "update"
        hook.write_text(f"#!/bin/sh\ncase $1 in {layout.STATE}) touch {mark};; esac\n")
        hook.chmod(0o755)
        self.proxy.cuts, self.proxy.holds = cut, mark.exists

    def unanswered(self, bench: Bench, done: Callable[[], bool]) -> None:
        """Rounds whose pushes land, each without an answer."""
        self.hold_answers_of_pushes(cut=True)
        for _ in range(20):
            outcome = bench.round()
            assert outcome is None or isinstance(outcome, Unknown)
            if outcome:
                until(lambda oid=outcome.oid: self.tip() == oid)  # type: ignore[misc]
                (self.folder / "arrived").unlink()
            if done():
                return
        raise AssertionError(f"never: {bench.states()} {bench.said}")

    def reopen(self) -> None:
        self.wait_for(None)
        self.proxy.reopen()
        (self.repository / "hooks" / "update").unlink(missing_ok=True)

    def tip(self) -> str:
        return str(tip(pygit2.Repository(str(self.repository)), layout.STATE).id)


@pytest.fixture(params=["http", "ssh"])
def link(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Link]:
    link = Link(tmp_path, request.getfixturevalue(request.param))
    yield link
    link.wait_for(None)
    link.proxy.end()


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process groups of every git that was run."""
    found: list[int] = []
    real = command._end

    def end(child: object) -> None:
        found.append(child.pid)  # type: ignore[attr-defined]
        real(child)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "_end", end)
    return found


def alive(groups: list[int]) -> list[str]:
    """What still runs of these groups, git's helpers and ssh among it."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            name, _, fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")
        except (OSError, NotADirectoryError):
            continue
        condition, _, group = fields.split()[:3]
        if int(group) in groups and condition not in "ZX":
            found.append(name)
    return found


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.02)


def much_to_fetch(folder: Path) -> None:
    """A commit of some hundred kilobytes that do not compress."""
    repo = pygit2.Repository(str(folder))
    head = tip(repo, layout.MAIN)
    builder = repo.TreeBuilder(head.tree)
    builder.insert("noise", repo.create_blob(os.urandom(400_000)), 0o100644)
    land(repo, builder.write(), [str(head.id)])


@pytest.mark.parametrize("bytes_passed", [0, 100_000], ids=["at the poll", "in the middle of the fetch"])
def test_F25_a_link_that_falls_silent_ends_git_and_all_it_started(
    link: Link, groups: list[int], bytes_passed: int
) -> None:
    one = link.client()
    before = one.fetch().main
    much_to_fetch(link.repository)
    link.hold_after(bytes_passed)
    with pytest.raises(Unreachable, match="took longer than"):
        one.fetch()
    until(lambda: not alive(groups))
    assert one.tips()[0] == before
    link.reopen()
    assert one.fetch().main != before


def test_F25_a_link_that_breaks_in_the_middle_of_a_fetch_is_no_damage(link: Link, groups: list[int]) -> None:
    one = link.client()
    before = one.fetch().main
    much_to_fetch(link.repository)
    link.hold_after(100_000)
    link.proxy.cuts = True
    with pytest.raises(Unreachable):
        one.fetch()
    until(lambda: not alive(groups))
    link.reopen()
    assert one.fetch().main != before
    assert not (link.folder / "one.git.damaged").exists()


@pytest.mark.parametrize("cut", [False, True], ids=["silent", "broken"])
def test_F2_F25_a_push_whose_answer_was_lost_is_found_as_landed(link: Link, groups: list[int], cut: bool) -> None:
    one = link.client()
    base = one.fetch()
    link.hold_answers_of_pushes(cut=cut)
    outcome = one.swap(base, [claim(1)], node="n")
    assert isinstance(outcome, Unknown)
    until(lambda: not alive(groups))
    until(lambda: link.tip() == outcome.oid)
    link.reopen()
    again = one.fetch()
    assert again.state == outcome.oid
    assert len(again.projects["v"].executions) == 1
    assert isinstance(one.swap(again, [claim(2)], node="n"), Landed)


def test_F25_a_push_that_never_arrived_is_made_again(link: Link, groups: list[int]) -> None:
    one = link.client()
    base = one.fetch()
    link.hold_after(0)
    assert isinstance(one.swap(base, [claim(1)], node="n"), Unknown)
    until(lambda: not alive(groups))
    link.reopen()
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)


def test_F2_a_claim_whose_answer_was_lost_runs_once(link: Link) -> None:
    bench, launched = Bench(link.folder, link.client()), list[str]()
    start = bench.runner.start
    bench.runner.start = lambda container: launched.append(container) or start(container)  # type: ignore[method-assign, func-returns-value]
    bench.rounds(20)
    bench.ask()
    link.unanswered(bench, lambda: bool(bench.states()))
    assert launched == []
    link.reopen()
    bench.rounds(30)
    assert len(launched) == 1, "within two polls, and a moment until its start is said"
    bench.rounds(RUNS + 30)
    assert (bench.states(), len(launched)) == (["succeeded"], 1)


def test_F2_a_result_whose_answer_was_lost_counts_once(link: Link) -> None:
    bench = Bench(link.folder, link.client())
    bench.begin()
    link.unanswered(bench, lambda: bench.states() == ["succeeded"])
    link.reopen()
    bench.start()
    bench.rounds(30)
    assert bench.states() == ["succeeded"]
    assert not bench.journal.outbox
    assert [event.event for event in events(bench.people)].count("succeed") == 1


def test_F9_a_second_node_of_a_name_that_started_while_the_server_was_away(link: Link, tmp_path: Path) -> None:
    first = Bench(tmp_path, GitRepository(str(link.repository), tmp_path / "first.git"))
    first.rounds(20)
    link.hold_after(0)
    twin = Bench(tmp_path, link.client(), data="twin")
    twin.round()
    link.reopen()
    before = first.people.fetch().heartbeats["n1"]
    with pytest.raises(NameTaken, match="choose another --name"):
        twin.rounds(20)
    assert first.people.fetch().heartbeats["n1"] == before
