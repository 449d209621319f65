"""Which ended executions a node need not keep any longer. Without time: by counts, and by how full its disk is.

Their records stay in the repository; what goes is the workspace and the full log on this node.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from flow.fold.chains import fold
from flow.fold.graph import graph_of
from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot
from flow.project.replies import answer_all, steps_of
from schema.execution import Execution, State
from schema.retention import Retention

KEEP_SUCCEEDED, KEEP_FAILED, KEEP_LOGS = 10, 10, 100
"""Of each stage in a project, where nobody says otherwise."""

MOST_PRESSURE = 3
"""1: of each stage the newest success and failure. 2: of their logs only the newest. 3: no failures."""

What = Literal["workspace", "log"]


@dataclass(frozen=True, slots=True)
class Rules:
    succeeded: int = KEEP_SUCCEEDED
    failed: int = KEEP_FAILED
    logs: int = KEEP_LOGS

    def under(self, pressure: int) -> "Rules":
        """How they are on a disk that is too full."""
        rules = self
        if pressure >= 1:
            rules = replace(rules, succeeded=1, failed=min(rules.failed, 1))
        if pressure >= 2:
            rules = replace(rules, logs=1)
        return replace(rules, failed=0) if pressure >= 3 else rules


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What this node has: executions by project, with a workspace or a log; and those its journal still speaks of.

    `runs` says whose run each container with a log was, by project.
    """

    workspaces: Mapping[str, frozenset[int]]
    logs: Mapping[str, frozenset[str]]  # containers
    held: frozenset[tuple[str, int]] = frozenset()
    runs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drop:
    project: str
    execution: int
    what: What
    why: str
    container: str


def rules_of(general: Retention, own: Retention) -> Rules:
    def first(name: str, default: int) -> int:
        said = (getattr(own, name), getattr(general, name), default)
        return next(int(value) for value in said if value is not None)

    return Rules(
        first("keep_succeeded", KEEP_SUCCEEDED), first("keep_failed", KEEP_FAILED), first("keep_logs", KEEP_LOGS)
    )


def drops(snapshot: Snapshot, disk: OnDisk, pressure: int = 0, among: Iterable[str] | None = None) -> tuple[Drop, ...]:
    """Everything that may go, by project and number; of some projects, or of all."""
    found: list[Drop] = []
    for id in sorted(snapshot.projects if among is None else among):
        if view := snapshot.projects.get(id):
            found += _of_project(snapshot.settings.retention, view, disk, pressure)
    return tuple(found)


def _of_project(general: Retention, view: ProjectView, disk: OnDisk, pressure: int) -> Iterator[Drop]:
    """Nothing of a project about which something is not known: a damaged one, or one with requests still to read."""
    if not any(view.id in of for of in (disk.workspaces, disk.logs, disk.runs)):
        return
    if view.project is None or untouched(view):
        return
    rules = rules_of(general, view.project.retention).under(pressure)
    kept = needed(view) | {number for project, number in disk.held if project == view.id}
    for record, why in _beyond(view, rules):
        if record.execution in kept:
            continue
        if record.execution in disk.workspaces.get(view.id, ()):
            yield Drop(view.id, record.execution, "workspace", why, record.claim.container)
    for record, why in _long_ago(view.executions, rules.logs):
        if record.execution not in kept and record.claim.container in disk.logs.get(view.id, ()):
            yield Drop(view.id, record.execution, "log", why, record.claim.container)
    yield from _of_no_record(view, disk)


def untouched(view: ProjectView) -> str:
    """Why nothing of a project goes by these rules, whatever they say; nothing for most."""
    if view.deletion or _being_deleted(view):
        return "its project was deleted: all of it goes after the grace time"
    if view.project is None:
        return "its project.yaml never was valid"
    if view.damage or view.flags:
        return "what the repository says of its project is damaged or flagged; `winslowctl doctor` says how"
    return "its project has requests that were not read yet" if view.withheld else ""


def _of_no_record(view: ProjectView, disk: OnDisk) -> Iterator[Drop]:
    """Runs whose claim was renewed under another container, once their execution has ended: no record names them."""
    for container, number in sorted(disk.runs.get(view.id, {}).items()):
        record = view.execution(number)
        if record is None or not record.state.ended or (view.id, number) in disk.held:
            continue
        if record.claim.container != container:
            yield Drop(view.id, number, "log", "its claim went on under another container", container)


def _being_deleted(view: ProjectView) -> bool:
    return view.tombstone is not None and view.tombstone.state == "deleting"


