"""The log of one execution: where it is read, and what the system did meanwhile."""

from dataclasses import dataclass
from pathlib import Path

from flow.world import ProjectView
from runner import log_events
from runner.log_source import FileSource, LogSource, TextSource
from schema import layout
from schema.execution import Execution
from state.looks import Looks
from webui.log_rows import Event


@dataclass(frozen=True, slots=True)
class Logbook:
    """`note` says what is missing of it here, if anything; `live`, whether more may come."""

    source: LogSource
    events: tuple[Event, ...]
    live: bool = False
    note: str = ""


def logbook(view: ProjectView, record: Execution, node: str, data: Path | None, clone: Looks) -> Logbook:
    """The log beside the container on this machine, else the summary of the repository. `node` is the one here."""
    directory = data / "runs" / record.claim.container if data else None
    active = record.state.active
    if directory and ((directory / "log").is_file() or (active and node == record.claim.node)):
        return Logbook(FileSource(directory / "log"), events(record, directory), live=active)
    key = f"{view.id}/{record.execution}/{record.claim.id}"
    text = clone.read_text(layout.log(view.id, record.execution, record.stage)) or ""
    note = f"head and tail; the whole log is on {record.claim.node}" if active or text else ""
    return Logbook(TextSource(key, text), events(record, directory), note=note)


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
