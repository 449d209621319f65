"""What an account or a group of stages may have at once: quotas, and `resource_group`. Kept exactly.

A claim is decided on a tip and lands on just that tip, so two nodes cannot both take the last of a quota.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flow.fold.steps import Waiting
from flow.model.snapshot import ProjectView
from flow.order.shares import account_of
from schema.execution import Execution, State
from schema.fairness import EVERYBODY, Quota
from schema.node import Settings
from schema.pipeline import Stage
from schema.quantities import readable_size
from schema.reasons import Wait

Amount = tuple[float, float, float, float]
"""Executions, cores, bytes of memory, GPUs."""
NONE: Amount = (0, 0, 0, 0)


@dataclass
class AccountUse:
    """What active executions have, to which a round adds what it takes."""

    accounts: dict[str, Amount] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, amount: Amount, group: str, who: str) -> None:
        before = self.accounts.get(name, NONE)
        self.accounts[name] = (
            before[0] + amount[0], before[1] + amount[1], before[2] + amount[2], before[3] + amount[3],
        )  # fmt: skip
        if group:
            self.groups.setdefault(group, []).append(who)


def in_use(settings: Settings, views: Iterable[ProjectView]) -> AccountUse:
    """A lost execution may still hold the one robot that there is."""
    found = AccountUse()
    for view in views:
        for record in view.executions:
            if record.state.active or record.state is State.LOST:
                amount = _taken(record) if record.state.active else NONE
                name = account_of(settings.fair_share, view, record.chain)
                group = record.asked.group if record.asked else ""
                found.add(name, amount, group, f"{view.id}/{record.execution}")
    return found


def _taken(record: Execution) -> Amount:
    cpus, memory = record.asked.counted if record.asked else (None, None)
    return (1, 1.0 if cpus is None else cpus, float(memory or 0), len(record.gpus))


def wanted(stage: Stage) -> Amount:
    cpus, memory = stage.counted
    return (1, 1.0 if cpus is None else cpus, float(memory or 0), stage.resources.gpus)


def beyond(settings: Settings, used: AccountUse, name: str, stage: Stage) -> Waiting | None:
    """Why it may not be taken now, or ever, whatever room there is."""
    if text := _beyond_quota(settings.quotas, used, name, wanted(stage)):
        return Waiting(Wait.QUOTA, stage.name, text)
    group = stage.resource_group
    holders = used.groups.get(group, []) if group else []
    most = settings.resource_groups.get(group, 1) if group else 1
    if group and len(holders) >= most:
        held = ", ".join(holders[:3]) + (f" and {len(holders) - 3} more" if len(holders) > 3 else "")
        return Waiting(Wait.QUOTA, stage.name, f"resource_group {group!r} takes {most} at once, and {held} has it")
    return None


def _beyond_quota(quotas: Mapping[str, Quota], used: AccountUse, name: str, more: Amount) -> str:
    quota = quotas.get(name) or quotas.get(EVERYBODY)
    if quota is None:
        return ""
    has = used.accounts.get(name, NONE)
    limits = (quota.running, quota.cpus, quota.memory, quota.gpus)
    for what, limit, mine, wants in zip(("running", "cpus", "memory", "gpus"), limits, has, more, strict=True):
        if limit is None or not wants or mine + wants <= limit * (1 + 1e-9):
            continue
        if wants > limit:
            return f"it wants {_count(what, wants)}, and the quota of {name} is {_count(what, limit)}: it can never run"
        return (
            f"{name} has {_count(what, mine)} of a quota of {_count(what, limit)}, and it wants {_count(what, wants)}"
        )
    return ""


def _count(what: str, value: float) -> str:
    if what == "memory":
        return readable_size(value)
    number = f"{value:.3g}" if value % 1 else f"{value:.0f}"
    one, more = {"running": ("stage", "stages"), "cpus": ("core", "cores"), "gpus": ("GPU", "GPUs")}[what]
    return f"{number} {one if value == 1 else more}"


def contradictions(settings: Settings) -> tuple[str, ...]:
    """Quotas that name accounts which cannot be there."""
    share = settings.fair_share
    if share.by != "group":
        return ()
    known = {*share.groups, EVERYBODY}
    strange = [name for name in settings.quotas if name not in known and "@" not in name]
    return tuple(f"winslow.yaml: quotas.{name} is no group of fair_share.groups" for name in strange)
