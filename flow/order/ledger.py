"""What was ever used, from the records: by person, first tag and day, in whole numbers. The same from any order.

The sums of a snapshot are those of the one before, with what changed: of ten thousand projects that rest each costs one
comparison. What an execution took is at hand without unpacking it (`Execution.spent`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot
from flow.order.accounts import person, tag

AHEAD = 7 * 24
"""Hours by which the newest node's clock counts beyond that of the next one: a clock that jumped decides nothing."""
Key = tuple[str, str, int]
"""Person, first tag, day since 1970."""


@dataclass(frozen=True, slots=True)
class ProjectUse:
    """Of one project. `hours` are the last ones in which something ended, by node."""

    cost: Mapping[Key, int]
    hours: Mapping[str, int]


NO_USE = ProjectUse({}, {})


def _use(view: ProjectView) -> ProjectUse:
    cost: Counter[Key] = Counter()
    hours: dict[str, int] = {}
    first_tag = tag(view)
    for record in view.executions:
        if record.state.ended and (took := record.spent):
            cost[person(view, record.chain), first_tag, took.day] += took.cost * took.milliseconds
            hours[took.node] = max(hours.get(took.node, 0), took.hour)
    return ProjectUse(cost, hours) if hours else NO_USE


use: Memo[ProjectView, ProjectUse] = Memo(_use)


@dataclass(frozen=True, slots=True)
class Ledger:
    """`newest`: the last hour in which something ended, by node. Costs are thousandths of a core, for milliseconds."""

    cost: Mapping[Key, int] = field(default_factory=dict)
    newest: Mapping[str, int] = field(default_factory=dict)
    views: Mapping[str, ProjectView] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """The hour that the records have come to. One node alone cannot carry it far beyond the others."""
        hours = sorted(self.newest.values(), reverse=True)
        if len(hours) < 2:
            return hours[0] if hours else 0
        return min(hours[0], hours[1] + AHEAD)


_LAST: list[Ledger] = [Ledger()]


def _of(snapshot: Snapshot) -> Ledger:
    found = _changed(_LAST[0], snapshot)
    _LAST[0] = found
    return found


def _changed(before: Ledger, snapshot: Snapshot) -> Ledger:
    views, known = snapshot.projects, before.views
    pairs: list[tuple[ProjectView | None, ProjectView | None]] = [
        (known.get(id), view) for id, view in views.items() if known.get(id) is not view
    ]
    if len(known) + sum(old is None for old, _ in pairs) != len(views):
        pairs += [(view, None) for id, view in known.items() if id not in views]
    if len(pairs) > len(views) // 2 or any(_shrank(before, old, new) for old, new in pairs):
        return _summed(views)
    cost, newest = dict(before.cost), dict(before.newest)
    for old, new in pairs:
        _add(cost, old, -1)
        _add(cost, new, 1)
        _note(newest, new)
    return Ledger(cost, newest, views)


def _shrank(before: Ledger, old: ProjectView | None, new: ProjectView | None) -> bool:
    """Whether the newest hour of a node may have gone with it. What has ended stays, so that is seldom."""
    if old is None:
        return False
    after = use(new).hours if new else {}
    return any(before.newest.get(node) == hour > after.get(node, 0) for node, hour in use(old).hours.items())


def _summed(views: Mapping[str, ProjectView]) -> Ledger:
    cost: dict[Key, int] = {}
    newest: dict[str, int] = {}
    for view in views.values():
        _add(cost, view, 1)
        _note(newest, view)
    return Ledger(cost, newest, views)


def _note(newest: dict[str, int], view: ProjectView | None) -> None:
    for node, hour in use(view).hours.items() if view else ():
        newest[node] = max(newest.get(node, 0), hour)


def _add(cost: dict[Key, int], view: ProjectView | None, sign: int) -> None:
    for key, amount in use(view).cost.items() if view else ():
        cost[key] = cost.get(key, 0) + sign * amount
        if not cost[key]:
            del cost[key]


ledger: Memo[Snapshot, Ledger] = Memo(_of, 8)
