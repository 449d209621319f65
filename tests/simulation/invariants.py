"""What must hold whatever happens. Reads the history of `winslow/state` alone, and what runners were told to do.

Safety is judged at every step, commit by commit; liveness once the weather is fine and everything had time to finish.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from flow.fold.chains import fold
from flow.fold.graph import graph_of
from flow.model.clock import Clock
from flow.model.snapshot import ProjectView
from flow.model.transitions import illegal
from flow.project.replies import steps_of
from schema import layout
from schema.execution import Execution, State, Tombstone
from schema.pipeline import Pipeline, Stage
from schema.reasons import End, Wait
from schema.reply import Reply
from state.memory.memory_repository import MemoryServer
from tests.simulation import turns
from tests.simulation.faults import Network

SLACK = 6.0
"""Seconds of one poll and a little: how far the observers' sampled silence may lie above the true one."""

HALF_ROUND = 0.6
"""Seconds between what a node observes and what it does about it."""


MOST_LOOKS = 60
"""Of one node in a minute. By polling alone it looks twelve times."""
LOOK_LASTS = 16.0
"""Seconds in which a node acts on what it saw, though it slept since: three polls, and a little."""


class Violation(BaseException):
    """A promise was broken. Not an Exception: nothing in the product may catch it."""


@dataclass
class Told:
    """What the history has said of one project so far."""

    executions: dict[int, Execution] = field(default_factory=dict)
    seqs: dict[int, str] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    definition: Pipeline | None = None
    answered: set[str] = field(default_factory=set)
    last_execution: int = 0
    last_seq: int = 0
    buried: bool = False  # a tombstone stands
    buried_at: float = 0.0  # when it came, by the checker's clock, and what it says
    delete_after: float = 0.0
    restored_at: float = 0.0
    overdue: bool = False  # a deletion before this one, without a restoration on `winslow/state` between, had its time
    too_late: bool = False  # by then nodes had the right to delete
    generation: int = 0  # the newest that was purged
    purged: int = 0  # and its last execution


