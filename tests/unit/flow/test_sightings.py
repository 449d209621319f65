"""Observers: what may count as silence."""

from flow.model.snapshot import Snapshot
from flow.node.sightings import Sightings, looked, missed

POLL = 5.0


def seen(before: Sightings, now: float, oid: str, *watched: str) -> Sightings:
    snapshot = Snapshot("m", "s", heartbeats={"gpu": oid})
    return looked(before, now=now, poll=POLL, snapshot=snapshot, watched=watched)


def test_silence_grows_by_the_time_between_successful_polls() -> None:
    sightings = seen(seen(seen(Sightings(), 0, "a"), 5, "a"), 11, "a")
    assert sightings.silence("gpu") == 11


def test_a_changed_object_id_is_a_sign_of_life() -> None:
    assert seen(seen(seen(Sightings(), 0, "a"), 5, "a"), 10, "b").silence("gpu") == 0


def test_a_suspend_counts_three_polls_at_most() -> None:
    assert seen(seen(Sightings(), 0, "a"), 100_000, "a").silence("gpu") == 3 * POLL


def test_time_before_a_failed_poll_does_not_count() -> None:
    assert seen(missed(seen(Sightings(), 0, "a")), 4, "a").silence("gpu") == 0


def test_an_own_restart_starts_from_nothing() -> None:
    assert seen(Sightings(), 4000, "a").silence("gpu") == 0


def test_things_age_from_first_sight_and_are_forgotten() -> None:
    first = seen(Sightings(), 0, "a", "slot")
    second = seen(first, 5, "a", "slot")
    assert (first.age("slot"), second.age("slot"), seen(second, 10, "a").age("slot")) == (0, 5, 0)
