"""The checker of the chaos runs can fail: forged histories, each with one broken promise."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from schema.documents import render
from schema.execution import Claim, Execution, State
from schema.reply import Reply
from tests.chaos.checker import Checker
from tests.chaos.history import Changes, History, Ran

CLAIM = Claim(id="a" * 32, container="a" * 32, node="n1", incarnation="i")
CLAIMED = Execution(execution=1, stage="one", chain=1, request="0001-start.yaml", state=State.CLAIMED, claim=CLAIM)
DONE = CLAIMED.model_copy(update={"state": State.SUCCEEDED})
REPLY = Reply(seq=1, request="0001-start.yaml", kind="start", verdict="accepted")
AT = "projects/v/executions/0001-one.yaml"
OTHER = "projects/v/executions/0002-one.yaml"
ASKED = "projects/v/requests/0001-start.yaml"
ANSWERED = "projects/v/replies/0001-start.yaml"
BEGIN, END = Ran("begin", 1, "a" * 32, "v", 1, "one"), Ran("end", 2, "a" * 32, "v", 1, "one")
RAN = [BEGIN, END]
Change = Mapping[str, Execution | Reply | bytes | None]


def look(*changes: Change, ran: list[Ran] = RAN, asked: tuple[str, ...] = (ASKED,)) -> Checker:
    """Moves and commits are letters; each descends from those before it in the alphabet."""
    texts: list[Changes] = [{path: _bytes(document) for path, document in change.items()} for change in changes]
    history = History(texts, ["1"] * len(texts), asked=frozenset(asked))
    return Checker(history, ran, lambda before, after: before <= after)


def _bytes(document: Execution | Reply | bytes | None) -> bytes | None:
    return document if isinstance(document, bytes | None) else render(document).encode()


def told(*changes: Change, ran: list[Ran] = RAN, asked: tuple[str, ...] = (ASKED,)) -> list[str]:
    return look(*changes, ran=ran, asked=asked).found


def second(execution: Execution, stage: str = "one") -> Execution:
    claim = execution.claim.model_copy(update={"id": "b" * 32, "container": "b" * 32})
    return execution.model_copy(update={"execution": 2, "claim": claim, "stage": stage})


def ran_second(stage: str = "one", begin: int = 3) -> list[Ran]:
    line = Ran("begin", begin, "b" * 32, "v", 2, stage)
    return [*RAN, line, replace(line, what="end", at=9)]


def test_an_honest_history_has_none() -> None:
    seen = look({ANSWERED: REPLY}, {AT: CLAIMED}, {AT: DONE})
    assert seen.found == []
    assert list(seen.unfinished(["v"], ["one"])) == []


SUPERSEDED = CLAIMED.model_copy(update={"state": State.SUPERSEDED})
STOLEN = DONE.model_copy(update={"claim": CLAIM.model_copy(update={"id": "c" * 32, "epoch": 2})})
FORGED: dict[str, Callable[[], list[str]]] = {
    "two accepted results": lambda: told(
        {AT: CLAIMED, OTHER: second(CLAIMED)}, {AT: DONE, OTHER: second(DONE)}, ran=ran_second()
    ),
    "was superseded, and then succeeded": lambda: told({AT: CLAIMED}, {AT: SUPERSEDED}, {AT: DONE}),
    "was accepted from claim cccccccc, while aaaaaaaa": lambda: told({AT: CLAIMED}, {AT: STOLEN}),
    "never came to its end": lambda: told({AT: CLAIMED}, {AT: DONE}, ran=[BEGIN]),
    "its container ran v/7 one": lambda: told({AT: CLAIMED}, {AT: DONE}, ran=[BEGIN, replace(END, execution=7)]),
    "was started 2 times": lambda: told({AT: CLAIMED}, {AT: DONE}, ran=[BEGIN, *RAN]),
    "went from succeeded to claimed": lambda: told({AT: CLAIMED}, {AT: DONE}, {AT: CLAIMED}),
    "begins as succeeded": lambda: told({AT: DONE}),
    "was removed": lambda: told({AT: CLAIMED}, {AT: None}),
    "does not parse": lambda: told({"inventory/n1.yaml": b"node: [\n"}),
    "was written twice": lambda: told({ANSWERED: REPLY}, {ANSWERED: REPLY.model_copy(update={"text": "else"})}),
    "and nobody asked it": lambda: told({ANSWERED: REPLY}, asked=()),
    "are numbered [2]": lambda: told({ANSWERED: REPLY.model_copy(update={"seq": 2})}),
}


@pytest.mark.parametrize("words", FORGED)
def test_a_forged_one_is_seen(words: str) -> None:
    found = FORGED[words]()
    assert any(words in each for each in found), found


NEXT = ["one", "two"]
LEFT: dict[str, Callable[[], Checker]] = {
    "was never answered": lambda: look(),
    "chain 1 has 0 accepted results of one": lambda: look({ANSWERED: REPLY}, {AT: CLAIMED}),
    "chain 1 has 2 accepted results of one": lambda: look(
        {ANSWERED: REPLY}, {AT: CLAIMED, OTHER: second(CLAIMED)}, {AT: DONE, OTHER: second(DONE)}, ran=ran_second()
    ),
    "two began before the end of what it builds on": lambda: look(
        {ANSWERED: REPLY},
        {AT: CLAIMED, OTHER: second(CLAIMED, "two")},
        {AT: DONE, OTHER: second(DONE, "two")},
        ran=ran_second("two", begin=1),
    ),
}


@pytest.mark.parametrize("words", LEFT)
def test_what_is_left_is_seen(words: str) -> None:
    found = list(LEFT[words]().unfinished(["v"], NEXT))
    assert any(words in each for each in found), found


def test_branches_that_go_back_and_merges_are_seen() -> None:
    history = History([{}, {}], ["2", "1"], merges=1, moves={"state": [("0" * 40, "1"), ("1", "2"), ("2", "1")]})
    found = Checker(history, [], lambda before, after: before <= after).found
    assert found == [
        "state was rewritten from 2 to 1",
        "winslow/state has merges",
        "Winslow-Wanted went back from 2 to 1",
    ]


def test_a_deleted_branch_is_seen() -> None:
    history = History(moves={"state": [("1", "0" * 40)]})
    assert Checker(history, [], lambda before, after: True).found
