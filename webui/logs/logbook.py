"""The log of one execution: where it is read, and what the system did meanwhile."""

import time
from dataclasses import dataclass
from pathlib import Path

from flow.model.snapshot import ProjectView
from peer.client.executions import RemoteLog, logs_of, peers_of
from runner.logs import log_events
from runner.logs.archive import here
from runner.logs.far_logs import asked, wish
from runner.logs.log_source import FileSource, LogSource, PackedSource, TextSource
from runner.store.blocks import Blocks
from schema import layout
from schema.execution import Execution
from state.git.clone_reader import CloneReader
from webui.logs.log_rows import LogEvent
from webui.source.view_source import Look

HERE, AFAR = 0.25, 0.7
"""Seconds between two looks at a growing log, on this machine and on another."""
NEAR, NEAR_AFAR = 64 << 20, 1 << 20
"""Bytes in which line ends are counted while somebody waits; beyond, numbers come later."""
RESTS = 30.0
"""Seconds for which a node that did not answer is not asked again: a page must not wait for it each time."""
MOST_ASKED = 1000
_away: dict[str, float] = {}
_asked: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Logbook:
    """`note` says what is missing of it here, if anything; `live`, whether more may come."""

    source: LogSource
    events: tuple[LogEvent, ...]
    live: bool = False
    note: str = ""
    every: float = HERE
    near: int = NEAR


def logbook(view: ProjectView, record: Execution, look: Look, data: Path | None, clone: CloneReader) -> Logbook:
    """The log as this machine has it, else a node that can be asked, else the repository's summary.

    What then only the bucket has is on this machine at one of the next looks.
    """
    directory = data / "runs" / record.claim.container if data else None
    active, mine, note, coming = record.state.active, look.node == record.claim.node, "", False
    if data and directory:
        found, note = _here(data, record)
        if found or (mine and active):
            return Logbook(found or FileSource(directory / "log"), events(record, directory), live=active, note=note)
        if not mine and (log := _there(data, look, record)):
            told = events(record, directory)
            return Logbook(log, told, live=active, note=f"as {log.remote.node} has it", every=AFAR, near=NEAR_AFAR)
        coming = _coming(data, view.id, record)
    key = f"{view.id}/{record.execution}/{record.claim.id}"
    text = clone.read_text(layout.log(view.id, record.execution, record.slot)) or ""
    if active or text:
        where = "comes from the bucket, look again in a moment" if coming else f"is on {record.claim.node}"
        note = f"head and tail; the whole log {where}{f' ({note})' if note else ''}"
    return Logbook(TextSource(key, text), events(record, directory), note=note)


def _here(data: Path, record: Execution) -> tuple[LogSource | None, str]:
    try:
        found = here(data, record.claim.container, record.log.digest if record.log else None)
    except OSError as error:
        return None, str(error)
    return (PackedSource(found) if isinstance(found, Blocks) else FileSource(found) if found else None), ""


def _there(data: Path, look: Look, record: Execution) -> RemoteLog | None:
    """None where nobody can be asked, answers now, or has anything."""
    peers = peers_of(data, look.snapshot.inventories)
    for log in logs_of(peers, record) if peers else ():
        node = log.remote.node
        if time.monotonic() - _away.get(node, -RESTS) < RESTS:
            continue
        try:
            if log.size() or record.state.active:
                return log
        except OSError:
            _away[node] = time.monotonic()
    return None


def _coming(data: Path, project: str, record: Execution) -> bool:
    """Whether the node is asking the bucket for it. One that had not got it is not asked at once again."""
    key = f"{project}/{record.execution}"
    if time.monotonic() - _asked.get(key, -RESTS) < RESTS:
        return asked(data, record)
    if len(_asked) > MOST_ASKED:
        _asked.clear()
    _asked[key] = time.monotonic()
    try:
        return wish(data, project, record) is not None
    except OSError:
        return False


def events(record: Execution, directory: Path | None) -> tuple[LogEvent, ...]:
    """Of the record, and what the node noted in between, oldest first."""
    times = record.times
    again = f", attempt {record.attempt}" if record.attempt > 1 else ""
    found = [LogEvent(times.claimed, f"claimed by {record.claim.node}{again}")] if times.claimed else []
    noted = [LogEvent(line.time, line.text) for line in log_events.noted(directory)] if directory else []
    if not noted and times.started:
        noted = [LogEvent(times.started, "started")]
    found += noted
    if times.finished and not record.state.active:
        found.append(LogEvent(times.finished, ending(record)))
    return tuple(found)


def ending(record: Execution) -> str:
    """How it ended, in words."""
    why = f" ({record.reason})" if record.reason else ""
    return f"{record.state}{why}{': ' + record.text if record.text else ''}"
