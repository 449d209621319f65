"""Which commits report an execution."""

from collections.abc import Iterator

from state.history.events import EventRecord, reporting


def event(commit: str, event: str, project: str = "p", execution: int | None = 1) -> EventRecord:
    return EventRecord(commit, "", event, project, execution, None, None, None, None, None, None, None, "")


def test_each_kind_of_report_is_found_once_the_newest_first() -> None:
    events = [
        event("e", "board", "", None),
        event("d", "succeed"),
        event("c", "run"),
        event("b", "claim", execution=2),
        event("a", "claim"),
    ]
    assert reporting(events, {("p", 1)}) == {("p", 1): {"succeed": "d", "run": "c", "claim": "a"}}
    assert reporting(events, {("q", 1)}) == {}


def test_nothing_older_than_the_claims_is_looked_at() -> None:
    def endless() -> Iterator[EventRecord]:
        yield event("b", "claim")
        raise AssertionError("looked further")

    assert reporting(endless(), {("p", 1)}) == {("p", 1): {"claim": "b"}}
