"""The checker of the chaos runs can fail: forged histories, each with one broken promise."""

from collections.abc import Callable

import pytest

from schema.documents import render
from schema.execution import Claim, Execution, State
from schema.reply import Reply
from tests.chaos.checker import History, Ran, violations

CLAIMED = Execution(
    execution=1, stage="one", chain=1, request="0001-start.yaml", state=State.CLAIMED,
    claim=Claim(id="a" * 32, container="a" * 32, node="n1", incarnation="i"),
)  # fmt: skip
DONE = CLAIMED.model_copy(update={"state": State.SUCCEEDED})
REPLY = Reply(seq=1, request="0001-start.yaml", kind="start", verdict="accepted")
AT = "projects/v/executions/0001-one.yaml"
ANSWERED = "projects/v/replies/0001-start.yaml"
RAN = [Ran("begin", "a" * 32, "v", 1, "one"), Ran("end", "a" * 32, "v", 1, "one")]


def told(*changes: dict[str, Execution | Reply | None], ran: list[Ran] = RAN, seen: tuple[str, ...] = ()) -> list[str]:
    texts = [{path: render(doc).encode() if doc else None for path, doc in change.items()} for change in changes]
    history = History(texts, ["1"] * len(texts), [f"t{number}" for number in range(len(texts))])
    return list(violations(history, ran, seen, lambda before, after: before <= after))


def test_an_honest_history_has_none() -> None:
    assert told({ANSWERED: REPLY}, {AT: CLAIMED}, {AT: DONE}, seen=("t0", "t2")) == []


def second(execution: Execution) -> Execution:
    claim = execution.claim.model_copy(update={"id": "b" * 32, "container": "b" * 32})
    return execution.model_copy(update={"execution": 2, "claim": claim})


OTHER = AT.replace("0001", "0002")
BOTH = [*RAN, Ran("begin", "b" * 32, "v", 2, "one"), Ran("end", "b" * 32, "v", 2, "one")]
FORGED: dict[str, Callable[[], list[str]]] = {
    "two accepted results": lambda: told(
        {AT: CLAIMED, OTHER: second(CLAIMED)}, {AT: DONE, OTHER: second(DONE)}, ran=BOTH
    ),
    "never came to its end": lambda: told({AT: CLAIMED}, {AT: DONE}, ran=RAN[:1]),
    "was started 2 times": lambda: told({AT: CLAIMED}, {AT: DONE}, ran=[RAN[0], *RAN]),
    "went from succeeded to claimed": lambda: told({AT: CLAIMED}, {AT: DONE}, {AT: CLAIMED}),
    "begins as succeeded": lambda: told({AT: DONE}),
    "was removed": lambda: told({AT: CLAIMED}, {AT: None}),
    "was written twice": lambda: told({ANSWERED: REPLY}, {ANSWERED: REPLY.model_copy(update={"text": "else"})}),
    "are numbered [2]": lambda: told({ANSWERED: REPLY.model_copy(update={"seq": 2})}),
    "is not in the history": lambda: told({ANSWERED: REPLY}, seen=("gone",)),
}


@pytest.mark.parametrize("words", FORGED)
def test_a_forged_one_is_seen(words: str) -> None:
    found = FORGED[words]()
    assert any(words in each for each in found), found


def test_wanted_that_goes_back_and_merges_are_seen() -> None:
    found = list(violations(History([{}, {}], ["2", "1"], ["a", "b"], merges=1), [], (), lambda b, a: b <= a))
    assert [each.split(" from")[0] for each in found] == ["winslow/state has merges", "Winslow-Wanted went back"]
