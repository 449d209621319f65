"""F16: a project with ten thousand requests that were answered long ago, on real git."""

import time
from pathlib import Path

import pygit2
import pytest

from flow.decide import decide
from flow.leases import Sightings, looked
from flow.local import Me, World
from flow.world import Snapshot
from schema import layout
from schema.documents import render
from schema.node import Inventory
from schema.reply import Reply
from state import build
from state.git import GitRepository
from state.setup import init
from tests.contract.repositories import AUTHOR, FILES, tip

STALE = 10_000
GUARD = 20.0
"""Seconds: ten times what a poll may take."""


def commit(repo: pygit2.Repository, ref: str, files: dict[str, bytes | None], message: str) -> None:
    head = tip(repo, ref)
    made = build.commit(repo, [str(head.id)], build.write_tree(repo, head.tree, files), message, author=AUTHOR)
    repo.references.create(ref, made, force=True)


def world(snapshot: Snapshot) -> World:
    seen = looked(Sightings(), now=1.0, poll=5.0, snapshot=snapshot, watched=frozenset())
    return World(
        me=Me("n1", "i" * 32, Inventory(node="n1", incarnation="i" * 32)), snapshot=snapshot, fresh=True, now=1.0,
        wall="2026-01-01T00:00:00Z", poll=5.0, entries={}, outbox={}, containers={}, busy=frozenset(), seen=seen,
        ids=("a" * 32,), wiped={},
    )  # fmt: skip


@pytest.mark.timeout(240)
def test_F16_a_new_request_among_ten_thousand_stale_ones_is_applied_in_its_poll(tmp_path: Path) -> None:
    init(tmp_path / "remote.git", bare=True, files=FILES, author=AUTHOR)
    repo = pygit2.Repository(str(tmp_path / "remote.git"))
    names = [layout.request_name(number, "pause") for number in range(1, STALE + 1)]
    asked = {layout.request("v", name): b"request: pause\n" for name in names}
    commit(repo, layout.MAIN, dict(asked), "ten thousand requests")
    replies = {
        layout.reply("v", name): render(Reply(seq=seq, request=name, kind="pause", verdict="accepted")).encode()
        for seq, name in enumerate(names, 1)
    }
    commit(repo, layout.STATE, dict(replies), f"answered\n\nWinslow-Wanted: {tip(repo, layout.MAIN).id}\n")
    repository = GitRepository(str(tmp_path / "remote.git"), tmp_path / "clone.git")
    decide(world(repository.fetch()))
    new = layout.request_name(STALE + 1, "start")
    commit(repo, layout.MAIN, {layout.request("v", new): b"request: start\n"}, "one more")
    began = time.monotonic()
    decision = decide(world(repository.fetch()))
    took = time.monotonic() - began
    written = {write.path for each in decision.commits for write in each.writes}
    assert layout.reply("v", new) in written
    assert took < GUARD, f"{took:.1f} s"
