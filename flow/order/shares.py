"""Who used how much: the sums of the ledger, halved with age, and what runs now. Anybody can compute it again.

An account's score is what it used on average over the half-life, and what it has now, divided by its weight: whoever
has the lowest goes first. Ages are counted from the newest hour that the records tell, not from anybody's clock, and in
decimal numbers, so that it is the same on every machine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot
from flow.order.accounts import account, person, tag
from flow.order.ledger import Ledger, ledger
from flow.project.active import open_views
from schema.execution import Execution
from schema.fairness import FairShare
from schema.spent import rate

DAY = 86_400
OLDEST = 20
"""Half-lives after which nothing counts any more."""
SCALE = 10**6
"""Of a score to a rate, so that a stage of a tenth of a second counts."""
_CONTEXT = Context(prec=28)


@dataclass(frozen=True, slots=True)
class AccountShare:
    """`used` in core-hours as they count now; `now` is the rate of what runs, in thousandths of a core."""

    account: str
    weight: float
    used: float
    now: int
    score: int


def shares(snapshot: Snapshot) -> Mapping[str, AccountShare]:
    return _shares(snapshot)


def _all(snapshot: Snapshot) -> Mapping[str, AccountShare]:
    share = snapshot.settings.fair_share
    used, running = decayed(share, ledger(snapshot)), rates(share, open_views(snapshot))
    return {name: _share(share, name, used.get(name, 0), running.get(name, 0)) for name in sorted({*used, *running})}


_shares: Memo[Snapshot, Mapping[str, AccountShare]] = Memo(_all, 8)


def nothing_used(share: FairShare, name: str) -> AccountShare:
    return _share(share, name, 0, 0)


def _share(share: FairShare, name: str, used: int, now: int) -> AccountShare:
    """`used` in thousandths of a core for a millisecond."""
    weight = share.weights.get(name, 1.0)
    return AccountShare(name, weight, round(used / 3.6e9, 3), now, _score(share, weight, used, now))


def _score(share: FairShare, weight: float, used: int, now: int) -> int:
    average = Decimal(used) / Decimal(max(round(share.half_life * 1000), 1))
    return int((average + now) * SCALE / Decimal(str(weight)))


def decayed(share: FairShare, known: Ledger) -> dict[str, int]:
    """By account. A day beyond the newest one counts as that."""
    today = known.now // 24
    oldest = today - int(OLDEST * share.half_life / DAY) - 1
    daily = _CONTEXT.power(Decimal(2), -Decimal(DAY) / Decimal(str(share.half_life)))
    by_day: dict[tuple[str, int], int] = {}
    for (who, first_tag, day), cost in known.cost.items():
        if day >= oldest:
            key = (account(share, who, first_tag), max(today - day, 0))
            by_day[key] = by_day.get(key, 0) + cost
    factors = {age: _CONTEXT.power(daily, Decimal(age)) for age in {age for _, age in by_day}}
    found: dict[str, int] = {}
    for (name, age), cost in by_day.items():
        found[name] = found.get(name, 0) + int(cost * factors[age])
    return found


def rates(share: FairShare, views: Iterable[ProjectView]) -> dict[str, int]:
    """What runs now, by account."""
    found: dict[str, int] = {}
    for view in views:
        for record in view.executions:
            if record.state.active:
                name = account_of(share, view, record.chain)
                found[name] = found.get(name, 0) + _rate_of(record)
    return found


def account_of(share: FairShare, view: ProjectView, chain: int) -> str:
    return account(share, person(view, chain), tag(view))


def _rate_of(record: Execution) -> int:
    return rate(*(record.asked.counted if record.asked else (None, None)), len(record.gpus))
