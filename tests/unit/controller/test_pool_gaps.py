"""What a node knows, and what it tells, of files that its pool has not."""

from dataclasses import replace
from pathlib import Path

import pytest

from controller.loop.pool_gaps import PoolGaps
from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from flow.node.sightings import Sightings
from flow.reconcile.decide import decide
from schema.node import Inventory
from tests.unit.flow.builders import Story

READS = "name: p\ninputs:\n  video: {type: file}\nstages:\n  - {name: one, image: i}\n"


def world(now: float, told: tuple[str, ...] = ()) -> World:
    story = Story(READS, inputs={"video": "day/a.mp4"})
    story.ask(request="start")
    inventory = Inventory(node="n1", incarnation="i")
    snapshot = Snapshot(
        "m", "s", projects={"v": story.view}, inventories={"n1": inventory.model_copy(update={"lacks": told})}
    )
    return World(
        me=NodeIdentity("n1", "i", inventory),
        snapshot=snapshot, fresh=True, now=now, wall="", poll=1.0, entries={}, outbox={},
        containers={}, busy=frozenset(), seen=Sightings(), ids=(), wiped={},
    )  # fmt: skip


def test_what_is_lacking_is_known_at_once_and_told_once_it_lasts(tmp_path: Path) -> None:
    pools = PoolGaps(tmp_path)
    first = pools.seen(world(0.0))
    assert (first.lacks, first.me.inventory.lacks) == (frozenset({"day/a.mp4"}), ())
    assert pools.seen(world(10.0)).me.inventory.lacks == ()
    assert pools.seen(world(11.0)).me.inventory.lacks == ("day/a.mp4",)


def test_what_came_is_taken_back(tmp_path: Path) -> None:
    pools = PoolGaps(tmp_path)
    assert pools.seen(world(0.0, told=("day/a.mp4", "old.mp4"))).me.inventory.lacks == ("day/a.mp4", "old.mp4")
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.mp4").touch()
    after = pools.seen(world(5.0, told=("day/a.mp4", "old.mp4")))
    assert (after.lacks, after.me.inventory.lacks) == (frozenset({"old.mp4"}), ("old.mp4",))


@pytest.mark.parametrize("path", ["a\0b", "x" * 290])
def test_odd_paths_are_lacking(tmp_path: Path, path: str) -> None:
    assert not PoolGaps(tmp_path)._has(path)


def test_without_a_view_nothing_is_looked_at(tmp_path: Path) -> None:
    assert PoolGaps(tmp_path).seen(replace(world(0.0), snapshot=None)).lacks == frozenset()


def claims(seen: World) -> list[str]:
    ready = replace(seen, ids=("c" * 32,))
    return [commit.event.verb for commit in decide(ready).commits if commit.event.verb == "claim"]


def test_T5_nothing_is_claimed_before_the_pool_was_looked_at_for_exactly_its_files(tmp_path: Path) -> None:
    """A slot that this very round finds wanted is new to the look with which the round began."""
    pools, first = PoolGaps(tmp_path), replace(world(0.0), has=frozenset({"day/other.mp4"}))
    assert (claims(first), decide(first).unseen) == ([], frozenset({"day/a.mp4"}))
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.mp4").touch()
    looked = pools.look(first, decide(first).unseen)
    assert (looked.has, looked.lacks) == (frozenset({"day/a.mp4", "day/other.mp4"}), frozenset())
    assert (claims(looked), decide(looked).unseen) == (["claim"], frozenset())


def test_T5_a_node_without_the_file_leaves_it_to_one_that_may_have_it(tmp_path: Path) -> None:
    first = replace(world(0.0), has=frozenset())
    assert first.snapshot
    both = {**first.snapshot.inventories, "n2": Inventory(node="n2", incarnation="i")}
    first = replace(first, snapshot=replace(first.snapshot, inventories=both))
    looked = PoolGaps(tmp_path).look(first, decide(first).unseen)
    assert (looked.lacks, claims(looked)) == (frozenset({"day/a.mp4"}), [])
