"""What can happen next: rounds of nodes, pushes that land or do not, starts, crashes, people, and time.

A node that sleeps, is cut off or is slow is one that does nothing for a while. Every node may do nothing at any time,
for as long as the search likes, so partitions and suspensions need no steps of their own. A round is a look with what
follows from it; that others act between a look and a push is seen as a push that is on its way for so long.
"""

from collections.abc import Iterator

from tests.model.explorer import Step
from tests.model.landing import landed, overtaken
from tests.model.rounds import Rounds
from tests.model.rules import Bounds, Rules
from tests.model.world import (
    ACTIVE,
    ASKED,
    ENDED,
    GONE,
    GRANTED,
    LAPSED,
    NONE,
    RUNS,
    SENT,
    SILENT,
    STARTED,
    STOPPED,
    UNASKED,
    UNWATCHED,
    Held,
    Left,
    Node,
    Push,
    Record,
    State,
)

Steps = Iterator[Step[State]]
Kept = Held | tuple[()]


class Protocol:
    def __init__(self, bounds: Bounds, rules: Rules | None = None) -> None:
        self.bounds, self.rules = bounds, rules or Rules()
        self.rounds = Rounds(bounds, self.rules)
        self.lapses = self.rules.lapse_is_final and self.rules.lease_before_start
        self.oldest = bounds.give_up + bounds.kill if bounds.exclusive else bounds.lost_after

    def start(self) -> State:
        bounds = self.bounds
        node = Node(((),) * bounds.slots)
        left = Left(bounds.answers, bounds.crashes, bounds.reboots, bounds.aborts, bounds.rewinds, bounds.copies)
        none = (0,) * bounds.nodes
        nodes = tuple(node._replace(role=at + 1 if bounds.copies and at < 2 else 0) for at in range(bounds.nodes))
        since = (0,) * bounds.slots if bounds.copies else ()
        return State((Record(),) * bounds.slots, nodes, none, left, none if bounds.outages else (), since=since)

    def steps(self, state: State) -> Steps:
        for at, node in enumerate(state.nodes):
            if at == 1 and state.left.copies:
                continue  # it does not exist yet
            if node.push:
                yield from self._waits(state, at, node, node.push)
            else:
                yield from self.rounds.steps(state, at, node)
            yield from self._starts(state, at, node)
            if node.late:
                late, wrong = self._land(_with(state, at, node._replace(late=())), at, node.late)
                yield Step(f"the {node.late.kind} of s{node.late.slot} by n{at} lands late", late, wrong)
            yield from self._breaks(state, at, node)
        yield from self._people(state)
        yield Step("a tick", self._later(state))

    # -- the network ------------------------------------------------------------------------------------------------

    def _waits(self, state: State, at: int, node: Node, push: Push) -> Steps:
        """A push lands, and its node hears of it, or does not, or only later."""
        what = f"the {push.kind} of s{push.slot} by n{at}"
        if push.landed:
            yield Step(f"{what} is answered", _with(state, at, self._told(node._replace(push=()), push)))
            return
        if not self.bounds.deaf:
            if self.rules.lease_from_sending:
                after, wrong = self._land(_with(state, at, self._told(node._replace(push=()), push)), at, push)
                yield Step(f"{what} lands", _saw(after, at), wrong)
            else:
                waits = node._replace(push=push._replace(landed=1))
                after, wrong = self._land(_with(state, at, waits), at, push)
                yield Step(f"{what} lands", after, wrong)
        if state.left.answers or self.bounds.deaf:
            spent = state._replace(left=state.left._replace(answers=max(state.left.answers - 1, 0)))
            after, wrong = self._land(_with(spent, at, node._replace(push=())), at, push)
            yield Step(f"{what} lands, and the answer is lost", after, wrong)
            late = node._replace(push=(), late=push)
            yield Step(f"n{at} waits no longer for {what}", _with(spent, at, late))

    def _land(self, state: State, at: int, push: Push) -> tuple[State, str]:
        return landed(state, self.rules, self.rounds.name(at), push)

    def _told(self, node: Node, push: Push) -> Node:
        held = node.held[push.slot]
        kept: Kept = held
        if push.kind in ("claim", "reclaim") and held and held.phase == SENT:
            kept = held._replace(phase=GRANTED, age=held.age if self.rules.lease_from_sending else 0)
        elif push.kind == "take-back" and held:
            kept = held._replace(claim=push.record.claim)
        elif push.kind in ("result", "failure", "abort", "give up"):
            kept = ()
        return node._replace(held=put(node.held, push.slot, kept))

    # -- containers -------------------------------------------------------------------------------------------------

    def _starts(self, state: State, at: int, node: Node) -> Steps:
        for slot, held in enumerate(node.held):
            if held and self._may_start(node, held):
                runs = held._replace(phase=STARTED, runs=RUNS)
                after = _with(state, at, node._replace(held=put(node.held, slot, runs)))
                yield Step(f"n{at} starts s{slot}", after, self._started_wrongly(state, at, slot, held))

    def _may_start(self, node: Node, held: Held) -> bool:
        rules = self.rules
        if held.runs != NONE or held.phase not in (GRANTED, SENT):
            return False
        if held.phase == SENT and rules.start_after_landing:
            return False
        if not rules.lease_before_start:
            return True
        return held.age < self.rounds.lease

    def _started_wrongly(self, state: State, at: int, slot: int, held: Held) -> str:
        others = (node.held[slot] for by, node in enumerate(state.nodes) if by != at)
        if self.bounds.exclusive and any(other and other.runs == RUNS for other in others):
            return "an exclusive stage runs twice at a time"
        if state.left.rewinds != self.bounds.rewinds:
            return ""  # what a branch carries that went back says nothing of who holds what
        record = state.slots[slot]
        name = self.rounds.name(at)
        if (record.owner, record.number, record.claim) == (name, held.number, held.claim) and record.state == ACTIVE:
            return ""
        return "a stage was started under a claim that the record does not carry"

    # -- what breaks ------------------------------------------------------------------------------------------------

    def _breaks(self, state: State, at: int, node: Node) -> Steps:
        left = state.left
        if left.crashes:
            crashed = _with(state, at, self._anew(node))
            yield Step(f"n{at} crashes", crashed._replace(left=left._replace(crashes=left.crashes - 1)))
        if left.reboots:
            gone = tuple(self._powerless(held) for held in node.held)
            rebooted = _with(state, at, self._anew(node._replace(held=gone)))
            yield Step(f"the machine of n{at} reboots", rebooted._replace(left=left._replace(reboots=left.reboots - 1)))

    def _anew(self, node: Node) -> Node:
        """A process that begins: journal and containers are there, and what it knew of its heartbeats is not."""
        late = node.push if node.push and not node.push.landed else node.late
        held = tuple(
            each._replace(phase=LAPSED) if each and each.phase == GRANTED and self.lapses else each
            for each in node.held
        )
        return node._replace(held=held, polled=0, push=(), late=late)

    def _powerless(self, held: Kept) -> Kept:
        if not held:
            return ()
        return held._replace(runs=GONE if held.runs == RUNS else held.runs, age=self.oldest)

    # -- people, and time -------------------------------------------------------------------------------------------

    def _people(self, state: State) -> Steps:
        left = state.left
        for slot, record in enumerate(state.slots) if left.aborts else ():
            if record.asked == UNASKED:
                slots = put(state.slots, slot, record._replace(asked=ASKED))
                asked = state._replace(slots=slots, left=left._replace(aborts=left.aborts - 1))
                yield Step(f"somebody aborts s{slot}", asked)
        if left.rewinds and state.before:
            yield Step("winslow/state goes back by a commit", _rewound(state, self.bounds.exclusive))
        if any(node.lost for node in state.nodes):
            yield from self._recovers(state)
        if left.copies:
            copied = _with(state, 1, self._copied(state.nodes[0]))
            yield Step("somebody starts a copy of n0 as n1", copied._replace(left=left._replace(copies=0)))

    def _copied(self, node: Node) -> Node:
        """Of its journal, on a machine that has none of its containers."""
        held = tuple(self._powerless(each) for each in self._anew(node).held)
        lacks = any(each and each.runs in (NONE, GONE) for each in held)
        return Node(held, role=2, doubts=UNWATCHED if lacks and self.rules.doubts else 0)

    def _recovers(self, state: State) -> Steps:
        """A person decides, once those who lost something have said so."""
        if not all(node.told for node in state.nodes if node.lost):
            return
        found = tuple(overtaken(node._replace(lost=False, told=False)) for node in state.nodes)
        if state.gone:
            yield Step("a person puts it back", state._replace(slots=state.gone, gone=(), nodes=found))
        wait = self.bounds.lost_after if self.rules.truce else 0
        yield Step("a person lets the loss stand", state._replace(gone=(), nodes=found, truce=wait))

    def _later(self, state: State) -> State:
        most = self.bounds.lost_after
        looked = any(node.polled == 2 for node in state.nodes)
        return state._replace(
            nodes=tuple(self._older(node) for node in state.nodes),
            quiet=tuple(min(each + 1, most) for each in state.quiet),
            unheard=tuple(min(each + looked, most) for each in state.unheard),
            since=tuple(min(each + 1, most) for each in state.since),
            truce=max(state.truce - 1, 0),
        )

    def _older(self, node: Node) -> Node:
        held = tuple(self._aged(each) if each else () for each in node.held)
        return node._replace(
            polled=max(node.polled - 1, 0), held=held, doubts=node.doubts - (SILENT < node.doubts < UNWATCHED)
        )

    def _aged(self, held: Held) -> Held:
        """An exclusive stage is ended in time by its watchdog, whatever its node does."""
        bounds, rules = self.bounds, self.rules
        if held.runs == ENDED or (held.phase == STARTED and not bounds.exclusive):
            return held
        age = min(held.age + 1, self.oldest)
        if age >= self.rounds.lease and held.phase != SENT and held.runs in (NONE, RUNS) and self.lapses:
            held = held._replace(phase=LAPSED)
        if bounds.exclusive and age >= bounds.give_up + bounds.kill and held.runs == RUNS and rules.watchdog:
            held = held._replace(runs=STOPPED)
        return held._replace(age=age)


def _rewound(state: State, exclusive: bool) -> State:
    """What is exclusive is promised only from when it can be read that somebody has halted."""
    nodes = tuple(_robbed(overtaken(node), node.saw, exclusive) for node in state.nodes)
    left = state.left._replace(rewinds=state.left.rewinds - 1)
    return state._replace(slots=state.before, before=(), gone=state.slots, nodes=nodes, left=left)


def _robbed(node: Node, saw: bool, exclusive: bool) -> Node:
    return node._replace(lost=node.lost or saw, told=node.told or (saw and exclusive))


def put(values: tuple, at: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*values[:at], value, *values[at + 1 :])


def _with(state: State, at: int, node: Node) -> State:
    return state._replace(nodes=put(state.nodes, at, node))


def _saw(state: State, at: int) -> State:
    return _with(state, at, state.nodes[at]._replace(saw=True)) if state.left.rewinds else state
