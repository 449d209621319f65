"""B2: an end that the engine, the machine or a person caused is known as that, whatever the exit code."""

from dataclasses import replace

import pytest

from runner.docker.ends.outside_ends import REMEMBERED, KnownEnds, cause, told_to_end


def event(action: str, id: str = "c", **attributes: str) -> dict[str, object]:
    return {"Action": action, "id": id, "Actor": {"ID": id, "Attributes": attributes}}


OWN = KnownEnds(
    id="c",
    code=0,
    error="",
    finished=1000.0,
    began="2026-01-01T00:00:00Z",
    restarts=0,
    boot="b1",
    engine="7:1",
    live=False,
    started={"boot": "b1", "moment": "2026-01-01T00:00:00Z", "engine": "7:1", "live": False},
    lost={},
    signal="",
    events=[event("create"), event("start"), event("die")],
)
OTHER_ENGINE = {"engine": "9:5", "events": [event("start", "another")]}
FULL = [event("exec_create", "another")] * REMEMBERED


@pytest.mark.parametrize("code", [0, 1, 137, 143])
def test_B2_an_end_of_its_own_has_no_cause_outside(code: int) -> None:
    assert cause(replace(OWN, code=code)) == ""


@pytest.mark.parametrize("code", [0, 1, 137])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"events": [event("start"), event("kill", signal="15"), event("die")]}, "signal TERM"),
        ({"events": [event("start"), event("die"), event("stop")]}, "signal TERM"),
        ({"signal": "KILL"}, "signal KILL"),
        ({"restarts": 1}, "a second time"),
        ({"began": "2026-01-01T00:09:00Z"}, "a second time"),
        ({"boot": "b2"}, "the machine went down"),
        (OTHER_ENGINE, "while no controller watched"),
        ({**OTHER_ENGINE, "lost": {"lost": 1001.0, "live": False}}, "Docker Engine went down"),
        ({"engine": "", "events": []}, "while no controller watched"),
        ({**OTHER_ENGINE, "live": True}, "while no controller watched"),  # live-restore was set just then
    ],
)
def test_B2_what_others_did_is_told_whatever_the_exit_code(changed: dict[str, object], words: str, code: int) -> None:
    assert words in cause(replace(OWN, code=code, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"events": [event("start"), event("kill", signal="10"), event("die")]},  # USR1 asks no program to end
        {"events": [event("start"), event("kill", "another", signal="9"), event("die")]},
        {**OTHER_ENGINE, "live": True, "started": {**OWN.started, "live": True}},
        {"lost": {"lost": 900.0, "live": False}},  # a stream that broke: the engine is the same
        {**OTHER_ENGINE, "lost": {"lost": 2000.0, "live": False}},  # it had ended long before
        {"events": FULL},
        {"events": None},
        {"engine": "", "events": FULL},
        {"started": {}, "events": [event("start"), event("die")]},
    ],
)
def test_what_has_nothing_to_do_with_its_end_does_not_count(changed: dict[str, object]) -> None:
    assert cause(replace(OWN, **changed)) == ""  # type: ignore[arg-type]


def test_an_engine_that_was_lost_is_no_cause_where_containers_outlive_it() -> None:
    lost = replace(OWN, **OTHER_ENGINE, live=True, lost={"lost": 1001.0, "live": True})  # type: ignore[arg-type]
    assert cause(lost) == ""
    assert "went down" in cause(replace(lost, code=137))


def test_a_signal_that_somebody_sent_has_a_name() -> None:
    assert told_to_end(replace(OWN, events=[event("kill", signal="2")])) == "INT"
    assert told_to_end(OWN) == ""
