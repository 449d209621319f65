"""Verbs that tell what was: logs, events, compare."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.compare import Row
    from flow.world import ProjectView
    from runner.logs import Line
    from schema.execution import Execution
    from state.git import GitRepository
    from state.log import EventRecord

Follow = Annotated[bool, typer.Option("-f", "--follow", help="go on until there is no more")]
EVERYTHING = 1_000_000
LOOK_EVERY = 1.0
ENDS = ("succeed", "fail", "abort", "lose", "supersede", "file")


def add_to(app: typer.Typer) -> None:
    for verb in (logs, events, compare):
        app.command()(verb)


def execution_of(view: "ProjectView", number: str) -> "Execution":
    """The execution of that number, or the newest. CommandError where there is none."""
    if not view.executions:
        raise CommandError(f"project {view.id!r} has no executions yet")
    if not number:
        return view.executions[-1]
    found = view.execution(int(number)) if number.isdecimal() and len(number) < 10 else None
    if found is None:
        raise CommandError(f"there is no execution {number[:20]!r} of {view.id!r}; it has 1 to {view.last_execution}")
    return found


# -- logs -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a log, or (stream `-`) what a node did meanwhile."""

    time: str
    stream: str
    text: str

    def __str__(self) -> str:
        head = f"-- {self.time}" if self.stream == "-" else f"{self.time} {self.stream}".strip()
        return f"{head} {self.text}"


def logs(
    what: Annotated[str, typer.Argument(help="a project, or one of its executions", metavar="PROJECT[/N]")],
    follow: Follow = False,
) -> None:
    """The log of an execution, default the newest, with what nodes did (--) in between.

    Live where it runs on this machine, else the summary that the repository has after its end.
    Example: winslowctl logs crossing/3 -f
    """
    id, _, number = what.partition("/")
    client, _, view = settings.project(id)
    record = execution_of(view, number)
    told = Told(client, id, record.execution)
    live = settings.data() / "runs" / record.claim.container / "log"
    if follow and record.state.active:
        _follow(told, live)
        return
    entries = list(merged(_lines(client, id, record, live), told.news()))
    if not output.for_programs([asdict(entry) for entry in entries]):
        for entry in entries:
            print(entry)


def _lines(client: "GitRepository", id: str, record: "Execution", live: Path) -> "list[Line]":
    from runner import logs as files
    from schema import layout

    if live.is_file():
        return list(files.follow(live, lambda: True, sleep=time.sleep))
    text = client.read_text(layout.log(id, record.execution, record.stage))
    if text is None and record.state.active:
        raise CommandError(f"{id}/{record.execution} runs on {record.claim.node}; its log arrives with its end")
    return [files.parse(line) for line in (text or "").splitlines()]


def merged(lines: "Iterable[Line]", news: "Sequence[EventRecord]") -> Iterator[Entry]:
    """Both by time. Commits know whole seconds: a beginning counts as its start, an end as its end."""
    waiting = sorted(news, key=_moment)
    for line in lines:
        while waiting and line.time and _moment(waiting[0]) <= line.time:
            yield event_entry(waiting.pop(0))
        yield line_entry(line)
    yield from map(event_entry, waiting)


def _moment(event: "EventRecord") -> str:
    return event.time.removesuffix("Z") + ("~" if event.event in ENDS else "")


def line_entry(line: "Line") -> Entry:
    from runner.logs import clean

    return Entry(clean(line.time), line.stream, clean(line.text))


def event_entry(event: "EventRecord") -> Entry:
    from runner.logs import clean

    fact = f": {event.text}" if event.text else ""
    return Entry(clean(event.time), "-", clean(f"{event.event} {event.stage or ''} on {event.node or '?'}{fact}"))


class Told:
    """The events of one execution, each told once."""

    def __init__(self, client: "GitRepository", id: str, number: int) -> None:
        self.client, self.id, self.number = client, id, number
        self.newest: str | None = None
        self.looked = time.monotonic()
        self.ended = False

    def news(self) -> "list[EventRecord]":
        """As of the last fetch."""
        from state.log import events as read

        every = read(self.client, limit=EVERYTHING, since=self.newest)
        self.newest = every[-1].commit if every else self.newest
        return [event for event in every if event.project == self.id and event.execution == self.number]

    def look(self) -> bool:
        """Fetch now and then; whether the execution has ended. A server that is away is asked again."""
        from state.errors import StateError

        if self.ended or time.monotonic() - self.looked < LOOK_EVERY:
            return self.ended
        self.looked = time.monotonic()
        try:
            view = self.client.fetch().projects.get(self.id)
        except StateError:
            return False
        record = view.execution(self.number) if view else None
        self.ended = record is None or record.state.ended
        return self.ended


