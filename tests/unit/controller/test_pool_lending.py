"""What a node leaves in its bucket for nodes that lack it, and what it never leaves there."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from controller.housekeeping.pool_lending import PoolLending
from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from flow.node.sightings import Sightings
from flow.placement.lending import asked, lent
from runner.files.bucket import Bucket, BucketAway
from runner.store import digests
from schema.node import Inventory, LentFile, NodeAway

URL = "s3://lab/p"
CLIP = b"some frames"


class FakeBucket:
    """Contents by digest. `away`: it does not answer."""

    name = URL

    def __init__(self) -> None:
        self.there: dict[str, bytes] = {}
        self.away = False
        self.beside: Callable[[], None] = lambda: None

    def has(self, digest: str, size: int) -> bool:
        if self.away:
            raise BucketAway("no answer")
        return len(self.there.get(digest, b"")) == size

    def put(self, digest: str, path: Path) -> None:
        self.there[digest] = path.read_bytes()
        self.beside()


class Holder:
    """n1, whose pool has what n2 lacks."""

    def __init__(self, folder: Path) -> None:
        self.pool, self.bucket, self.said = folder / "pool", FakeBucket(), list[str]()
        self.pool.mkdir()
        self.lending = PoolLending(
            self.pool, cast(Bucket, self.bucket), digests.DigestCache(), lambda work: work(), self.said.append
        )

    def file(self, name: str, content: bytes = CLIP) -> Path:
        path = self.pool / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1, 1))
        return path

    def round(self, *lacks: str, now: float = 0.0) -> tuple[LentFile, ...]:
        """What it tells after two looks: the first one sends."""
        self.lending.seen(world(*lacks, now=now))
        return self.lending.seen(world(*lacks, now=now)).me.inventory.lends


def world(*lacks: str, now: float = 0.0, bucket: str = URL, away: NodeAway | None = None) -> World:
    me = Inventory(node="n1", incarnation="i", bucket=URL)
    other = Inventory(node="n2", incarnation="j", bucket=bucket, lacks=lacks, away=away)
    snapshot = Snapshot("m", "s", inventories={"n1": me, "n2": other})
    return World(
        me=NodeIdentity("n1", "i", me), snapshot=snapshot, fresh=True, now=now, wall="", poll=1.0, entries={},
        outbox={}, containers={}, busy=frozenset(), seen=Sightings(), ids=(), wiped={},
    )  # fmt: skip


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    return Holder(tmp_path)


def test_T5_what_another_node_lacks_is_left_in_the_bucket_and_told_with_its_digest(holder: Holder) -> None:
    holder.file("day/a.mp4")
    digest = digests.of_bytes(CLIP)
    assert holder.round("day/a.mp4", "day/b.mp4") == (LentFile(path="day/a.mp4", digest=digest, bytes=len(CLIP)),)
    assert holder.bucket.there == {digest: CLIP}
    assert holder.round() == ()
    assert holder.said == []


def test_T5_what_changed_is_left_anew_and_what_changes_meanwhile_is_not_told(holder: Holder) -> None:
    path = holder.file("a.mp4")
    holder.round("a.mp4")
    path.write_bytes(b"others")
    assert [each.digest for each in holder.round("a.mp4")] == [digests.of_bytes(b"others")]
    path.write_bytes(b"first")
    holder.bucket.beside = lambda: cast(None, path.write_bytes(b"second, while it is sent"))
    holder.lending.seen(world("a.mp4"))
    assert holder.lending._left == {}


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "out.mp4", "folder", "a\0b", "x" * 300, "pipe"])
def test_T5_nothing_but_files_of_the_pool_is_left(holder: Holder, name: str) -> None:
    (holder.pool.parent / "secret").write_text("keys")
    (holder.pool / "out.mp4").symlink_to(holder.pool.parent / "secret")
    (holder.pool / "folder").mkdir()
    os.mkfifo(holder.pool / "pipe")
    assert holder.round(name) == ()
    assert holder.bucket.there == {}


def test_T5_a_bucket_that_is_away_is_told_once_and_asked_again_after_a_rest(holder: Holder) -> None:
    holder.file("a.mp4")
    holder.bucket.away = True
    assert holder.round("a.mp4", now=0.0) == ()
    assert len(holder.said) == 1
    assert "is not in the bucket yet" in holder.said[0]
    holder.bucket.away = False
    assert holder.round("a.mp4", now=5.0) == ()
    assert len(holder.round("a.mp4", now=10.0)) == 1


def test_T5_only_nodes_that_answer_and_share_the_bucket_are_heard() -> None:
    away = NodeAway(state="stopped", why="stopped", since="2026-01-01T00:00:00Z")
    for other, heard in ((world("a"), ("a",)), (world("a", bucket="s3://x"), ()), (world("a", away=away), ())):
        assert other.snapshot
        assert asked(other.snapshot, other.me.inventory) == heard
    alone = world("a")
    assert alone.snapshot
    assert asked(alone.snapshot, alone.me.inventory.model_copy(update={"bucket": ""})) == ()


def test_T5_what_a_node_that_is_away_has_left_is_still_to_be_had() -> None:
    left = LentFile(path="a", digest=digests.of_bytes(CLIP), bytes=3)
    known = {"n1": Inventory(node="n1", incarnation="i", bucket=URL, lends=(left,))}
    assert lent(known, "n2", URL, "a") == ("n1", left)
    assert lent(known, "n2", URL, "b") is None
    assert lent(known, "n1", URL, "a") is None
    assert lent(known, "n2", "s3://other", "a") is None
    assert lent(known, "n2", "", "a") is None


def test_without_a_view_nothing_is_lent(holder: Holder) -> None:
    seen = holder.lending.seen(replace(world("a"), snapshot=None))
    assert seen.me.inventory.lends == ()
