"""Who is told of what: by the node that committed the change, when something changed, once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_states import NodeState, away, nobody_answers, standings
from flow.node.node_world import World
from flow.project.active import open_views
from flow.project.replies import steps_of
from flow.status.states import project_state
from schema.execution import State
from schema.notify import Rule, Subject

MARKS = (90, 80, 50)
"""Percent of a stage's timeout that are told, the highest that is passed."""
_STATES = {"needs_input": Subject.NEEDS_PERSON, "failed": Subject.FAILED, "succeeded": Subject.DONE}
_TITLES = {
    Subject.NEEDS_PERSON: "{} needs you",
    Subject.FAILED: "{} failed",
    Subject.DONE: "{} is done",
}
FOR_PROJECTS = (Subject.NEEDS_PERSON, Subject.FAILED, Subject.DONE, Subject.TIMEOUT)
"""What the people are told whom a project names itself."""


@dataclass(frozen=True, slots=True)
class Notice:
    """`key` is the same whenever the same thing is told; `to` are names of targets."""

    key: str
    subject: Subject
    title: str
    text: str
    to: tuple[str, ...] = ()
    path: str = ""  # of the page that shows it


@dataclass(frozen=True, slots=True)
class LostNode:
    """A node of which nobody is left to tell: its name, its last heartbeat as everybody sees it, what is to be told."""

    node: str
    beat: str
    notice: Notice


def of_change(before: Snapshot, after: Snapshot, projects: Iterable[str]) -> list[Notice]:
    """What a push has changed for people. `projects` are those that its commits touched."""
    found: list[Notice] = []
    for id in sorted(set(projects)):
        old, new = before.projects.get(id), after.projects.get(id)
        if new is not None:
            found += [*_of_project(before, after, old, new), *_asked_meanwhile(after, old, new)]
    found += _lost(before, after)
    merged = {each.key: each for each in found}
    return [each for each in merged.values() if each.to]


def _of_project(before: Snapshot, after: Snapshot, old: ProjectView | None, new: ProjectView) -> Iterator[Notice]:
    now = project_state(after, new)
    was = project_state(before, old) if old is not None else None
    subject = _STATES.get(now.state)
    if subject is None or (was is not None and (was.state, was.stage, was.text) == (now.state, now.stage, now.text)):
        return
    where = f"{now.stage}: " if now.stage else ""
    text = f"{where}{now.text or now.state}\nwinslowctl describe {new.id}"
    key = f"{subject} {new.id} {new.last_execution} {new.last_seq} {now.stage or ''}"
    yield _addressed(
        after, new, Notice(key, subject, _TITLES[subject].format(_title(new)), text, path=f"/projects/{new.id}")
    )


def _asked_meanwhile(after: Snapshot, old: ProjectView | None, new: ProjectView) -> Iterator[Notice]:
    """A branch asks a person while others go on: the project as a whole runs, and nobody would look at it."""
    steps = steps_of(new)
    if not steps.active:
        return
    known = {(each.stage, each.text) for each in steps_of(old).asked} if old else set()
    for each in steps.asked:
        if (each.stage, each.text) not in known:
            text = f"{each.stage}: {each.text}\nwinslowctl describe {new.id}"
            key = f"{Subject.NEEDS_PERSON} {new.id} {new.last_seq} {each.stage}"
            title = _TITLES[Subject.NEEDS_PERSON].format(_title(new))
            notice = Notice(key, Subject.NEEDS_PERSON, title, text, path=f"/projects/{new.id}")
            yield _addressed(after, new, notice)


def _lost(before: Snapshot, after: Snapshot) -> Iterator[Notice]:
    """Of each node once, whatever it ran, by whoever wrote down that it is silent. Rules alone say who is told."""
    to = _by_rules(after.settings.notify, Subject.NODE_LOST, ())
    for node, inventory in after.inventories.items():
        known = before.inventories.get(node)
        told = inventory.away
        if told is None or told.why != "silent" or (known and known.away == told):
            continue
        runs = ", ".join(_held(before, after, node)) or "nothing"
        text = f"It gave no sign of life since {told.since}, as {told.by} saw. It ran {runs}."
        key = f"node_lost {node} {told.beat}"
        yield Notice(key, Subject.NODE_LOST, f"node {node} is lost", text, to, f"/nodes/{node}")


def of_the_last(snapshot: Snapshot) -> tuple[LostNode, ...]:
    """Of nodes that whoever looks finds silent himself, where no node is left that would write it down and tell it."""
    if not nobody_answers(snapshot):
        return ()
    to = _by_rules(snapshot.settings.notify, Subject.NODE_LOST, ())
    found = []
    for node, now in standings(snapshot).items():
        if now.state is not NodeState.SILENT or away(snapshot, node):
            continue
        runs = ", ".join(_held(snapshot, snapshot, node)) or "nothing"
        text = f"It is {now.why}, and no other node answers. It ran {runs}."
        beat = snapshot.heartbeats.get(node) or "unseen"
        notice = Notice(
            f"node_lost {node} {beat}", Subject.NODE_LOST, f"node {node} is lost", text, to, f"/nodes/{node}"
        )
        found.append(LostNode(node, beat, notice))
    return tuple(each for each in found if each.notice.to)


def _held(before: Snapshot, after: Snapshot, node: str) -> Iterator[str]:
    """What it ran, or had just lost."""
    for view in open_views(after):
        old = before.projects.get(view.id)
        for record in view.executions:
            known = old.execution(record.execution) if old else None
            active = record.state.active or record.state is State.LOST or (known is not None and known.state.active)
            if record.claim.node == node and active:
                yield f"{view.id}/{record.execution} {record.stage}"


def of_timeouts(world: World) -> list[Notice]:
    """What runs here and has used up 50, 80 or 90 % of its time."""
    found = []
    for container, entry in world.entries.items():
        sight, timeout = world.containers.get(container), entry.order.timeout
        view = world.snapshot.projects.get(entry.order.project) if world.snapshot else None
        if sight is None or view is None or not sight.running or not timeout or sight.started is None:
            continue
        used = 100 * (world.now - sight.started) / timeout
        mark = next((mark for mark in MARKS if used >= mark), None)
        if mark is not None and world.snapshot:
            order = entry.order
            what = f"{order.project}/{order.execution} {order.stage}"
            text = f"{what} is ended after {_hours(timeout)}; it has run {_hours(world.now - sight.started)}."
            key = f"timeout {container} {mark}"
            page = f"/projects/{order.project}/{order.execution}"
            title = f"{_title(view)} has used {mark} % of its time"
            found.append(_addressed(world.snapshot, view, Notice(key, Subject.TIMEOUT, title, text, path=page)))
    return [each for each in found if each.to]


def _addressed(snapshot: Snapshot, view: ProjectView, notice: Notice) -> Notice:
    tags = tuple(view.project.tags) if view.project else ()
    own = tuple(view.project.notify) if view.project and notice.subject in FOR_PROJECTS else ()
    to = dict.fromkeys((*own, *_by_rules(snapshot.settings.notify, notice.subject, tags)))
    return Notice(notice.key, notice.subject, notice.title, notice.text, tuple(to), notice.path)


def _by_rules(rules: Iterable[Rule], subject: Subject, tags: Iterable[str]) -> tuple[str, ...]:
    fits = (rule for rule in rules if subject in rule.on and (not rule.tags or set(rule.tags) & set(tags)))
    return tuple(dict.fromkeys(name for rule in fits for name in rule.to))


def _title(view: ProjectView) -> str:
    return (view.project.name if view.project else "") or view.id


def _hours(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