def _follow(told: Told, live: Path) -> None:
    """Beginnings are told as they come, ends after the last line."""
    from runner import logs as files

    last: list[EventRecord] = []

    def ended() -> bool:
        over = told.look()
        for event in told.news():
            if event.event in ENDS:
                last.append(event)
            else:
                print(event_entry(event), flush=True)
        return over

    if _appears(live, ended):
        for line in files.follow(live, ended, sleep=time.sleep):
            print(line_entry(line), flush=True)
    else:
        view = told.client.fetch().projects[told.id]
        for line in _lines(told.client, told.id, execution_of(view, str(told.number)), live):
            print(line_entry(line))
    for event in last:
        print(event_entry(event))


def _appears(live: Path, ended: Callable[[], bool]) -> bool:
    """Whether the log came to be on this machine before the end."""
    while not live.is_file():
        if ended():
            return False
        time.sleep(0.1)
    return True


# -- events -----------------------------------------------------------------------------------------------------------


def events(
    follow: Follow = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="at most so many, the newest")] = 200,
    project: Annotated[str, typer.Option("--project", help="only of this project")] = "",
) -> None:
    """What happened, oldest first: the commits of winslow/state. With -f and -o json one object a line.

    Example: winslowctl events -f --project crossing
    """
    from state.log import events as read

    client, _ = settings.snapshot()
    every = read(client, limit=limit if not project else EVERYTHING)
    found = [e for e in every if not project or e.project == project][-limit:]
    if not follow and output.for_programs([asdict(e) for e in found]):
        return
    _tell(found)
    last = every[-1].commit if every else None
    while follow:
        time.sleep(0.5)
        newer = _newer(client, last)
        last = newer[-1].commit if newer else last
        _tell([e for e in newer if not project or e.project == project])


def _newer(client: "GitRepository", last: str | None) -> "list[EventRecord]":
    """A server that is away is asked again."""
    from state.errors import StateError
    from state.log import events as read

    try:
        client.fetch()
    except StateError:
        return []
    return read(client, limit=EVERYTHING, since=last)


def _tell(found: "Iterable[EventRecord]") -> None:
    from runner.logs import clean

    for event in found:
        if output.one_line(asdict(event)):
            continue
        where = f"{event.project or ''}" + (f"/{event.execution}" if event.execution else "")
        by = event.by or event.node or ""
        parts = (event.time, event.event.ljust(10), where, event.stage or "", event.text, f"({by})" if by else "")
        print(" ".join(clean(part) for part in parts if part), flush=True)


# -- compare ----------------------------------------------------------------------------------------------------------


def compare(
    left: Annotated[str, typer.Argument(metavar="PROJECT/N")],
    right: Annotated[str, typer.Argument(metavar="PROJECT/M")],
) -> None:
    """Two executions side by side: command, image, seconds, inputs, environment, values, metrics.

    Example: winslowctl compare crossing/3 crossing/8
    """
    from flow.compare import compare as side_by_side

    one, two = (_named_execution(name) for name in (left, right))
    rows = side_by_side(one, two)
    if not output.for_programs({"left": left, "right": right, "rows": [asdict(row) for row in rows]}):
        heads = ("", "NAME", output.shown(left), output.shown(right), "CHANGE")
        cells = [_cells(row) for row in rows if not _dull(row)]
        output.table(heads, cells)


def _dull(row: "Row") -> bool:
    """Nothing to learn from: neither has it."""
    return row.left in (None, "") and row.right in (None, "")


def _cells(row: "Row") -> list[str]:
    mark = "dim" if row.same else "bold"
    change = "" if row.change in (None, 0.0) else f"{row.change:+g}"
    percent = f" ({row.percent:+.1f}%)" if row.percent and row.change else ""
    return [
        row.group,
        output.shown(row.name),
        f"[{mark}]{output.shown(row.left, 60 if row.same else 200)}[/]",
        f"[{mark}]{'same' if _long(row) else output.shown(row.right)}[/]",
        change + percent,
    ]


def _long(row: "Row") -> bool:
    return row.same and len(str(row.left)) > 60


def _named_execution(name: str) -> "Execution":
    id, _, number = name.partition("/")
    if not number:
        raise CommandError(f"name an execution like {id}/3, not {name!r}", 2)
    return execution_of(settings.project(id)[2], number)