class Checker:
    def __init__(self, server: MemoryServer, network: Network, lost_after: float, clock: Clock) -> None:
        self.server, self.network, self.lost_after, self.clock = server, network, lost_after, clock
        self.now = clock.now
        self.began: dict[str, float] = {}  # when each container was started
        self.projects: dict[str, Told] = {}
        self.claims: dict[str, tuple[str, int]] = {}  # every claim id that ever landed
        self.accepted: dict[tuple[object, ...], int] = {}
        self.wanted: list[str] = []
        self.read = 0
        self.forged: set[str] = set()  # commits by nobody who may make them: to be as if they were not there
        self.waited: dict[str, tuple[int, float]] = {}  # of projects with a slot that waits: priority, and last when
        self.interrupted = self.given_back = self.shared = self.exceeded = 0
        self.owned: Callable[[str], bool] = lambda node: False  # whether its owner may have what runs there ended
        self.too_much: Callable[[str, str], bool] = lambda node, container: False  # whether it uses more than its share
        self.ending: set[str] = set()  # containers that were rightly told to stop, and may be told again
        self.looks: dict[str, list[float]] = {}  # when each node asked the server in the last minute
        self.looked_at: dict[str, float] = {}  # seconds of reachability at its last look

    # -- what runners are told --------------------------------------------------------------------------------------

    def started(self, node: str, container: str) -> None:
        self.look()
        if container not in self.claims:
            raise Violation(f"{node} started {container[:8]}, a claim that has not landed")
        project, number = self.claims[container]
        record = self.projects[project].executions.get(number)
        if record and not (record.state.active and record.claim.container == container):
            raise Violation(f"{node} started {project}/{number}, which is {record.state} by then")
        self.began.setdefault(container, self.clock.now())

    def sharing(self, node: str, used: Mapping[str, Mapping[str, int | None]], memory: Mapping[str, int]) -> None:
        """Two running containers never have the same GPU, unless both share it, and then no more than there is."""
        for gpu, containers in used.items():
            alone = None in containers.values()
            if len(containers) > 1 and (alone or sum(filter(None, containers.values())) > memory[gpu]):
                raise Violation(f"{gpu} of {node} is used by {[id[:8] for id in containers]}")
            self.shared += len(containers) > 1

    def alone(self, running: Mapping[str, str]) -> None:
        """`running`: every container that runs, and its node. Of one slot of an exclusive stage there is one."""
        found: dict[tuple[object, ...], str] = {}
        for container, node in running.items():
            if container not in self.claims:
                continue
            project, number = self.claims[container]
            record = self.projects[project].executions.get(number)
            if record is None or not record.claim.lease.exclusive:
                continue
            slot = (project, record.chain, record.request, record.stage, record.point)
            if slot in found:
                raise Violation(f"{project}: {record.slot} is exclusive, and runs on {found[slot]} and {node} at once")
            found[slot] = node

    def stopping(self, node: str, container: str) -> None:
        """Only what was aborted, superseded, deleted or ran too long may be stopped."""
        self.look()
        if container not in self.claims or container in self.ending:
            return
        project, number = self.claims[container]
        record = self.projects[project].executions.get(number)
        if record is None or record.claim.container != container:
            return
        exclusive = record.claim.lease.exclusive  # of such a one a node without signs of life lets go
        rightly = exclusive or self._asked_to_end(project) or self._too_long(project, record)
        if not rightly and self.too_much(node, container):
            self.exceeded += 1
        elif record.state.active and not rightly:
            self._gives_way(node, project, record)
        self.ending.add(container)

    def stage_of(self, container: str) -> Stage | None:
        """That a container which runs was started for, where its claim has landed."""
        project, _ = self.claims.get(container, ("", 0))
        definition = self.projects[project].definition if project else None
        record = self.projects[project].executions.get(self.claims[container][1]) if project else None
        return definition.stage(record.stage) if definition and record else None

    def _too_long(self, project: str, record: Execution) -> bool:
        definition = self.projects[project].definition
        stage = definition.stage(record.stage) if definition else None
        ran = self.clock.now() - self.began.get(record.claim.container, self.clock.now())
        return stage is not None and stage.timeout is not None and ran > stage.timeout

    def waiting(self, views: Iterable[ProjectView]) -> None:
        """Which projects have a stage that waits now."""
        for view in views:
            if view.project and steps_of(view).slots:
                self.waited[view.id] = (view.project.priority, self.clock.now())

    def _gives_way(self, node: str, project: str, record: Execution) -> None:
        """What nobody asked to end may be interrupted only as its stage says, for one of higher priority that waits."""
        what, now = f"{node} stopped {project}/{record.execution}, which is {record.state}", self.clock.now()
        definition = self.projects[project].definition
        stage = definition.stage(record.stage) if definition else None
        owned = self.owned(node)
        if stage is None or not stage.interruptible or not (self.waited or owned):
            raise Violation(f"{what}, without being asked")
        if owned:
            self.given_back += 1
            return
        if (ran := now - self.began[record.claim.container]) < stage.min_runtime:
            raise Violation(f"{what}, after {ran:.0f} s of {stage.min_runtime:.0f}")
        own = self.priority(project)
        if not any(high > own and now - when <= LOOK_LASTS for high, when in self.waited.values()):
            raise Violation(f"{what}, and nothing of higher priority waited")
        self.interrupted += 1

    def priority(self, project: str) -> int:
        text = self.server.text(layout.MAIN, f"projects/{project}/project.yaml")
        return int(text.partition("priority: ")[2].split()[0]) if text else 0

    def _asked_to_end(self, project: str) -> bool:
        names = self.server.main_paths(f"projects/{project}/requests/")
        if any("abort" in name for name in names):
            return True
        told = self.projects[project]
        if told.buried or not self.server.main_paths(f"projects/{project}/project.yaml"):
            return True
        return self.clock.now() <= told.restored_at + LOOK_LASTS  # by one that slept between its look and its deed

    def looked(self, node: str, now: float) -> None:
        """A node asks the server when there is something new, or now and then."""
        recent = [*(when for when in self.looks.get(node, ()) if when > now - 60), now]
        self.looks[node], self.looked_at[node] = recent, self.network.up_seconds
        if len(recent) > MOST_LOOKS:
            raise Violation(f"{node} asked the server {len(recent)} times in a minute")

    # -- what nodes have on their disks -----------------------------------------------------------------------------

    def generation(self, project: str) -> int:
        """That a file is put in for at this moment."""
        self.look()
        return self.projects.setdefault(project, Told()).generation

    def shown(self, node: str, project: str, execution: int, files: Iterable[tuple[str, int]]) -> None:
        """A stage sees no file that was put in for a deleted project of the same name.

        One of that project itself, which a node without news still prepares, may see them: it is not started.
        """
        now = self.generation(project)
        if execution <= self.projects[project].purged:
            return
        if old := sorted(name for name, generation in files if generation < now):
            raise Violation(f"{node} shows {old} of a deleted {project} to a new one")

    def deleting(self, node: str, project: str, numbers: set[int], files: Iterable[tuple[str, int]]) -> None:
        """Nothing goes that is not of a deleted project, and nothing before its time."""
        now, told = self.generation(project), self.projects[project]
        living = sorted(n for n in numbers if n > told.purged)
        living += sorted(name for name, generation in files if generation >= now)
        if told.too_late and self.now() < told.restored_at + LOOK_LASTS:
            return  # by one that slept between its look and its deed
        if living and not told.buried:
            raise Violation(f"{node} deletes {living} of {project}, which lives")
        if living and self.now() < told.buried_at + told.delete_after - SLACK:
            age = self.now() - told.buried_at
            raise Violation(f"{node} deletes {living} of {project} {age:.0f} s after its deletion")

    # -- the history ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        history = self.server.history(layout.STATE)
        for commit in history[self.read :]:
            if commit.oid not in self.forged:
                self._commit(commit)
        self.read = len(history)

    def _commit(self, commit: object) -> None:
        self._order(commit.wanted)  # type: ignore[attr-defined]
        writes = commit.writes  # type: ignore[attr-defined]
        replies = [w.content for w in writes if isinstance(w.content, Reply)]
        for write in writes:
            place = layout.place_on_state(write.path)
            project = write.path.split("/")[1] if write.path.startswith("projects/") else ""
            if not project:
                continue
            told = self.projects.setdefault(project, Told())
            match write.content:
                case Execution():
                    self._execution(project, told, write.content, commit)
                case Reply():
                    self._reply(project, told, write.content, writes)
                case Tombstone():
                    self._stone(told, write.content)
                case Pipeline():
                    told.definition = write.content
                case None if place and place.kind == "tombstone":
                    self._restored(told)
                case None if place is None and write.path.endswith("executions/"):
                    told.executions.clear()
        for reply in replies:
            self._abort(reply, writes)

    def _stone(self, told: Told, stone: Tombstone) -> None:
        told.last_execution = max(told.last_execution, stone.last_execution)
        told.overdue = told.buried and (told.overdue or self._due(told))
        told.buried = stone.state == "deleting"
        if stone.state == "deleting":
            told.buried_at, told.delete_after = self.now(), stone.delete_after
        elif stone.generation > told.generation:
            told.generation, told.purged = stone.generation, stone.last_execution
        else:
            self._restored(told)

    def _restored(self, told: Told) -> None:
        told.buried, told.restored_at = False, self.now()
        told.too_late = told.overdue or self._due(told)
        told.overdue = False

    def _due(self, told: Told) -> bool:
        return self.now() >= told.buried_at + told.delete_after - SLACK

    def _order(self, wanted: str) -> None:
        if self.wanted and wanted != self.wanted[-1] and not self.server.is_ancestor(self.wanted[-1], wanted):
            raise Violation("the commit of main that state was decided on went back")
        self.wanted.append(wanted)

    def _execution(self, project: str, told: Told, record: Execution, commit: object) -> None:
        before = told.executions.get(record.execution)
        if what := illegal(before, record):
            raise Violation(f"{project}: {what}")
        if before is None:
            if record.execution <= told.last_execution:
                raise Violation(f"{project}: number {record.execution} was used before")
            told.last_execution = record.execution
            self._begun(project, told, record)
        event, node = commit.event, commit.node  # type: ignore[attr-defined]
        if (
            before
            and before.state.active
            and record.state.ended
            and event.verb != "abort"
            and node != before.claim.node
        ):
            raise Violation(f"{node} ended {project}/{record.execution}, which {before.claim.node} holds")
        if before and before.state.active and record.state is State.LOST:
            self._loss(project, before, node)
        if "from outside" in record.text:
            raise Violation(f"{project}/{record.execution}: why its node stopped it was forgotten")
        told.executions[record.execution] = record
        self.claims[record.claim.id] = (project, record.execution)
        if record.state is State.SUCCEEDED:
            self._accepted(project, told, record)
            if record.image is None or record.image.id is None:
                raise Violation(f"{project}/{record.execution} succeeded, and nobody knows with which image")

    def _begun(self, project: str, told: Told, record: Execution) -> None:
        """Of one slot one execution at a time, and only on results that were accepted."""
        for other in told.executions.values():
            if other.state.active and (other.stage, other.point, other.chain) == (
                record.stage, record.point, record.chain,
            ) and other.request == record.request:  # fmt: skip
                raise Violation(f"{project}: {record.slot} began twice: {other.execution} and {record.execution}")
        for stage, needed in record.needs.items():
            made = [told.executions.get(each.execution) for each in needed]
            if any(each is None or each.state is not State.SUCCEEDED for each in made):
                raise Violation(f"{project}: {record.slot} was built on a result of {stage} that was not accepted")
            if len({each.point for each in needed}) != len(needed):
                raise Violation(f"{project}: {record.slot} was built on two results of one point of {stage}")
        if told.definition and not told.definition.plain:
            self._built_on_all(project, told, record)
            self._asked_for(project, told, record)
            if what := turns.broken(told, record):
                raise Violation(f"{project}: {what}")

    def _built_on_all(self, project: str, told: Told, record: Execution) -> None:
        """A join begins once every point of what it needs has its result, or was skipped."""
        skipped = sum(reply.kind == "skip" and reply.accepted for reply in told.replies)
        for need in told.definition.needs(record.stage) if told.definition else ():
            stage = told.definition.stage(need.stage) if told.definition else None
            points = stage.parallel.size if stage and stage.parallel else 0
            passed = any(r.position and r.position.stage == record.stage for r in told.replies if r.accepted)
            if points > len(record.needs.get(need.stage, ())) and not skipped and not passed:
                raise Violation(f"{project}: {record.slot} began before every point of {need.stage} was done")

    def _asked_for(self, project: str, told: Told, record: Execution) -> None:
        """It is at or below where its request began, and nobody has skipped it since."""
        asked = next((r for r in told.replies if r.request == record.request), None)
        if asked is None or asked.position is None or told.definition is None:
            return
        graph = graph_of(told.definition)
        begun = {each.stage for each in (asked.position, *asked.position.others)}
        if not any(record.stage == stage or record.stage in graph.below[stage] for stage in begun):
            raise Violation(f"{project}: {record.slot} runs for {asked.request}, which began at {sorted(begun)}")
        skips = [r for r in told.replies if r.kind == "skip" and r.accepted and r.seq > asked.seq]
        if any(skip.stage in (record.stage, record.slot) for skip in skips):
            raise Violation(f"{project}: {record.slot} runs, and was skipped")

    def _done_anew(self, view: ProjectView) -> None:
        """Where all is done, each slot has succeeded after the newest request that began at it or above it. For what is
        above the newest request nobody waits.
        """
        assert view.definition
        graph = graph_of(view.definition)
        skipped, floors = dict[str, int](), dict[tuple[str, int | None], tuple[int, int]]()
        for reply in view.replies:
            if reply.accepted and reply.kind == "skip":
                skipped[str(reply.stage)] = reply.seq
            if not reply.accepted or reply.position is None:
                continue
            for begin in (reply.position, *reply.position.others):
                floors = {slot: floor for slot, floor in floors.items() if slot[0] not in graph.above[begin.stage]}
                for slot in turns.slots_from(view.definition, begin.stage, begin.point):
                    floors[slot] = (reply.position.after, reply.seq)
        for (stage, point), (after, seq) in floors.items():
            name = stage if point is None else f"{stage}.{point}"
            own = [e for e in view.executions if (e.stage, e.point) == (stage, point) and e.execution > after]
            if max(skipped.get(stage, 0), skipped.get(name, 0)) >= seq or turns.excused(view, stage, own):
                continue
            if not any(e.state is State.SUCCEEDED for e in own):
                raise Violation(f"{view.id}: all is done, but {name} has not run since it was asked for")
            if what := turns.unfinished(view, stage, own):
                raise Violation(f"{view.id}: all is done, but {what}")

    def _at_its_end(self, view: ProjectView) -> None:
        """Where all is done, what joins others was built on the newest result of each."""
        if view.definition is None or view.definition.plain:
            return
        self._done_anew(view)
        newest = {(e.stage, e.point): e.execution for e in view.executions if e.state is State.SUCCEEDED}
        skipped = any(reply.kind == "skip" and reply.accepted for reply in view.replies)
        last = next((e for e in reversed(view.executions) if e.stage == "report" and e.state is State.SUCCEEDED), None)
        if last is None or skipped or last.execution < newest.get(("detect", None), 0):
            return
        if last.workspace.source is not None and last.workspace.source not in newest.values():
            return  # it was asked for on what its last execution was built on
        for stage, needed in last.needs.items():
            if any(newest[stage, each.point] != each.execution for each in needed):
                raise Violation(f"{view.id}: all is done, but {last.execution} is built on what was redone since")

    def _failed_for_good(self, view: ProjectView, number: int | None) -> None:
        """What gave way is tried again, and that it did uses up no attempt."""
        last = view.execution(number) if number else None
        stage = view.definition.stage(last.stage) if last and view.definition else None
        if last is None or stage is None:
            return
        if last.reason is End.PREEMPTED:
            raise Violation(f"{view.id}: {last.slot} gave way, and is not tried again")
        slot = (last.chain, last.request, last.slot)
        own = [e for e in view.executions if (e.chain, e.request, e.slot) == slot]
        exits = sum(e.reason is End.EXIT_CODE for e in own)
        code = last.result.exit_code if last.result else None
        if last.reason is End.EXIT_CODE and code in stage.retry.exit_codes and exits <= stage.retry.max:
            raise Violation(f"{view.id}: {last.slot} was given up after {exits} failures, of {stage.retry.max + 1}")

    def _loss(self, project: str, record: Execution, by: str) -> None:
        """Nobody is declared lost who could be heard: outages of the server are not silence of a node.

        One that fell asleep between its look and its push could not hear what came then.
        """
        holder = record.claim.node
        since = self.network.up_seconds - self.looked_at.get(by, self.network.up_seconds)
        silence = self.network.silence(holder, unseen=max(HALF_ROUND, since))
        if by != holder and silence < record.claim.lease.lost_after - SLACK:
            raise Violation(f"{by} lost {project}/{record.execution}: {holder} was heard {silence:.0f} s ago")

    def _accepted(self, project: str, told: Told, record: Execution) -> None:
        slot = (project, *turns.once(record, told.definition))
        if slot in self.accepted:
            raise Violation(f"{slot} has two accepted results: {self.accepted[slot]} and {record.execution}")
        self.accepted[slot] = record.execution

    def _reply(self, project: str, told: Told, reply: Reply, writes: Iterable[object]) -> None:
        if reply.seq != told.last_seq + 1:
            raise Violation(f"{project}: reply {reply.seq} after {told.last_seq}")
        if reply.request in told.answered:
            raise Violation(f"{project}: {reply.request} was replied to twice")
        told.last_seq = reply.seq
        told.answered.add(reply.request)
        told.replies.append(reply)
        opens = reply.accepted and reply.kind == "start"
        if opens and not any(isinstance(w.content, Pipeline) for w in writes):  # type: ignore[attr-defined]
            raise Violation(f"{project}: {reply.request} was accepted without its definition")

    def _abort(self, reply: Reply, writes: Iterable[object]) -> None:
        """An accepted abort stands in the push that ends its execution: by now the record says so."""
        if reply.kind != "abort" or not reply.accepted:
            return
        for project, told in self.projects.items():
            if reply in told.replies:
                record = told.executions.get(reply.execution or 0)
                if record is None or record.state is not State.ABORTED or record.reason is not End.ABORTED:
                    raise Violation(f"{project}: the abort of {reply.execution} was accepted, but it is not ended")

    # -- in the end -------------------------------------------------------------------------------------------------

    def finished(self, views: list[ProjectView], left: list[str]) -> None:
        self.look()
        for view in views:
            if view.deletion:
                continue
            if view.unanswered:
                raise Violation(f"{view.id}: no reply to {[file.name for file in view.unanswered]}")
            steps = steps_of(view)
            if steps.run or steps.active:
                raise Violation(f"{view.id} was left behind at {steps.stage}")
            if steps.wait and steps.wait.reason is Wait.FAILED:
                self._failed_for_good(view, steps.wait.execution)
            if steps.wait and steps.wait.reason is Wait.DONE:
                self._at_its_end(view)
            if fold(view.replies) and steps.wait is None:
                raise Violation(f"{view.id} neither runs nor says why not")
        if left:
            raise Violation(f"left over: {left}")
