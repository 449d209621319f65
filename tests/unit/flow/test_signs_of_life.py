"""What a node may conclude from its own signs of life: the cases in which others may have given it up, and not."""

import pytest

from flow.node.signs_of_life import SignsOfLife

LOST_AFTER = 60.0


def beaten(*times: float, signs: SignsOfLife | None = None) -> SignsOfLife:
    found = signs or SignsOfLife()
    for at in times:
        found = found.beaten(at)
    return found


@pytest.mark.parametrize(
    ("signs", "now", "lasts"),
    [
        (SignsOfLife(), 100.0, False),
        (beaten(50.0, 100.0), 120.0, True),
        (beaten(50.0, 100.0), 160.0, False),  # silent since
        (beaten(50.0, 110.0), 120.0, False),  # silent between two
        (beaten(60.0), 70.0, False),  # silent before the first
        (beaten(59.0), 70.0, True),
    ],
)
def test_F6_a_claim_of_second_zero_is_prolonged_by_an_unbroken_line_of_beats(
    signs: SignsOfLife, now: float, lasts: bool
) -> None:
    assert signs.prolong(0.0, now, LOST_AFTER) is lasts


def test_F6_a_commit_heals_a_line_that_was_broken_and_a_beat_does_not() -> None:
    broken = beaten(50.0, 150.0)
    assert not broken.beaten(155.0).prolong(0.0, 160.0, LOST_AFTER)
    healed = broken.renewed(155.0)
    assert healed.prolong(0.0, 160.0, LOST_AFTER)
    assert healed.prolong(None, 160.0, LOST_AFTER)
    assert not healed.prolong(0.0, 215.0, LOST_AFTER)


def test_F6_an_older_beat_that_is_heard_of_late_breaks_nothing() -> None:
    assert beaten(50.0, 100.0, 90.0).prolong(0.0, 120.0, LOST_AFTER)
