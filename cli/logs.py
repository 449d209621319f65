"""`logs`: what an execution printed, and what nodes did meanwhile."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import completion, output, settings
from cli.errors import CommandError
from cli.history import EVERYTHING, Follow, execution_of
from cli.whole_log import whole

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView, Snapshot
    from runner.logs.log_file import LogLine
    from schema.execution import Execution
    from state.git.git_repository import GitRepository
    from state.history.events import EventRecord

LOOK_EVERY = 1.0
ENDS = ("succeed", "fail", "abort", "lose", "supersede", "file")


def add_to(app: typer.Typer) -> None:
    app.command()(logs)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of a log, or (stream `-`) what a node did meanwhile."""

    time: str
    stream: str
    text: str

    def __str__(self) -> str:
        head = f"-- {self.time}" if self.stream == "-" else f"{self.time} {self.stream}".strip()
        return f"{head} {self.text}"


def logs(
    what: Annotated[
        str,
        typer.Argument(
            help="a project, or one of its executions", metavar="PROJECT[/N]", autocompletion=completion.projects
        ),
    ],
    follow: Follow = False,
    stage: Annotated[str, typer.Option("--stage", help="the newest execution of this stage")] = "",
    tail: Annotated[
        int | None, typer.Option("--tail", min=0, help="only so many last lines, then what comes with -f")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="only what is newer: an age like 5m, or a time (UTC)")] = "",
    service: Annotated[str, typer.Option("--service", help="of this service beside it, on the machine it ran on")] = "",
) -> None:
    """The log of an execution, default the newest, with what nodes did (--) in between.

    Live or archived from this machine or, where both have --peer, from the node that has it, else from the bucket, else
    the repository's summary. With -o json one object a line, with -o yaml one document. With -f a server that is away
    is waited for; and where only a project is named, it goes on to the next stages until nothing goes on by itself.
    Exit codes: 0 all of it was shown, with -f until the end however it ended; 1 there is no such log, or not here yet.
    Example: winslowctl logs crossing/3 -f     winslowctl logs crossing --stage detect --tail 20
    """
    id, _, number = what.partition("/")
    if number and stage:
        raise CommandError("either an execution (PROJECT/N) or --stage, not both", 2)
    client, snapshot, view = settings.project(id)
    wanted = Excerpt(tail, _moment_of(since))
    if service:
        record = of_stage(view, stage) if stage else execution_of(view, number)
        _show_service(ToldEvents(client, id, record), service, wanted, follow=follow)
        return
    on = follow and not number and not stage
    if on and not view.executions and (newer := following(client, id, 0)):
        snapshot, view = newer
    record = of_stage(view, stage) if stage else execution_of(view, number)
    while True:
        _show(client, snapshot, id, record, wanted, follow=follow)
        newer = following(client, id, record.execution) if on else None
        if newer is None:
            return
        snapshot, view = newer
        record = next(each for each in view.executions if each.execution > record.execution)


def of_stage(view: "ProjectView", stage: str) -> "Execution":
    """Its newest execution. CommandError names the nearest stage otherwise."""
    from schema.suggest import did_you_mean

    found = [each for each in view.executions if each.stage == stage]
    if not found:
        pipeline = view.definition or view.pipeline
        names = [each.name for each in pipeline.stages] if pipeline else []
        ran = "has not run yet" if stage in names else f"does not exist{did_you_mean(stage, names)}"
        raise CommandError(f"stage {stage[:60]!r} of {view.id} {ran}; `winslowctl describe {view.id}` shows all")
    return found[-1]


def _moment_of(since: str) -> str:
    """A text that stands before all later times of a log."""
    from runner.logs.log_file import stamp
    from schema.quantities import parse_duration
    from state.history.at_time import moment

    if not since:
        return ""
    try:
        return stamp(time.time() - parse_duration(since))
    except ValueError:
        return stamp(moment(since, time.time()))


