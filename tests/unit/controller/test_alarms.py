"""A node says what stands in its way once, not in every round."""

from controller.loop.alarms import STUCK, Alarms


def test_what_lasts_is_said_once_and_again_after_it_was_over() -> None:
    said: list[str] = []
    alarms = Alarms(said.append)
    assert [alarms.tell("room", "full") for _ in range(3)] == [True, False, False]
    alarms.tell("push", "declined")
    alarms.tell("room", "full")
    alarms.over("room")
    alarms.tell("room", "full")
    assert said == ["full", "declined", "there is room on the disk again", "full"]


def test_what_never_stood_in_the_way_is_not_over() -> None:
    said: list[str] = []
    Alarms(said.append).over("room")
    assert said == []


def test_one_kind_is_one_alarm_whatever_its_words() -> None:
    said: list[str] = []
    alarms = Alarms(said.append)
    for text, kind in (("no room for 1a", "unknown"), ("no room for 2b", "unknown"), ("the hook says no", "hook")):
        alarms.tell("push", text, kind)
    assert said == ["no room for 1a", "the hook says no"]


def test_races_that_somebody_wins_are_none_of_a_persons_business() -> None:
    said: list[str] = []
    alarms = Alarms(said.append)
    for tip in range(3 * STUCK):
        alarms.lost_race("push", str(tip), "cannot lock ref")
    assert said == []
    for _ in range(3 * STUCK):
        alarms.lost_race("push", "same", "cannot lock ref")
    assert len(said) == 1
    assert "cannot lock ref" in said[0]
    alarms.over("push")
    alarms.lost_race("push", "same", "cannot lock ref")
    assert said[1:] == ["pushes land again"]
