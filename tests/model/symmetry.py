"""States that differ only in the names of nodes and slots are one: the search visits one of them.

Nodes are named in records only, as owners. So a state is known by its records without owners, and by what each node is,
with the slots that it owns, in any order.
"""

from itertools import groupby, permutations, product

from tests.model.world import ACTIVE, FREE, Push, State


def key(state: State) -> tuple[object, ...]:
    """The same for two states that are one but for names, and for no others."""
    rest = (state.left, state.truce)
    return min(
        (_slots(state, order), tuple(sorted(_node(state, at, order) for at in range(len(state.nodes)))), rest)
        for order in _orders(state)
    )


def _orders(state: State) -> "list[tuple[int, ...]]":
    """Of the slots, by their records; those with equal records in every order."""
    if len(state.slots) == 1:
        return [(0,)]
    records = [record[2:] + record[:1] for record in state.slots]
    order = sorted(range(len(records)), key=records.__getitem__)
    ties = [list(group) for _, group in groupby(order, records.__getitem__)]
    return [tuple(slot for tie in choice for slot in tie) for choice in product(*map(permutations, ties))]


def _slots(state: State, order: tuple[int, ...]) -> tuple[object, ...]:
    lines = [line for line in (state.slots, state.before, state.gone) if line]
    since = [state.since[slot] for slot in order if state.since]
    return (*(line[slot][2:] + line[slot][:1] for line in lines for slot in order), bool(state.gone), *since)


def _node(state: State, at: int, order: tuple[int, ...]) -> tuple[object, ...]:
    node = state.nodes[at]
    owns = tuple(
        line[slot][1] == at and line[slot][4] != FREE
        for line in (state.slots, state.before, state.gone)
        if line
        for slot in order
    )
    holds = any(record.owner == at and record.state == ACTIVE for record in state.slots)
    quiet = state.quiet[at] if holds else 0  # how long others were silent is of no interest
    unheard = state.unheard[at] if state.unheard and holds else 0
    held = tuple(node.held[slot] for slot in order)
    return (owns, quiet, unheard, held, _push(node.push, order), _push(node.late, order), node[3:])


def _push(push: Push | tuple[()], order: tuple[int, ...]) -> tuple[object, ...]:
    """Who owns what it is about follows from the tip."""
    return (order.index(push.slot), push.kind, push.landed, push.record[2:], push.record[0]) if push else ()
