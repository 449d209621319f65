"""Parts of a log fit together: every line and every event once, in the order of their times."""

import re
from dataclasses import replace

import pytest

from runner.logs.log_source import TextSource
from webui.logs import log_pages
from webui.logs.log_pages import LogPart, LogParts, Numbers
from webui.logs.log_rows import LogEvent
from webui.logs.logbook import Logbook


def moment(second: int, part: int = 0) -> str:
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}.{part:06d}Z"


def book(lines: int, *events: LogEvent, live: bool = False, rest: str = "") -> Logbook:
    text = "".join(f"{moment(number)} O line {number}\n" for number in range(1, lines + 1))
    return Logbook(TextSource(f"k{lines}{rest}", text + rest), events, live=live)


def shown(part: LogPart) -> list[str]:
    return re.findall(r'<span class="tx">(.*?)</span></div>', part.rows)


CLAIMED = LogEvent(moment(0), "claimed")
MIDDLE = LogEvent(moment(50, 500), "in the middle")
ENDED = LogEvent(moment(3000), "ended")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pages, "LINES", 7)


@pytest.fixture
def parts() -> LogParts:
    return LogParts(Numbers())


WHOLE = [
    "claimed",
    *(f"line {n}" for n in range(1, 51)),
    "in the middle",
    *(f"line {n}" for n in range(51, 91)),
    "ended",
]


def test_R1450_backwards_from_the_end_every_line_and_event_is_met_once(parts: LogParts) -> None:
    log = book(90, CLAIMED, MIDDLE, ENDED)
    part = parts.tail(log)
    found, number = shown(part), part.number
    while part.start:
        assert number == 91 - sum(text.startswith("line") for text in found)
        part = parts.before(log, part.start)
        found, number = [*shown(part), *found], part.number
    assert found == WHOLE


def test_R1450_forwards_from_the_beginning_too(parts: LogParts) -> None:
    log = book(90, CLAIMED, MIDDLE, ENDED)
    part = parts.after(log, 0)
    found = shown(part)
    while not part.last:
        part = parts.after(log, part.end)
        found += shown(part)
    assert found == WHOLE
    assert part.next == f"{log.source.size()}-3"


def test_a_line_is_opened_by_its_number(parts: LogParts) -> None:
    part = parts.around(book(90), 60)
    assert 'id="L60"' in parts.after(book(90), part.start).rows or part.number == 20
    assert parts.around(book(90), 5000).last, "beyond the end the end is shown"


def test_a_line_that_is_not_whole_is_left_to_the_stream_while_the_stage_runs(parts: LogParts) -> None:
    live, over = book(3, live=True, rest=f"{moment(4)} O ha"), book(3, rest=f"{moment(4)} O ha")
    assert shown(parts.tail(live)) == ["line 1", "line 2", "line 3"]
    assert parts.tail(live).last
    assert parts.tail(live).end == live.source.size() - len(f"{moment(4)} O ha")
    assert shown(parts.tail(over))[-1] == "ha"


def test_without_output_there_are_the_events(parts: LogParts) -> None:
    assert shown(parts.tail(book(0, CLAIMED, ENDED))) == ["claimed", "ended"]


def test_numbers_that_take_long_are_counted_beside() -> None:
    log, numbers = replace(book(90), near=-1), Numbers()
    part = LogParts(numbers).tail(log)
    assert part.number is None
    assert 'id="L' not in part.rows
    assert numbers.at(log.source, part.start, wait=True) == 84
