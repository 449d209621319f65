"""The order of what waits: by priority, then whoever used least, then what waited longest. The same on every node.

Within one priority the accounts take turns: each stage that is placed counts as if it ran, so that somebody's thousand
stages do not stand before another's first. Splitting work into many projects changes nothing, for an account is a
person, a group or a tag. So that nothing starves behind higher priorities, a stage gains a point for each `aging` that
it has waited, up to the highest priority that waits: then it takes its turn among those.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from flow.fold.steps import Slot
from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot
from flow.order.accounts import account, person, tag
from flow.order.ledger import ledger
from flow.order.shares import SCALE, AccountShare, nothing_used, shares
from flow.project.replies import steps_of
from schema.reasons import End
from schema.spent import moment, rate

LONGEST = 1000
"""Points that waiting can add, many more than there are priorities."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """A slot that could be taken. `since` is the hour from which on it was wanted, by recorded times; `idle` that from
    which on it has waited: one that was interrupted ran in between, and keeps its place.
    """

    project: str
    slot: Slot
    person: str
    tag: str
    priority: int
    since: int
    idle: int
    rate: int


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """`priority` with what waiting added; `score` of its account, with what stands before it."""

    waiter: Waiter
    account: str
    priority: int
    score: int


def waiters(view: ProjectView) -> tuple[Waiter, ...]:
    return _waiters(view)


def _of(view: ProjectView) -> tuple[Waiter, ...]:
    if view.project is None or view.damage or view.deletion:
        return ()
    if view.tombstone and view.tombstone.state == "deleting":
        return ()
    project = view.project
    return tuple(_waiter(view, slot, project.priority) for slot in steps_of(view).slots)


def _waiter(view: ProjectView, slot: Slot, priority: int) -> Waiter:
    since = _since(view, slot)
    before = view.execution(slot.after_failure) if slot.after_failure else None
    gave_way = before is not None and before.reason is End.PREEMPTED
    idle = max(since, _ended(view, slot.after_failure) or 0) if gave_way and slot.after_failure else since
    return Waiter(view.id, slot, person(view, slot.chain), tag(view), priority, since, idle, _rate(slot))


_waiters: Memo[ProjectView, tuple[Waiter, ...]] = Memo(_of)


def _rate(slot: Slot) -> int:
    return rate(*slot.stage.counted, slot.stage.resources.gpus)


def _since(view: ProjectView, slot: Slot) -> int:
    """Since its request, or since the last of what it needs had ended."""
    reply = next((each for each in view.replies if each.request == slot.request), None)
    told = [moment(reply.at)] if reply else []
    for numbers in slot.needs.values():
        told += [hour * 3600.0 for number in numbers if (hour := _ended(view, number))]
    return int(max((each for each in told if each is not None), default=0.0) // 3600)


def _ended(view: ProjectView, number: int) -> int | None:
    record = view.execution(number)
    took = record.spent if record else None
    return took.hour if took else None


def order(snapshot: Snapshot, views: Iterable[ProjectView]) -> Iterator[QueuePlace]:
    """All that waits in these views, first things first. Only as much of it is sorted out as is asked for."""
    waiting = [each for view in views for each in waiters(view)]
    if not waiting:
        return
    share, highest = snapshot.settings.fair_share, max(each.priority for each in waiting)
    now = ledger(snapshot).now if min(each.priority for each in waiting) < highest else 0
    classes: dict[int, dict[str, list[Waiter]]] = {}
    for each in waiting:
        lifted = each.priority
        if lifted < highest:
            lifted = min(each.priority + _aged(each, now, share.aging), highest)
        classes.setdefault(lifted, {}).setdefault(account(share, each.person, each.tag), []).append(each)
    several = any(len(accounts) > 1 for accounts in classes.values())
    known = dict(shares(snapshot)) if several else {}
    for priority in sorted(classes, reverse=True):
        for name, waiter in _turns(classes[priority], known, share.weights):
            before = known.get(name) or nothing_used(share, name)
            yield QueuePlace(waiter, name, priority, before.score)
            known[name] = _with(before, waiter)


def _aged(waiter: Waiter, now: int, aging: float) -> int:
    return min(int(max(now - waiter.idle, 0) * 3600 / aging), LONGEST) if waiter.idle else 0


def _with(share: AccountShare, waiter: Waiter) -> AccountShare:
    """As if it ran."""
    more = share.score + _step(waiter, share.weight)
    return AccountShare(share.account, share.weight, share.used, share.now + waiter.rate, more)


def _step(waiter: Waiter, weight: float) -> int:
    return max(int(waiter.rate * SCALE / weight), 1)


def _turns(
    accounts: Mapping[str, list[Waiter]], known: Mapping[str, AccountShare], weights: Mapping[str, float]
) -> Iterator[tuple[str, Waiter]]:
    """Whoever has the lowest score, with what was placed before; of one account what waited longest."""
    queues = {name: iter(sorted(those, key=_age)) for name, those in accounts.items()}
    oldest = {name: min(each.since for each in those) for name, those in accounts.items()}
    heap = [(known[name].score if name in known else 0, oldest[name], name) for name in accounts]
    heapify(heap)
    while heap:
        score, _, name = heap[0]
        waiter = next(queues[name], None)
        if waiter is None:
            heappop(heap)
            continue
        yield name, waiter
        heapreplace(heap, (score + _step(waiter, weights.get(name, 1.0)), waiter.since, name))


def _age(waiter: Waiter) -> tuple[object, ...]:
    """Whatever its own priority: it stands in this class because of that, or of how long it has waited."""
    return (waiter.since, waiter.project, waiter.slot.chain, waiter.slot.point or 0, waiter.slot.name)
