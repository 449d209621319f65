"""What a push does at the server, and what is promised of it: the product's own replay calls every commit legal."""

from collections.abc import Iterator
from functools import cache

from flow.model.replay import Change, ChangedRecord, judge
from schema.execution import Claim, Execution
from schema.execution import State as Word
from tests.model.rules import Rules
from tests.model.world import (
    ABORTED,
    ACTIVE,
    ASKED,
    DONE,
    EPOCHS,
    FAILED,
    LOST,
    OBEYED,
    SENT,
    UNWATCHED,
    Node,
    Push,
    Record,
    State,
)

WORDS = {
    ACTIVE: Word.RUNNING, LOST: Word.LOST, DONE: Word.SUCCEEDED, ABORTED: Word.ABORTED, FAILED: Word.FAILED,
}  # fmt: skip


def landed(state: State, rules: Rules, by: int, push: Push) -> tuple[State, str]:
    """The branch with that push on it, and the promise that is broken by it."""
    before = state.slots[push.slot]
    slots = (*state.slots[: push.slot], push.record, *state.slots[push.slot + 1 :])
    nodes = tuple(overtaken(node) for node in state.nodes) if rules.swap else state.nodes
    after = state._replace(slots=slots, nodes=nodes, gone=())
    if rules.claim_is_a_sign:
        after = heard(after, by)
    if state.since and push.record[:3] != before[:3]:
        after = after._replace(since=(*state.since[: push.slot], 0, *state.since[push.slot + 1 :]))
    if state.left.rewinds:
        after = after._replace(before=state.slots)
    return after, _wrong(by, before, push)


def overtaken(node: Node) -> Node:
    """What is under way was decided on an older tip now: it is refused, and a claim that was only sent is forgotten."""
    push, held = node.push, node.held
    if push and not push.landed:
        mine = held[push.slot]
        if mine and mine.phase == SENT and push.kind in ("claim", "reclaim"):
            held = (*held[: push.slot], (), *held[push.slot + 1 :])
        push = ()
    doubts = node.doubts and UNWATCHED  # there is news, perhaps of its own name
    return node._replace(push=push, late=(), held=held, saw=False, doubts=doubts)


def heard(state: State, of: int) -> State:
    """Others see a new sign of life."""
    unheard = state.unheard and (*state.unheard[:of], 0, *state.unheard[of + 1 :])
    return state._replace(quiet=(*state.quiet[:of], 0, *state.quiet[of + 1 :]), unheard=unheard)


def _wrong(by: int, before: Record, push: Push) -> str:
    after = push.record
    if after.accepted > 1:
        return "a slot has two accepted results"
    if flag := _flag(by, before._replace(asked=0), after._replace(asked=0)):
        return f"a commit that every node flags: {flag}"
    if before.asked == ASKED and after.asked == OBEYED and after.state != ABORTED:
        return "an abort was answered, and what it was aimed at goes on"
    return ""


@cache
def _flag(by: int, before: Record, after: Record) -> str:
    """What the product's own replay says of such a commit; nothing where it is legal."""
    if after.state == before.state and after.claim == before.claim:
        return ""  # a reply to a request changes no record
    accepted = tuple(_execution(before, Word.SUCCEEDED) for _ in range(before.accepted))
    flag = judge(Change("c", f"n{by}", f"n{by}", tuple(_documents(before, after)), accepted=accepted))
    return flag.paths[0].why if flag else ""


def _documents(before: Record, after: Record) -> Iterator[ChangedRecord]:
    renewed = (after.number, after.claim) != (before.number, before.claim)
    anew = after.state == ACTIVE and renewed and after.container == after.claim
    new = _execution(after, Word.CLAIMED if anew else WORDS[after.state])
    if before.number > after.number:  # an execution that another one has replaced
        yield _document(_execution(after, Word.SUPERSEDED), new)
    elif before.number == after.number:
        yield _document(_execution(before, WORDS[before.state]), new)
    else:
        yield _document(None, new)
        if before.state == LOST:
            yield _document(_execution(before, Word.LOST), _execution(before, Word.SUPERSEDED))


def _document(before: Execution | None, after: Execution) -> ChangedRecord:
    return ChangedRecord(f"projects/p/executions/{after.execution:04d}-s.yaml", "b", before, after)


def _execution(record: Record, state: Word) -> Execution:
    claim = Claim(
        id=_id(record, record.claim),
        container=_id(record, record.container),
        node=f"n{record.owner}",
        incarnation="i",
        epoch=record.claim // EPOCHS,
    )
    return Execution(execution=record.number, stage="s", chain=1, request="0001-start", state=state, claim=claim)


def _id(record: Record, claim: int) -> str:
    return f"{record.owner * 10_000 + record.number * 100 + claim:032x}"
