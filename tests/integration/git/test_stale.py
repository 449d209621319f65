"""F16: a project with ten thousand requests, answered long ago or never, on real git."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygit2
import pytest

import state.transport.push
import state.transport.remote
from flow.model.snapshot import Snapshot
from flow.node.decision import Decision
from flow.node.node_world import NodeIdentity, World
from flow.node.sightings import Sightings, looked
from flow.reconcile.decide import decide
from schema import layout
from schema.codec import MAX_BYTES
from schema.documents import render
from schema.node import Inventory
from schema.reply import Reply
from state.contract.repository import Landed
from state.git import commit_builder
from state.git.clone import Clone
from state.git.git_repository import GitRepository
from state.server.setup import init
from state.snapshot.project_folders import AT_ONCE
from state.transport.command import Done
from tests.contract.repositories import AUTHOR, FILES, tip

STALE = 10_000
GUARD = 20.0
"""Seconds: ten times what a poll may take."""


def commit(repo: pygit2.Repository, ref: str, files: dict[str, bytes | None], message: str) -> None:
    head = tip(repo, ref)
    made = commit_builder.commit(
        repo, [str(head.id)], commit_builder.write_tree(repo, head.tree, files), message, author=AUTHOR
    )
    repo.references.create(ref, made, force=True)


def world(snapshot: Snapshot) -> World:
    seen = looked(Sightings(), now=1.0, poll=5.0, snapshot=snapshot, watched=frozenset())
    return World(
        me=NodeIdentity("n1", "i" * 32, Inventory(node="n1", incarnation="i" * 32)),
        snapshot=snapshot, fresh=True, now=1.0,
        wall="2026-01-01T00:00:00Z", poll=5.0, entries={}, outbox={}, containers={}, busy=frozenset(), seen=seen,
        ids=("a" * 32,), wiped={},
    )  # fmt: skip


class Counted:
    """How often git was started, and how many documents were read, since the last look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.programs = self.documents = self.bytes = 0
        for module in (state.transport.push, state.transport.remote):
            monkeypatch.setattr(module, "git", self._counting(module.git))
        read = Clone.text

        def text(clone: Clone, blob: str, path: str, limit: int = MAX_BYTES) -> bytes:
            content = read(clone, blob, path, limit)
            self.documents += 1
            self.bytes += len(content)
            return content

        monkeypatch.setattr(Clone, "text", text)

    def _counting(self, run: Callable[..., Done]) -> Callable[..., Done]:
        def git(*arguments: Any, **options: Any) -> Done:
            self.programs += 1
            return run(*arguments, **options)

        return git

    def since(self) -> tuple[int, int, int]:
        found = self.programs, self.documents, self.bytes
        self.programs = self.documents = self.bytes = 0
        return found


@dataclass(frozen=True)
class Stale:
    """A server with ten thousand requests in project `v`, and a node's look at it."""

    repo: pygit2.Repository
    repository: GitRepository
    names: list[str]

    def ask(self, project: str, name: str, text: bytes = b"request: start\n") -> str:
        commit(self.repo, layout.MAIN, {layout.request(project, name): text}, "one more")
        return layout.reply(project, name)

    def poll(self) -> tuple[Snapshot, Decision, set[str]]:
        snapshot = self.repository.fetch()
        decision = decide(world(snapshot))
        return snapshot, decision, {write.path for each in decision.commits for write in each.writes}


@pytest.fixture
def stale(tmp_path: Path) -> Stale:
    init(tmp_path / "remote.git", bare=True, files=FILES, author=AUTHOR)
    repo = pygit2.Repository(str(tmp_path / "remote.git"))
    names = [layout.request_name(number, "pause") for number in range(1, STALE + 1)]
    asked: dict[str, bytes | None] = {layout.request("v", name): b"request: pause\n" for name in names}
    commit(repo, layout.MAIN, asked, "ten thousand requests")
    return Stale(repo, GitRepository(str(tmp_path / "remote.git"), tmp_path / "clone.git"), names)


@pytest.mark.timeout(240)
def test_F16_a_new_request_among_ten_thousand_answered_ones_is_applied_in_its_poll(
    stale: Stale, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies: dict[str, bytes | None] = {
        layout.reply("v", name): render(Reply(seq=seq, request=name, kind="pause", verdict="accepted")).encode()
        for seq, name in enumerate(stale.names, 1)
    }
    wanted = tip(stale.repo, layout.MAIN).id
    commit(stale.repo, layout.STATE, replies, f"answered\n\nWinslow-Wanted: {wanted}\n")
    stale.poll()
    reply = stale.ask("v", layout.request_name(STALE + 1, "start"))
    counted, began = Counted(monkeypatch), time.monotonic()
    _, _, written = stale.poll()
    assert reply in written
    programs, documents, read = counted.since()
    assert programs <= 2
    assert documents <= 5, "not one of the old requests or replies is read again"
    assert read < 10_000
    assert time.monotonic() - began < GUARD


@pytest.mark.timeout(240)
def test_F16_a_new_request_beside_ten_thousand_unanswered_ones_is_applied_in_its_poll(
    stale: Stale, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    for number in (1, 2, 3):
        reply, began = stale.ask("w", layout.request_name(number, "start")), time.monotonic()
        snapshot, decision, written = stale.poll()
        assert reply in written
        assert len(decision.commits) <= AT_ONCE + 10
        assert isinstance(stale.repository.swap(snapshot, decision.commits, node="n1"), Landed)
        assert time.monotonic() - began < GUARD
        view = stale.repository.fetch().projects["v"]
        assert (len(view.replies), view.asked) == (number * AT_ONCE, STALE - number * AT_ONCE)
        programs, documents, read = counted.since()
        assert programs <= 6
        assert documents <= 3 * AT_ONCE + 20, "those of this round, their replies, and the next to come"
        assert read < 1_000_000
