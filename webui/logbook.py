"""The log of one execution: where it is read, and what the system did meanwhile."""

import time
from dataclasses import dataclass
from pathlib import Path

from flow.world import ProjectView
from runner import log_events
from runner.archive import DamagedLog, restored
from runner.log_source import FileSource, LogSource, TextSource
from runner.remote import Remote, RemoteLog, peers_of
from schema import layout
from schema.execution import Execution
from state.looks import Looks
from webui.log_rows import Event
from webui.source import Look

HERE, AFAR = 0.25, 0.7
"""Seconds between two looks at a growing log, on this machine and on another."""
NEAR, NEAR_AFAR = 64 << 20, 1 << 20
"""Bytes in which line ends are counted while somebody waits; beyond, numbers come later."""
RESTS = 30.0
"""Seconds for which a node that did not answer is not asked again: a page must not wait for it each time."""
_away: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Logbook:
    """`note` says what is missing of it here, if anything; `live`, whether more may come."""

    source: LogSource
    events: tuple[Event, ...]
    live: bool = False
    note: str = ""
    every: float = HERE
    near: int = NEAR


def logbook(view: ProjectView, record: Execution, look: Look, data: Path | None, clone: Looks) -> Logbook:
    """The log beside the container on this machine, else on the node that has it, else the repository's summary."""
    directory = data / "runs" / record.claim.container if data else None
    active = record.state.active
    if directory and (look.node == record.claim.node or (directory / "log").is_file()):
        found, note = _here(directory, record)
        if found or active:
            return Logbook(FileSource(found or directory / "log"), events(record, directory), live=active, note=note)
    elif data and (log := _there(data, look, record)):
        told, note = events(record, directory), f"as {record.claim.node} has it"
        return Logbook(log, told, live=active, note=note, every=AFAR, near=NEAR_AFAR)
    key = f"{view.id}/{record.execution}/{record.claim.id}"
    text = clone.read_text(layout.log(view.id, record.execution, record.stage)) or ""
    note = f"head and tail; the whole log is on {record.claim.node}" if active or text else ""
    return Logbook(TextSource(key, text), events(record, directory), note=note)


def _here(directory: Path, record: Execution) -> tuple[Path | None, str]:
    try:
        return restored(directory, record.log.digest if record.log else None), ""
    except (DamagedLog, OSError) as error:
        return None, str(error)


def _there(data: Path, look: Look, record: Execution) -> RemoteLog | None:
    """None where the node cannot be asked, does not answer now, or has nothing."""
    node = record.claim.node
    if time.monotonic() - _away.get(node, -RESTS) < RESTS:
        return None
    peers = peers_of(data, look.snapshot.inventories)
    if peers is None or not (remote := Remote(peers, node)).reachable:
        return None
    log = RemoteLog(remote, record.claim.container)
    try:
        return log if log.size() or record.state.active else None
    except OSError:
        _away[node] = time.monotonic()
        return None


def events(record: Execution, directory: Path | None) -> tuple[Event, ...]:
    """Of the record, and what the node noted in between, oldest first."""
    times = record.times
    again = f", attempt {record.attempt}" if record.attempt > 1 else ""
    found = [Event(times.claimed, f"claimed by {record.claim.node}{again}")] if times.claimed else []
    noted = [Event(line.time, line.text) for line in log_events.noted(directory)] if directory else []
    if not noted and times.started:
        noted = [Event(times.started, "started")]
    found += noted
    if times.finished and not record.state.active:
        found.append(Event(times.finished, ending(record)))
    return tuple(found)


def ending(record: Execution) -> str:
    """How it ended, in words."""
    why = f" ({record.reason})" if record.reason else ""
    return f"{record.state}{why}{': ' + record.text if record.text else ''}"
