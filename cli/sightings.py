"""Whether nodes show signs of life, as far as commands of this machine have seen: kept beside the clone between them.

Where nodes live, they judge each other and write it down. Where the last one went, nobody is left to do so: then it
counts that a heartbeat has not changed between two looks of this machine, by its own clock since boot.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from schema.node import Heartbeat
    from state.git.git_repository import GitRepository

FILE = "winslow-beats.json"
REST = 2.0
"""Seconds after which that a look was made is worth writing down, though nothing is new."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One node's heartbeat: since when this machine sees it unchanged, and what it says. Seconds since boot."""

    beat: str
    since: float
    looked: float
    lives: bool = False  # it was seen to change between two looks that were close enough
    halted: str = ""
    time: str = ""  # by the node's own clock


def judged(client: "GitRepository", found: "Snapshot") -> "Snapshot":
    """The snapshot with what this machine can say of its nodes. What was seen is remembered."""
    from flow.node.node_states import judge, unheard
    from schema.node import Heartbeat

    file, now = client.path / FILE, time.clock_gettime(time.CLOCK_BOOTTIME)
    before, limit = _read(file), found.settings.lost_after
    seen = {}
    for node in found.inventories:
        beat = found.heartbeats.get(node, "")
        known = before.get(node)
        if known is None or known.beat != beat:
            lives = known is not None and now - known.looked < limit
            seen[node] = _heard(client.heartbeat(node), beat, now, lives=lives)
        else:
            seen[node] = replace(known, looked=now)
    if any(each.since == now or now - before[node].looked > REST for node, each in seen.items()):
        _write(file, seen)
    silence = {node: now - each.since for node, each in seen.items()}
    heard = {n: Heartbeat(node=n, incarnation="", halted=each.halted or None) for n, each in seen.items()}
    ages = {node: _age(each.time) for node, each in seen.items() if not each.lives}
    return replace(found, judged={**unheard(found, ages), **judge(found, silence, heard)})


def _heard(said: "Heartbeat | None", beat: str, now: float, *, lives: bool) -> Sighting:
    return Sighting(beat, now, now, lives, (said.halted or "") if said else "", said.time if said else "")


def _age(told: str) -> float:
    try:
        return time.time() - datetime.fromisoformat(told).timestamp()
    except ValueError:
        return 0.0


def _read(file: Path) -> Mapping[str, Sighting]:
    """Nothing of before this machine was booted: its clock began anew."""
    try:
        found = json.loads(file.read_text())
        if found["boot"] != _boot():
            return {}
        return {node: Sighting(**each) for node, each in found["nodes"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(file: Path, seen: Mapping[str, Sighting]) -> None:
    from dataclasses import asdict

    content: dict[str, Any] = {"boot": _boot(), "nodes": {node: asdict(each) for node, each in seen.items()}}
    part = file.with_name(f"{FILE}.{time.time_ns()}")
    try:
        part.write_text(json.dumps(content))
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)  # a full disk: the next look begins anew


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
