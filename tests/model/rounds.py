"""A round of a node: it looks at the tip, goes through its journal, and sends at most one push or a heartbeat."""

from collections.abc import Iterator

from tests.model.explorer import Step
from tests.model.landing import heard
from tests.model.rules import Bounds, Rules
from tests.model.world import (
    ABORTED,
    ACTIVE,
    ASKED,
    CERTAIN,
    DONE,
    ENDED,
    EPOCHS,
    FAILED,
    FREE,
    GONE,
    GRANTED,
    LAPSED,
    LOST,
    NONE,
    NOTHING_TO_ABORT,
    OBEYED,
    RUNS,
    SENT,
    SILENT,
    STARTED,
    STOPPED,
    UNWATCHED,
    WATCHED,
    Held,
    Node,
    Push,
    Record,
    State,
)

Kept = Held | tuple[()]
Wish = tuple[str, Record, Kept]
"""What is pushed, the record as it will be, and the claim as it stands in the journal before that."""


class Rounds:
    def __init__(self, bounds: Bounds, rules: Rules) -> None:
        self.bounds, self.rules = bounds, rules
        self.lease = bounds.give_up if bounds.exclusive else bounds.lost_after

    def name(self, at: int) -> int:
        """n1 may be a copy of n0, with its name."""
        return 0 if self.bounds.copies and at == 1 else at

    def steps(self, state: State, at: int, node: Node) -> Iterator[Step[State]]:
        if node.foreign and self.rules.own_beat:
            return  # it says so, and does nothing
        if node.doubts > SILENT:
            if node.doubts == UNWATCHED:
                yield Step(f"n{at} looks, and waits", _with(state, at, node._replace(doubts=WATCHED)))
            return
        if node.doubts == SILENT:
            yield self._beats(state, at, node._replace(doubts=CERTAIN))  # it takes the name before all else
            return
        if self._halts(state, at, node):
            yield self._beats(state, at, node, halted=True)
            return
        looked = node._replace(held=tuple(self._tended(state, at, node, slot) for slot in range(len(state.slots))))
        if self.bounds.outages:
            looked = looked._replace(polled=2)
        if state.left.rewinds or self.bounds.outages:
            looked = looked._replace(saw=True)
        if wrong := self._stopped_wrongly(node, looked):
            yield Step(f"n{at} looks", state, wrong)
        if looked != node:
            yield Step(f"n{at} looks", _with(state, at, looked))
        yield self._beats(state, at, looked)
        if not self.rules.beats_count_from_the_look:
            yield self._beats(state, at, node)
        for slot, record in enumerate(state.slots):
            for kind, after, held in self._wishes(state, self.name(at), looked, slot, record):
                if kind == "lose" and self.bounds.outages and not node.saw:
                    continue  # it has only just seen it
                kept = (*looked.held[:slot], held, *looked.held[slot + 1 :])
                sent = looked._replace(held=kept, push=Push(kind, slot, after))
                wrong = self._sent_wrongly(state, at, kind, slot)
                yield Step(f"n{at} looks, and sends a {kind} of s{slot}", _with(state, at, sent), wrong)

    def _halts(self, state: State, at: int, node: Node) -> bool:
        if node.lost and self.rules.halts:
            return True
        return self.rules.listens and any(other.told for by, other in enumerate(state.nodes) if by != at)

    def _beats(self, state: State, at: int, node: Node, *, halted: bool = False) -> Step[State]:
        """It counts from that round's look."""
        held = tuple(each._replace(age=0) if each and each.phase in (GRANTED, STARTED) else each for each in node.held)
        beaten = node._replace(held=held, told=halted and node.lost)
        after = heard(_with(state, at, beaten), self.name(at))
        if self.bounds.copies and at < 2 and not state.left.copies:
            after = _with(after, 1 - at, after.nodes[1 - at]._replace(foreign=True))
        return Step(f"n{at} looks, and beats", after)

    def _stopped_wrongly(self, before: Node, after: Node) -> str:
        if before.lost and any(
            old and old.runs == RUNS and not new for old, new in zip(before.held, after.held, strict=True)
        ):
            return "a stage was stopped because a branch went back"
        return ""

    def _sent_wrongly(self, state: State, at: int, kind: str, slot: int) -> str:
        record = state.slots[slot]
        if kind == "claim" and record.asked == ASKED:
            return "a claim passed a request that its node had seen"
        if any(node.told for node in state.nodes):
            return "a node went on, though it could read that another one had halted"
        if kind == "lose" and state.unheard and state.unheard[record.owner] < self.bounds.lost_after - 1:
            return "a node was given up that nobody could hear, because nobody could hear anybody"
        twin = state.nodes[1 - at] if self.bounds.copies and at < 2 else None
        theirs = twin.held[slot] if twin and not twin.foreign else ()
        if kind == "failure" and theirs and theirs.runs == RUNS and state.quiet[0] < 2:
            return "a copy of a node's data said of a healthy stage that it had failed"
        return ""

    # -- the journal ------------------------------------------------------------------------------------------------

    def _tended(self, state: State, at: int, node: Node, slot: int) -> Kept:
        """One claim, judged by the record at the tip."""
        held, record = node.held[slot], state.slots[slot]
        if not held:
            return ()
        mine = record.number == held.number and record.owner == self.name(at)
        if mine and record.state == ACTIVE and record.container == held.container:
            held = held._replace(claim=record.claim)  # the answer to its push was lost
        if mine and record.claim == held.claim:
            if record.state == ACTIVE:
                return self._kept(held, record)
            if record.state == LOST and not self.bounds.exclusive and held.runs in (RUNS, ENDED):
                return held
        keeps = not self.rules.only_lost_comes_back or not self.rules.look_at_the_claim
        return held if keeps and held.runs in (RUNS, ENDED) else ()

    def _kept(self, held: Held, record: Record) -> Kept:
        rules = self.rules
        if held.phase == SENT:
            if not rules.adopt_after_lost_answer or (held.age >= self.lease and rules.moment_of_sending):
                return ()
            held = held._replace(phase=GRANTED, age=held.age if rules.moment_of_sending else 0)
        if held.phase == LAPSED and not self.bounds.exclusive and record.asked != ASKED:
            return ()  # it was never started, and is claimed anew
        unwanted = held.phase == LAPSED or record.asked == ASKED
        return held._replace(runs=STOPPED) if unwanted and held.runs in (NONE, RUNS) else held

    # -- pushes -----------------------------------------------------------------------------------------------------

    def _wishes(self, state: State, at: int, node: Node, slot: int, record: Record) -> Iterator[Wish]:
        held, mine = node.held[slot], record.owner == at
        carried = bool(held) and mine and (record.number, record.claim) == (held.number, held.claim)  # type: ignore[union-attr]
        if record.asked == ASKED:
            yield from self._answers(record, held if carried else ())
        if record.state == ACTIVE and not mine and self._given_up(state, node, record.owner):
            yield "lose", record._replace(state=LOST), held
        if not held:
            yield from self._unheld(state, at, node, slot, record)
        elif not carried:
            yield from self._outlived(node, at, slot, record, held)
        elif record.state == ACTIVE:
            yield from self._ends(record, held)
        elif record.state == LOST and record.asked != ASKED:
            yield from self._takes_back(node, slot, record, held)

    def _given_up(self, state: State, node: Node, owner: int) -> bool:
        if state.quiet[owner] < self.bounds.lost_after:
            return False
        return not state.unheard or not self.rules.connected_time or state.unheard[owner] >= self.bounds.lost_after - 1

    def _unheld(self, state: State, at: int, node: Node, slot: int, record: Record) -> Iterator[Wish]:
        """The journal knows of no claim here: take the slot, or go on where an answer was lost."""
        obeys = record.asked != ASKED or not self.rules.obey_before_claim
        if record.state in (FREE, LOST, FAILED) and record.number < self.bounds.executions and obeys:
            if not state.truce:
                number, claim = record.number + 1, self._fresh(node, at, slot, record, 1)
                new = Record(number, at, claim, claim, ACTIVE, record.accepted, record.asked)
                yield "claim", new, Held(number, claim, claim)
        elif record.state == ACTIVE and record.owner == at and self.rules.adopt_after_lost_answer:
            if self.bounds.exclusive:
                yield "failure", record._replace(state=FAILED), ()
            elif record.claim // EPOCHS < self.bounds.epochs and self._is_over(state, slot):
                claim = self._fresh(node, at, slot, record, record.claim // EPOCHS + 1)
                yield "reclaim", record._replace(claim=claim, container=claim), Held(record.number, claim, claim)

    def _is_over(self, state: State, slot: int) -> bool:
        """The lease of a claim that nobody here knows of: until then another process may start it."""
        return not state.since or not self.rules.strangers_wait or state.since[slot] >= self.bounds.lost_after

    def _answers(self, record: Record, held: Kept) -> Iterator[Wish]:
        """To an abort, with its effect in the same push."""
        if record.state == LOST or (held and record.state == ACTIVE and held.runs == STOPPED):
            state = ABORTED if self.rules.reply_with_effect else record.state
            yield "abort", record._replace(state=state, asked=OBEYED), held
        elif record.state not in (ACTIVE, LOST):
            yield "reply", record._replace(asked=NOTHING_TO_ABORT), held

    def _ends(self, record: Record, held: Held) -> Iterator[Wish]:
        if held.runs in (RUNS, ENDED):
            yield "result", record._replace(state=DONE, accepted=record.accepted + 1), held._replace(runs=ENDED)
        elif held.runs == GONE or (held.runs == STOPPED and record.asked != ASKED):
            yield "failure", record._replace(state=FAILED), held

    def _takes_back(self, node: Node, slot: int, record: Record, held: Held) -> Iterator[Wish]:
        epoch = record.claim // EPOCHS + 1
        if epoch <= self.bounds.epochs:
            claim = self._fresh(node, record.owner, slot, record, epoch) if self.rules.fresh_ids else record.claim
            yield "take-back", record._replace(claim=claim, state=ACTIVE), held

    def _outlived(self, node: Node, at: int, slot: int, record: Record, held: Held) -> Iterator[Wish]:
        """What no node does that keeps the rules: go on with a claim that the record does not carry any more."""
        if not self.rules.only_lost_comes_back and record.state == ACTIVE and record.number > held.number:
            claim = self._fresh(node, at, slot, record, held.claim // EPOCHS + 1)
            yield "take-back", Record(held.number, at, claim, held.container, ACTIVE, record.accepted), held
        if not self.rules.look_at_the_claim:
            done = Record(held.number, at, held.claim, held.container, DONE, record.accepted + 1)
            yield "result", done, held._replace(runs=ENDED)

    def _fresh(self, node: Node, at: int, slot: int, record: Record, epoch: int) -> int:
        """An id that stands nowhere."""
        held = node.held[slot]
        used = {held.claim, held.container} if held else set()
        used |= {each.record.claim for each in (node.push, node.late) if each and each.slot == slot}
        if record.owner == at:
            used |= {record.claim, record.container}
        return next(claim for claim in range(epoch * EPOCHS, (epoch + 1) * EPOCHS) if claim not in used)


def _with(state: State, at: int, node: Node) -> State:
    return state._replace(nodes=(*state.nodes[:at], node, *state.nodes[at + 1 :]))