def needed(view: ProjectView) -> frozenset[int]:
    """Pinned ones, the newest, and whatever the chain, or what is asked of it, may still go on from."""
    found: set[int | None] = {*(view.project.pin if view.project else ()), view.last_execution}
    found |= {request.source for file in view.unanswered if file.request and (request := file.request.workspace)}
    found |= bases(view)
    for answered in answer_all(view):
        found |= bases(answered.view)
    return frozenset(number for number in found if number is not None)


def asked_for(snapshot: Snapshot) -> frozenset[str] | None:
    """Contents that people put in, and that a stage may still begin with. None where that is not known of a project."""
    found: set[str] = set()
    for view in snapshot.projects.values():
        contents = _asked_for(view)
        if contents is None:
            return None
        found |= contents
    return frozenset(found)


def _put_in(view: ProjectView) -> frozenset[str] | None:
    """By requests to be answered, by the chain, and what a redo of a stage puts in again."""
    if view.damage or view.flags or view.withheld:
        return None
    requests = (file.request.workspace for file in view.unanswered if file.request)
    chains = fold(view.replies)
    redone = {record.stage: record for record in view.executions}
    open_ones = (record.workspace for record in view.executions if not record.state.ended)
    asked = [floor.changes for floor in chains[-1].positions if floor.chain == chains[-1].seq] if chains else []
    given = [*requests, *asked, *(record.workspace for record in redone.values()), *open_ones]
    return frozenset(digest for each in given if each for digest in each.add.values())


_asked_for: Memo[ProjectView, frozenset[str] | None] = Memo(_put_in)


def bases(view: ProjectView) -> set[int | None]:
    """What the chain, and what runs, may still go on from."""
    open_ones = [e for e in view.executions if not e.state.ended]
    numbers = {e.execution for e in open_ones} | {e.workspace.source for e in open_ones}
    chains = fold(view.replies)
    numbers |= {number for e in open_ones for number in read_by(e)}
    bases = [floor.base for floor in chains[-1].positions if floor.chain == chains[-1].seq] if chains else []
    return {*numbers, *steps_of(view).sources, *bases}


def read_by(record: Execution) -> tuple[int, ...]:
    """Executions whose results it was given beside its workspace."""
    return tuple(each.execution for needed in record.needs.values() for each in needed)


def _beyond(view: ProjectView, rules: Rules) -> Iterator[tuple[Execution, str]]:
    """Ended executions that no count keeps, oldest first, each with the rule that drops it."""
    kept: dict[tuple[str, bool], int] = defaultdict(int)
    found: list[tuple[Execution, str]] = []
    redone = for_a_redo(view)
    for record in reversed(view.executions):
        if not record.state.ended:
            continue
        succeeded = record.state is State.SUCCEEDED
        kept[record.slot, succeeded] += 1
        most, word = (rules.succeeded, "succeeded") if succeeded else (rules.failed, "failed")
        if kept[record.slot, succeeded] > most and record.execution not in redone:
            found.append((record, f"more than {most} {word} of {record.slot}"))
        elif later := _discarded(view, record):
            found.append((record, f"discardable, and {later} succeeded"))
    yield from reversed(found)


def for_a_redo(view: ProjectView) -> set[int | None]:
    """What a stage is built on if it is asked for again without a word about its workspace."""
    newest = {(e.stage, e.point): e for e in view.executions}.values()
    return {number for record in newest for number in (record.workspace.source, *read_by(record))}


def _discarded(view: ProjectView, record: Execution) -> str | None:
    """The later stage whose success makes it superfluous."""
    stage = view.definition.stage(record.stage) if view.definition else None
    if stage is None or not stage.discardable or not view.definition or record.state is not State.SUCCEEDED:
        return None
    graph = graph_of(view.definition)
    direct = {name for name, needs in graph.needs.items() if any(need.stage == stage.name for need in needs)}
    after = [e for e in view.executions if e.execution > record.execution and e.chain == record.chain]
    done = [e.stage for e in after if e.state is State.SUCCEEDED and e.stage in graph.below[stage.name]]
    over = all(standing.status == "done" for standing in steps_of(view).standings if standing.stage in direct)
    return done[0] if done and (over or len(direct) < 2) else None


def _long_ago(executions: Iterable[Execution], most: int) -> Iterator[tuple[Execution, str]]:
    seen: dict[str, int] = defaultdict(int)
    found = []
    for record in reversed(tuple(executions)):
        seen[record.slot] += 1
        if seen[record.slot] > most and record.state.ended:
            found.append((record, f"more than {most} logs of {record.slot}"))
    yield from reversed(found)
