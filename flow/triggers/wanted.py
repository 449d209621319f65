"""What the triggers of a repository want now, each judged by itself.

A schedule counts from the newest nominal time that was made and that is not in the future: a clock that was wrong for a
while holds up nothing once it is right. Where nothing was made yet it counts from when this node first saw the trigger
as it is, and so it does once the schedule is changed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flow.model.snapshot import Snapshot
from flow.status.states import project_state
from flow.triggers.firings import Firing, done, key_of, of_end, of_time, times_made
from flow.triggers.schedule import due
from schema.trigger import ProjectEnd, Schedule, Trigger

LATE = 300.0
"""Seconds after its nominal time in which a start is still made where nothing is caught up."""
UNSETTLED = ("running", "queued", "needs_input")
"""States of a project that a start would come into."""


@dataclass(frozen=True, slots=True)
class TriggerMemory:
    """What a node keeps of one trigger. `seen` is the schedule's text; `ends` the chains that had ended before.

    `begun` is by this machine's clock, which is the only one that it is compared with.
    """

    seen: str = ""
    begun: float = 0.0
    ends: Mapping[str, str] | None = None


def scheduled(
    name: str, trigger: Trigger, snapshot: Snapshot, memory: TriggerMemory, now: float
) -> tuple[list[Firing], TriggerMemory]:
    """What is due by the clock of this machine, and what to remember."""
    schedule = trigger.schedule
    assert schedule
    moment = datetime.fromtimestamp(now, UTC)
    made = [each for each in times_made(snapshot, name, trigger) if each <= moment]
    text = said(schedule)
    if memory.seen != text:
        first = not memory.seen and made
        memory = TriggerMemory(seen=text, begun=made[-1].timestamp() if first else now)
    after = _floor(schedule, memory, made, now)
    times = due(schedule, after, moment)
    wanted = [of_time(name, trigger, each) for each in (times if schedule.catch_up == "all" else times[-1:])]
    wanted = [each for each in wanted if not done(snapshot, trigger, each)]
    if not wanted or schedule.overlap == "allow" or not _goes_on(name, trigger, snapshot):
        return (wanted if schedule.overlap == "allow" else wanted[:1]), memory
    if schedule.overlap == "skip":
        return [], replace(memory, begun=times[-1].timestamp())
    return [], memory


def said(schedule: Schedule) -> str:
    return f"{schedule.cron} {schedule.zone}"


def _floor(schedule: Schedule, memory: TriggerMemory, made: list[datetime], now: float) -> datetime:
    """A clock that was ahead when the trigger was first seen holds up nothing either."""
    after = [datetime.fromtimestamp(min(memory.begun, now), UTC), *made[-1:]]
    if schedule.catch_up == "none":
        after.append(datetime.fromtimestamp(now - LATE, UTC))
    return max(after)


def _goes_on(name: str, trigger: Trigger, snapshot: Snapshot) -> bool:
    """Whether what it made before, or the project that it starts, is not at its end."""
    if trigger.start:
        ids = [trigger.start.project]
    else:
        ids = [f"{name}-{key_of(each)}" for each in times_made(snapshot, name, trigger)]
    views = (snapshot.projects[id] for id in ids if id in snapshot.projects)
    alive = (view for view in views if view.project and not view.deletion)
    return any(view.asked or project_state(snapshot, view).state in UNSETTLED for view in alive)


def ended(name: str, trigger: Trigger, snapshot: Snapshot, memory: TriggerMemory) -> tuple[list[Firing], TriggerMemory]:
    """What ends of other projects want. An end that was there when the trigger was first seen is no news."""
    assert trigger.project
    now = dict(_ends(snapshot, trigger.project))
    if memory.ends is None:
        return [], replace(memory, ends=now)
    news = [(id, end) for id, end in now.items() if memory.ends.get(id) != end]
    firings = [of_end(name, id, int(end.partition(" ")[0]), end.partition(" ")[2]) for id, end in news]
    return [each for each in firings if not done(snapshot, trigger, each)], memory


def remembered(memory: TriggerMemory, snapshot: Snapshot, trigger: Trigger) -> TriggerMemory:
    """Once all that was wanted is made. While a project is not at an end, the end that it had before is kept."""
    if not trigger.project:
        return memory
    view = snapshot.projects.get(trigger.project.name)
    before = memory.ends if memory.ends and view and not view.deletion else {}
    return replace(memory, ends={**before, **dict(_ends(snapshot, trigger.project))})


def _ends(snapshot: Snapshot, wanted: ProjectEnd) -> Iterator[tuple[str, str]]:
    """By project the number of its newest chain and how that ended."""
    view = snapshot.projects.get(wanted.name)
    if view is None or view.project is None or view.asked:
        return
    state = project_state(snapshot, view).state
    starts = [reply.seq for reply in view.replies if reply.kind == "start" and reply.accepted]
    if starts and (state == wanted.state or (wanted.state == "any" and state in ("succeeded", "failed"))):
        yield view.id, f"{starts[-1]} {state}"
