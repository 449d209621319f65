"""Runs worlds with one rule broken until the checker notices."""

from collections.abc import Callable
from itertools import chain

import pytest

from tests.simulation.cluster import Cluster
from tests.simulation.invariants import Violation

SEEDS = 300
FIRST = {
    "a_branch_that_forgets_what_failed": 9,
    "a_grace_time_that_goes_on_after_a_restoration": 7,
    "a_join_that_reads_its_first_need_alone": 10,
    "a_launch_that_does_not_look_whether_it_is_wanted": 7,
    "a_lease_that_goes_on_in_a_dead_mans_hand": 45,
    "a_repetition_that_ends_with_its_first_run": 8,
    "a_project_without_state_that_just_goes": 153,
    "a_reply_and_its_effect_in_two_pushes": 10,
    "a_skip_that_nobody_heeds": 28,
    "a_stage_that_is_done_with_its_first_point": 8,
    "an_older_copy_of_a_claim_is_kept": 113,
    "housekeeping_that_stops_what_is_lost": 29,
    "no_compare_and_swap": 6,
    "own_claim_after_a_lost_answer_ignored": 6,
    "shares_that_are_not_added_up": 32,
    "what_a_container_is_made_from_is_noted_once_it_was_started": 31,
    "what_was_seen_before_a_sleep_counts": 39,
}
"""A world in which each was caught once, to save the way there. Where it no longer shows it, all others are tried."""


def catch(
    mutant: Callable[[pytest.MonkeyPatch], None], world: Callable[[int], Cluster], said: str = "", most: int = SEEDS
) -> int:
    """The seed of the world in which it was noticed, with this in the text."""
    first = FIRST.get(mutant.__name__)
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        for seed in chain(() if first is None else (first,), range(most)):
            try:
                world(seed).run()
            except Violation as violation:
                assert said in str(violation)  # noqa: PT017
                return seed
    pytest.fail(f"{most} seeds and nobody noticed")