def following(client: "GitRepository", id: str, number: int) -> "tuple[Snapshot, ProjectView] | None":
    """Once there is an execution above that number; nothing once the project rests. Waits for a server that is away."""
    from cli.wait import rests
    from flow.status.states import project_state
    from state.contract.errors import StateError

    while True:
        try:
            snapshot = client.fetch()
        except StateError:
            time.sleep(LOOK_EVERY)
            continue
        view = snapshot.projects.get(id)
        if view is None:
            return None
        if any(each.execution > number for each in view.executions):
            return snapshot, view
        if rests(project_state(snapshot, view), view):
            return None
        time.sleep(LOOK_EVERY / 2)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Which lines are wanted: the last so many (all where nothing is said), and none before a moment."""

    tail: int | None
    since: str

    def of(self, entries: "Iterable[LogEntry]") -> "Iterable[LogEntry]":
        newer = (each for each in entries if not each.time or each.time >= self.since)
        if self.tail is None:
            return newer
        return deque(newer, maxlen=self.tail)


def _show(
    client: "GitRepository", snapshot: "Snapshot", id: str, record: "Execution", wanted: Excerpt, *, follow: bool
) -> None:
    told = ToldEvents(client, id, record)
    with whole(snapshot, id, record) as live:
        if follow and record.state.active:
            _follow(told, live, wanted)
            return
        for entry in wanted.of(merged(_lines(client, id, record, live), told.news())):
            _print(entry)


def _show_service(told: "ToldEvents", name: str, wanted: Excerpt, *, follow: bool) -> None:
    """Of a service only its node has the log."""
    from runner.logs import log_file as files
    from schema.suggest import did_you_mean

    record = told.last
    names = [each.name for each in record.services]
    if name not in names:
        known = f"it has {', '.join(names)}{did_you_mean(name, names)}" if names else "it has none"
        raise CommandError(f"{told.id}/{record.execution} has no service {name[:60]!r}; {known}")
    settings.checked_name(name, "service")  # it is a folder
    path = settings.data() / "runs" / record.claim.container / "services" / name / "log"
    if not path.is_file():
        raise CommandError(f"the log of service {name} is not here; {record.claim.node} had it, in its {path}")
    over = told.look if follow and record.state.active else lambda: True
    for entry in wanted.of(line_entry(line) for line in files.follow(path, over, sleep=time.sleep)):
        _print(entry)


def _print(entry: LogEntry) -> None:
    if not output.one_line(asdict(entry)):
        print(entry, flush=True)


def _lines(client: "GitRepository", id: str, record: "Execution", live: Path) -> "list[LogLine]":
    from runner.logs import log_file as files
    from schema import layout

    if live.is_file():
        return list(files.follow(live, lambda: True, sleep=time.sleep))
    text = client.read_text(layout.log(id, record.execution, record.slot))
    if text is None and record.state.active:
        text = f"{id}/{record.execution} runs on {record.claim.node}; its log arrives with its end"
        raise CommandError(f"{text}, or now where both nodes have --peer")
    return [files.parse(line) for line in (text or "").splitlines()]


def merged(lines: "Iterable[LogLine]", news: "Sequence[EventRecord]") -> Iterator[LogEntry]:
    """Both by time. Commits know whole seconds: a beginning counts as its start, an end as its end."""
    waiting = sorted(news, key=_moment)
    for line in lines:
        while waiting and line.time and _moment(waiting[0]) <= line.time:
            yield event_entry(waiting.pop(0))
        yield line_entry(line)
    yield from map(event_entry, waiting)


def _moment(event: "EventRecord") -> str:
    return event.time.removesuffix("Z") + ("~" if event.event in ENDS else "")


def line_entry(line: "LogLine") -> LogEntry:
    from runner.logs.log_file import clean

    return LogEntry(clean(line.time), line.stream, clean(line.text))


def event_entry(event: "EventRecord") -> LogEntry:
    from runner.logs.log_file import clean

    what = " ".join(part for part in (event.event, event.stage) if part)
    fact = f": {event.text}" if event.text else ""
    return LogEntry(clean(event.time), "-", clean(f"{what} on {event.node or '?'}{fact}"))


class ToldEvents:
    """The events of one execution, each told once."""

    def __init__(self, client: "GitRepository", id: str, record: "Execution") -> None:
        self.client, self.id, self.number = client, id, record.execution
        self.last = record
        self.newest: str | None = None
        self.looked = time.monotonic()
        self.ended = False

    def news(self) -> "list[EventRecord]":
        """As of the last fetch."""
        from state.history.events import events as read

        every = read(self.client, limit=EVERYTHING, since=self.newest)
        self.newest = every[-1].commit if every else self.newest
        return [event for event in every if event.project == self.id and event.execution == self.number]

    def look(self) -> bool:
        """Fetch now and then; whether the execution has ended. A server that is away is asked again."""
        from state.contract.errors import StateError

        if self.ended or time.monotonic() - self.looked < LOOK_EVERY:
            return self.ended
        self.looked = time.monotonic()
        try:
            view = self.client.fetch().projects.get(self.id)
        except StateError:
            return False
        record = view.execution(self.number) if view else None
        self.last = record or self.last
        self.ended = record is None or record.state.ended
        return self.ended


def _follow(told: ToldEvents, live: Path, wanted: Excerpt) -> None:
    """Beginnings are told as they come, ends after the last line."""
    from runner.logs import log_file as files

    last: list[EventRecord] = []

    def ended() -> bool:
        over = told.look()
        for event in told.news():
            if event.event in ENDS:
                last.append(event)
            else:
                _print(event_entry(event))
        return over

    if _appears(live, ended):
        skipped = max(0, _count(live) - wanted.tail) if wanted.tail is not None else 0
        for at, line in enumerate(files.follow(live, ended, sleep=time.sleep)):
            if at >= skipped and (not line.time or line.time >= wanted.since):
                _print(line_entry(line))
    else:
        for entry in wanted.of(map(line_entry, _lines(told.client, told.id, told.last, live))):
            _print(entry)
    for event in last:
        _print(event_entry(event))


def _count(path: Path) -> int:
    """Lines that are there now."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def _appears(live: Path, ended: Callable[[], bool]) -> bool:
    """Whether the log came to be on this machine before the end."""
    while not live.is_file():
        if ended():
            return False
        time.sleep(0.1)
    return True
