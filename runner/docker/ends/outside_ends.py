"""Whether something outside Winslow ended a container, or had a hand in it: a person, the engine, the machine.

Whatever the exit code: a program that saves its state at TERM and ends with 0 has not done its work. Known are the
engine's events (it keeps the latest ones for as long as it runs), which engine started the container, how often it was
started, whether the machine has booted since, and what a watching controller noted. Where an engine was started anew
while nobody watched, how it ended cannot be known, and it does not count as a result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KILLED = (137, 143, 255)
"""Exit codes that a container gets when something ends it from outside."""
ENDING = {"2": "INT", "9": "KILL", "15": "TERM"}
"""Signals that ask a program to end. Others are its own affair."""
REMEMBERED = 256
"""Events that an engine keeps."""
LATENESS = 30.0
"""Seconds before the loss of an engine was noticed in which it may have ended containers already."""


@dataclass(frozen=True, slots=True)
class KnownEnds:
    """Of an ended container. `started` was noted at its start, `lost` when its engine hung up, `events` are the
    engine's latest ones or None where it does not say them, `live` is whether containers outlive it, by its own word.
    """

    id: str
    code: int
    error: str
    finished: float
    began: str
    restarts: int
    boot: str
    engine: str
    live: bool
    started: Mapping[str, Any]
    lost: Mapping[str, Any]
    signal: str
    events: Sequence[Mapping[str, Any]] | None


def told_to_end(known: KnownEnds) -> str:
    """The name of the signal that somebody sent it by way of the engine, or nothing."""
    seen = [signal_of(event) for event in known.events or () if _id(event) == known.id]
    return next(filter(None, [known.signal, *seen]), "")


def cause(known: KnownEnds) -> str:
    """What ended it, for people; nothing for an end of its own."""
    moment = known.started.get("moment")
    if known.restarts or (moment and moment != known.began):
        return "it was started a second time from outside Winslow, so what it left is not of one run"
    if name := told_to_end(known):
        return f"it was told to end from outside Winslow (signal {name})"
    if known.started and known.started["boot"] != known.boot:
        return "the machine went down under it"
    return _by_engine(known)


def _by_engine(known: KnownEnds) -> str:
    if known.code in KILLED and known.error:
        return known.error
    anew = restarted(known)
    if anew is False:
        return ""
    if known.lost:
        ended_by_it = known.finished > float(known.lost["lost"]) - LATENESS
        return _DOWN if ended_by_it and (known.code in KILLED or not _outlives(known, known.lost)) else ""
    return f"{_DOWN} while no controller watched" if anew and not _outlives(known, known.started) else ""


_DOWN = "the Docker Engine went down under it"


def _outlives(known: KnownEnds, then: Mapping[str, Any]) -> bool:
    """Whether containers outlive the engine: as it is set now, and as it was set before it went down."""
    return known.live and bool(then.get("live", True))


def restarted(known: KnownEnds) -> bool | None:
    """Whether the engine is another one than that which started the container; None where nothing tells."""
    events = known.events
    if events is not None and any(e.get("Action") == "start" and _id(e) == known.id for e in events):
        return False
    before = known.started.get("engine")
    if before and known.engine:
        return bool(before != known.engine)
    return True if events is not None and len(events) < REMEMBERED else None


def _id(event: Mapping[str, Any]) -> str:
    return str(event.get("id") or (event.get("Actor") or {}).get("ID") or "")


def signal_of(event: Mapping[str, Any]) -> str:
    """The name of the signal that was sent, if it asks a program to end."""
    if event.get("Action") == "stop":
        return "TERM"
    if event.get("Action") != "kill":
        return ""
    number = str(((event.get("Actor") or {}).get("Attributes") or {}).get("signal", ""))
    return ENDING.get(number, number if number in ENDING.values() else "")
