"""The day of a lab, made small: what each policy is for is what the figures show."""

import statistics
from functools import cache

import pytest

from benchmarks.lab_day import HEADS, PEOPLE, POLICIES, TICK, LabDay, lab_day, row, table
from flow.placement.gpus import share_of

OTHERS = PEOPLE[1:]


@cache
def played(place: int) -> LabDay:
    """Four GPUs, twelve runs of one person and eight of the others."""
    return lab_day(POLICIES[place], 1, gpus=(1, 1, 2), many=12, few=2)


def held(found: LabDay) -> dict[tuple[str, str], int]:
    """By GPU, how many had it at once at most."""
    return {
        gpu: max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) for gpu, spans in found.used.items()
    }


@pytest.mark.parametrize("place", range(len(POLICIES)))
def test_everybody_brings_the_same_and_all_of_it_runs_once(place: int) -> None:
    found = played(place)
    assert sorted([*found.began, *found.asked]) == sorted(found.owners)
    assert (found.owners, found.lasts) == (played(0).owners, played(0).lasts)
    assert found.idle_while_waited() >= 0
    line = table([row(POLICIES[place], found)]).splitlines()
    assert [each.count("|") for each in line] == [len(HEADS) + 1] * 3


def test_M13_who_brought_most_no_longer_stands_before_all_others() -> None:
    before, fair = played(0), played(1)
    assert statistics.median(fair.waits_of(*OTHERS)) < statistics.median(before.waits_of(*OTHERS))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_gpu_that_is_not_shared_has_one_at_a_time(place: int) -> None:
    assert set(held(played(place)).values()) == {1}


def test_L6_small_stages_are_beside_each_other_where_they_share() -> None:
    found = played(3)
    assert max(held(found).values()) == 2
    sharing = [share_of(each) for view in found.snapshot.projects.values() for each in view.executions]
    assert any(sharing)
    assert sum(found.waits_of(*PEOPLE)) < sum(played(0).waits_of(*PEOPLE))


def test_a_minute_in_which_nothing_waits_counts_as_no_loss() -> None:
    found = LabDay({}, played(0).snapshot, 1.0, played(0).chance)
    assert found.idle_while_waited() == 0
    found.nodes, found.waits = {name: each for name, each in played(0).nodes.items() if name == "n00"}, [(0.0, TICK)]
    assert found.idle_while_waited() == pytest.approx(1 / 60)
