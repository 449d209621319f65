"""What this node holds: go on with it, publish its end, let go of it, or take it back.

Each claim in the journal is in exactly one case, judged by the record at the tip:

| record                        | then |
|---|---|
| carries the claim, active     | launch, watch, abort, publish the end |
| carries the claim, lost       | take back under a new id if still wanted, else stop and file as superseded |
| carries the claim, superseded | stop; file the result beside it once |
| carries the claim, ended      | settled: forget it, remove the container |
| another claim, or no record   | stop, forget |

An exclusive claim that has lapsed is over: it is not launched, its container is told to end, and that is an end of its
machine. Lost, it is not taken back.

While the engine does not say which containers there are, what has ended is published and what is unwanted is told to
stop; nothing is taken for gone, started, let go of or taken back.

Of an end in the outbox without a claim, which a crash can leave, only the last two can be.
"""

from collections.abc import Hashable, Iterator
from dataclasses import replace

from flow.fold.chains import still_wanted
from flow.model.commits import StateEvent, Write
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.decision import Stop
from flow.node.lease_terms import given_up, lapsed
from flow.node.node_world import ExecutionEnd, HeldClaim, Launch, ObservedContainer, Setback, World
from flow.placement.gpus import free_again
from flow.project.active import open_views
from flow.project.replies import abort_targets, answer, answer_all, ended_by_abort, steps_of
from flow.reconcile.commit_draft import CommitDraft
from flow.reconcile.launch_order import again
from flow.reconcile.project_fault import blamed_on
from flow.reconcile.record_times import ended_times
from schema import layout
from schema.execution import Execution, State, WorkspaceRecord
from schema.reasons import End

LONGEST_TEXT = 500
"""Signs of what is being done, in a record."""

OWN_LIMITS = (End.TIMEOUT, End.NO_OUTPUT, End.GPU_MEMORY_EXCEEDED)
"""Ends of a stage that went beyond what it asked for."""

HELD_ON = "its node was not heard for a while, and holds on to it"


class HeldClaims:
    """Goes through the journal once; what is to be done collects in its lists and in the draft."""

    def __init__(self, world: World, snapshot: Snapshot, draft: CommitDraft, watched: set[Hashable]) -> None:
        self.world, self.snapshot, self.draft, self.watched = world, snapshot, draft, watched
        self.stops: list[Stop] = []
        self.ends: list[ExecutionEnd] = []
        self.launches: list[str] = []
        self.grants: list[HeldClaim] = []
        self.adopted: list[HeldClaim] = []
        self.drops: list[str] = []
        self.removals: list[str] = []
        self.ids_left = list(world.ids)

    def tend(self) -> None:
        for entry in self.world.entries.values():
            view = self.snapshot.projects.get(entry.order.project)
            if view and view.damage:
                continue  # what cannot be read is no reason to stop, or to claim, anything
            with blamed_on(entry.order.project):
                self._tend(view, entry)
        for view, record in self._strangers():
            with blamed_on(view.id):
                self._without_entry(view, record)
        self._ends_without_entry()
        self._orphans()

    # -- one claim -------------------------------------------------------------------------------------------------

    def _tend(self, view: ProjectView | None, entry: HeldClaim) -> None:
        record = view.execution(entry.order.execution) if view else None
        if view and record and view.flagged(record.execution):
            self._while_flagged(view, record, entry)
            return
        if view is None or record is None:
            self._let_go(entry)
        elif record.claim.id != entry.claim:
            if not self._renewed(record, entry):
                self._let_go(entry)
        elif record.state.active:
            self._hold(view, record, entry)
        elif record.state is State.LOST:
            self._lost(view, record, entry)
        elif record.state is State.SUPERSEDED:
            self._superseded(view, record, entry)
        else:
            self._settled(entry)

    def _while_flagged(self, view: ProjectView, record: Execution, entry: HeldClaim) -> None:
        """Until a person has settled what somebody wrote of it: it runs on, and its end waits in the outbox."""
        sight = self._sight(entry)
        runs = record.claim.id == entry.claim and sight and sight.running and not entry.stop
        if runs and (reason := self._unwanted(view, record)):
            self.stops.append(Stop(entry.container, reason))

    def _renewed(self, record: Execution, entry: HeldClaim) -> bool:
        """A claim of ours that goes on with this container, only the answer to its push was lost."""
        mine = record.claim.incarnation == self.world.me.incarnation and record.claim.node == self.world.me.node
        return mine and record.state.active and record.claim.container == entry.container

    def _sight(self, entry: HeldClaim) -> ObservedContainer | None:
        return self.world.containers.get(entry.container)

    def _let_go(self, entry: HeldClaim) -> None:
        if self._ended_here(entry):
            self._forget(entry)

    def _forget(self, entry: HeldClaim) -> None:
        if self._sight(entry):
            self.removals.append(entry.container)
        self.drops.append(entry.container)

    def _ended_here(self, entry: HeldClaim, reason: End = End.SUPERSEDED) -> bool:
        """Stop the container if it runs; True once nothing of it is left to wait for. Not while nobody can see it."""
        sight, busy = self._sight(entry), entry.container in self.world.busy
        running = sight is not None and sight.running
        starting = busy and not (sight is not None and sight.exited)
        if (running or starting) and not entry.stop:
            self.stops.append(Stop(entry.container, reason))
        return self.world.engine and not (running or busy)

    def _settled(self, entry: HeldClaim) -> None:
        """Its end stands in the repository; a steward may have written it while we were away."""
        if self._ended_here(entry):
            self._forget(entry)

    # -- while it is ours ------------------------------------------------------------------------------------------

    def _hold(self, view: ProjectView, record: Execution, entry: HeldClaim) -> None:
        ended = self.world.outbox.get(entry.container)
        if ended:
            self._publish(record, ended)
            return
        if entry.phase == "sent" and not self._landed(entry):
            return
        sight = self._sight(entry)
        reason = self._unwanted(view, record) or self._given_up(entry, sight)
        if entry.container in self.world.busy:
            if reason and not entry.stop:
                self.stops.append(Stop(entry.container, reason))
            return
        if not self.world.engine:
            if reason and not (entry.stop or (sight and sight.exited)):
                self.stops.append(Stop(entry.container, reason))
            return
        if sight is None and entry.phase == "started":
            text = "its container is gone without a trace"
            self._end_here(entry, State.FAILED, End.CONTAINER_LOST, text)
        elif sight is None or not (sight.running or sight.exited):
            if reason or entry.stop:
                self._unstarted(entry, reason or entry.stop or End.ABORTED)
            elif self.world.setbacks.get(entry.container) != Setback("launch", resting=True):
                self.launches.append(entry.container)
        elif sight.running and reason and not entry.stop:
            self.stops.append(Stop(entry.container, reason))
        elif reason and self._not_gathered(entry):
            self._end_here(entry, State.ABORTED, reason, "it had ended, but what it left could not be gathered")

    def _given_up(self, entry: HeldClaim, sight: ObservedContainer | None) -> End | None:
        """An exclusive claim that has lapsed, unless its stage had ended before."""
        return End.NODE_LOST if lapsed(self.world, entry) and not (sight and sight.exited) else None

    def _unstarted(self, entry: HeldClaim, reason: End) -> None:
        if reason is End.NODE_LOST:
            self._end_here(entry, State.FAILED, End.INFRASTRUCTURE, given_up(entry))
        elif reason is End.PREEMPTED:
            self._end_here(entry, State.FAILED, reason, f"before it was started: {entry.stopped_for}")
        else:
            self._end_here(entry, State.ABORTED, reason, "before it was started")

    def _landed(self, entry: HeldClaim) -> bool:
        """A push without an answer has landed. No container of it was ever made, so it is ours while its lease lasts:
        where answers are always lost, a new id would be as unknown as this one.
        """
        lasts = entry.lease_lasts(self.world.now, self.world.boot) and not lapsed(self.world, entry)
        if lasts:
            self.adopted.append(entry.model_copy(update={"phase": "granted"}))
        else:
            self.drops.append(entry.container)  # and at the next look it is claimed anew
        return lasts

    def _not_gathered(self, entry: HeldClaim) -> bool:
        setback = self.world.setbacks.get(entry.container)
        return setback is not None and setback.work == "collection"

    def _unwanted(self, view: ProjectView, record: Execution) -> End | None:
        """A person's wish to end it: the first unanswered abort aims at it, or the project is deleted."""
        if view.buried:
            return End.DELETED
        for file in view.unanswered:
            if record.execution in abort_targets(view, file):
                return End.ABORTED
        return End.FAIL_FAST if record.execution in steps_of(view).stops else None

    def _end_here(self, entry: HeldClaim, state: State, reason: End, text: str) -> None:
        order = entry.order
        ended = ExecutionEnd(
            container=entry.container,
            project=order.project,
            execution=order.execution,
            stage=order.stage,
            point=order.point,
            state=state,
            reason=reason,
            text=text,
            finished=self.world.wall,
        )
        began = entry.began if entry.phase == "started" else None
        self.ends.append(entry.with_made(ended).model_copy(update={"started": began}))

    def _publish(self, record: Execution, ended: ExecutionEnd) -> None:
        """The end of an execution, with the replies to everything asked of its project so far."""
        project = ended.project
        aborting = ended.state is State.ABORTED and ended.reason is End.ABORTED
        if aborting or ended_by_abort(self.draft.view(project)):
            self.draft.reply_all(project)  # what was asked before the abort
        before = self.draft.view(project)
        final = with_end(record, ended)
        self.draft.record(project, end_event(final, ended), final, extra=attachments(ended))
        self._answer_abort(before, ended)
        self.draft.reply_all(project)

    def _answer_abort(self, before: ProjectView, ended: ExecutionEnd) -> None:
        """Once the last execution that the first abort is aimed at has ended, if it ended any of them."""
        view = self.draft.view(ended.project)
        first = before.unanswered[0] if before.unanswered else None
        if first is None or ended.execution not in abort_targets(before, first) or abort_targets(view, first):
            return
        if aborted := ended_by_abort(view):
            self.draft.reply(ended.project, answer(view, first, aborted=aborted[-1]))

    # -- when it no longer is --------------------------------------------------------------------------------------

    def _lost(self, view: ProjectView, record: Execution, entry: HeldClaim) -> None:
        sight = self._sight(entry)
        begun = sight is not None and (sight.running or sight.exited)
        if entry.container in self.world.busy or not self.world.engine:
            if entry.container in self.world.launching and not begun:
                self._ended_here(entry)  # it would be started by a launch that knows nothing of this
            return
        useful = entry.container in self.world.outbox or begun
        stopped = entry.stop and entry.stop not in OWN_LIMITS  # these are ends that happened
        over = view.deletion or stopped or record.claim.lease.exclusive
        wanted = still_wanted(view.definition, view.replies, record) and not over
        if wanted and useful:
            if not self.world.unseen:  # else others would lose it again, and so on
                self._take_back(record, entry)
        elif self._ended_here(entry):
            if not begun and not entry.stop:  # else it is started after all, should the repository be away from now on
                self.stops.append(Stop(entry.container, End.NODE_LOST))
            self._supersede(record, entry)

    def _take_back(self, record: Execution, entry: HeldClaim) -> None:
        if not self.ids_left:
            return
        fresh = self.ids_left.pop()
        claim = record.claim.model_copy(update={"id": fresh, "epoch": record.claim.epoch + 1})
        taken = record.model_copy(update={"claim": claim, "state": State.RUNNING, "text": ""})
        event = event_of("take-back", entry.order.project, taken, f"epoch {claim.epoch}")
        self.draft.record(entry.order.project, event, taken)
        self.grants.append(entry.model_copy(update={"claim": fresh, "phase": "started"}))

    def _supersede(self, record: Execution, entry: HeldClaim) -> None:
        """Lost and of no more use: end it, with what is known of its result."""
        gone = record.model_copy(update={"state": State.SUPERSEDED, "reason": End.NODE_LOST})
        self.draft.record(
            entry.order.project, event_of("supersede", entry.order.project, gone, "no longer wanted"), gone
        )

    def _superseded(self, view: ProjectView, record: Execution, entry: HeldClaim) -> None:
        """Another execution took its place: stop, and keep the result and log beside the record, once."""
        if not self._ended_here(entry):
            return
        ended = self.world.outbox.get(entry.container)
        if ended is None and (sight := self._sight(entry)) and sight.exited:
            return  # `collects` gathers the result first; a container that was never started has none
        if ended and record.result is None and ended.result is not None:
            filed = with_end(record, ended).model_copy(update={"state": State.SUPERSEDED, "reason": End.SUPERSEDED})
            event = event_of("file", entry.order.project, filed, "the result came too late, kept but not accepted")
            self.draft.record(entry.order.project, event, filed, extra=attachments(ended))
            return
        self._forget(entry)

    # -- claims and containers without a journal entry -------------------------------------------------------------

    def _strangers(self) -> Iterator[tuple[ProjectView, Execution]]:
        """Records at the tip that this installation holds, but does not know of: a lost answer, or a crash."""
        known = {entry.claim for entry in self.world.entries.values()}
        for view in open_views(self.snapshot):
            for record in () if view.damage else view.executions:
                mine = record.state.active and record.claim.node == self.world.me.node
                if mine and record.claim.id not in known and not view.flagged(record.execution):
                    yield view, record

    def _without_entry(self, view: ProjectView, record: Execution) -> None:
        if record.claim.incarnation != self.world.me.incarnation:
            if record.claim.lease.exclusive and not self._surely_over(view, record):
                return
            gone = record.model_copy(update={"state": State.LOST, "reason": End.NODE_LOST})
            self.draft.record(view.id, event_of("lose", view.id, gone, "held by an earlier installation"), gone)
            return
        if record.claim.lease.exclusive:
            self._unknown_exclusive(view, record)
            return
        if self._go_on(record) or not self.world.engine:
            return
        if not self.ids_left or not free_again(self.world, record):
            return
        fresh = self.ids_left.pop()
        taken = again(self.world.me, self.snapshot, view, record, claim=fresh, wall=self.world.wall)
        if taken is None:
            text = "its claim was not known to have landed, and its definition is gone"
            failed = record.model_copy(update={"state": State.FAILED, "reason": End.INFRASTRUCTURE, "text": text})
            self.draft.record(view.id, event_of("fail", view.id, failed, text), failed)
            return
        event = event_of("reclaim", view.id, taken.record, f"epoch {taken.record.claim.epoch}")
        self.draft.record(view.id, event, taken.record)
        self.grants.append(taken.entry)

    def _surely_over(self, view: ProjectView, record: Execution) -> bool:
        """Whether what an earlier installation of this very machine may still run has ended by its own watchdog."""
        key = ("earlier installation", view.id, record.execution, record.claim.id)
        self.watched.add(key)
        return self.world.seen.age(key) >= record.claim.lease.lost_after

    def _unknown_exclusive(self, view: ProjectView, record: Execution) -> None:
        """It is not claimed again, but ended, once nothing of it runs."""
        container = record.claim.container
        sight = self.world.containers.get(container)
        if not self.world.engine or container in self.world.busy or (sight and sight.running):
            return
        text = "its claim was not known to have landed while it lasted"
        failed = record.model_copy(update={"state": State.FAILED, "reason": End.INFRASTRUCTURE, "text": text})
        self.draft.record(view.id, event_of("fail", view.id, failed, text), failed)

    def _go_on(self, record: Execution) -> bool:
        """Adopt the container of exactly this claim, if our journal knows what it was ordered to do.

        Also one that was told to stop: why stands in the journal, and how it ended is told under the claim.
        """
        entry = self.world.entries.get(record.claim.container)
        sight = self.world.containers.get(record.claim.container)
        if entry is None or not (sight or record.claim.container in self.world.outbox):
            return False
        self.adopted.append(entry.model_copy(update={"claim": record.claim.id, "phase": "started"}))
        return True

    def _ends_without_entry(self) -> None:
        """What a crash left while its claim was dropped: of no use once the record has ended, or is another claim's."""
        for container, ended in self.world.outbox.items():
            if container in self.world.entries or container in self.world.busy:
                continue
            view = self.snapshot.projects.get(ended.project)
            record = view.execution(ended.execution) if view else None
            if view and (view.damage or (record and view.flagged(record.execution))):
                continue
            if record is None or record.state.ended or record.claim.container != container:
                self.drops.append(container)

    def _orphans(self) -> None:
        """Containers of this installation that belong to no claim we know: stop and remove them."""
        known = set(self.world.entries)
        for id, sight in self.world.containers.items() if self.world.engine else ():
            if id in known or id in self.world.busy:
                continue
            if sight.running:
                self.stops.append(Stop(id))
            else:
                self.removals.append(id)

    # -- small news, which travel with other news ------------------------------------------------------------------

    def mention(self) -> None:
        """That a stage runs, or is prepared. On its own that is worth a push only once it has lasted for a while."""
        alone = not self.draft.commits
        for entry in self.world.entries.values():
            view = self.snapshot.projects.get(entry.order.project)
            record = self.draft.view(view.id).execution(entry.order.execution) if view else None
            if view and record and (view.damage or view.flagged(record.execution)):
                continue
            if record and record.claim.id == entry.claim and record.state is State.RUNNING:
                with blamed_on(entry.order.project):
                    self._mention_saved(record, entry)
            if not record or record.claim.id != entry.claim or record.state not in (State.CLAIMED, State.PREPARING):
                continue
            with blamed_on(entry.order.project):
                if entry.container in self.world.lapsed:
                    self._renew(record, entry)
                else:
                    self._mention(record, entry, alone=alone)

    def _renew(self, record: Execution, entry: HeldClaim) -> None:
        """Any commit does: what others decided before it, that the claim is lost, is refused from then on."""
        project = entry.order.project
        held = record.model_copy(update={"state": State.PREPARING, "text": HELD_ON})
        self.draft.record(project, event_of("prepare", project, held, HELD_ON), held)

    def _mention(self, record: Execution, entry: HeldClaim, *, alone: bool) -> None:
        sight, launch = self._sight(entry), self.world.launching.get(entry.container)
        if sight and sight.queued:
            if record.times.awaits != sight.queued:
                self._mention_queued(record, entry, sight)
        elif sight and sight.running:
            if not alone or self._settled_since(sight.started):
                self._mention_running(record, entry)
        elif launch and record.state is State.CLAIMED and self._settled_since(launch.since):
            self._mention_preparing(record, entry, launch)

    def _settled_since(self, moment: float | None) -> bool:
        return moment is not None and self.world.now - moment >= self.world.me.settle

    def _mention_preparing(self, record: Execution, entry: HeldClaim, launch: Launch) -> None:
        project = entry.order.project
        preparing = record.model_copy(update={"state": State.PREPARING, "text": launch.text[:LONGEST_TEXT]})
        self.draft.record(project, event_of("prepare", project, preparing, preparing.text), preparing)

    def _mention_queued(self, record: Execution, entry: HeldClaim, sight: ObservedContainer) -> None:
        """Again only when the reason is another one: when it is expected to begin changes all the time."""
        project, text = entry.order.project, sight.detail[:LONGEST_TEXT]
        times = record.times.model_copy(update={"awaits": sight.queued[:50]})
        queued = record.model_copy(update={"state": State.PREPARING, "times": times, "text": text})
        self.draft.record(project, event_of("queue", project, queued, text), queued)

    def _mention_saved(self, record: Execution, entry: HeldClaim) -> None:
        """What the next attempt begins with, should this node be lost."""
        if entry.saved is None or entry.saved == record.workspace.saved or entry.stop:
            return
        project, workspace = entry.order.project, record.workspace.model_copy(update={"saved": entry.saved})
        kept = record.model_copy(update={"workspace": workspace})
        self.draft.record(project, event_of("save", project, kept, ""), kept)

    def _mention_running(self, record: Execution, entry: HeldClaim) -> None:
        running = record.model_copy(
            update={
                "state": State.RUNNING,
                "text": "",
                "image": entry.image or record.image,
                "services": entry.services or record.services,
                "inputs": {**record.inputs, **entry.files},
                "project_files": entry.project_files or record.project_files,
                "workspace": began_with(record, entry.manifest),
                "times": record.times.model_copy(update={"started": entry.began, "awaits": ""}),
            }
        )
        self.draft.record(entry.order.project, event_of("run", entry.order.project, running, ""), running)


def with_end(record: Execution, ended: ExecutionEnd) -> Execution:
    return record.model_copy(
        update={
            "state": ended.state,
            "reason": ended.reason,
            "text": ended.text,
            "result": ended.result,
            "cached": ended.cached,
            "image": ended.image or record.image,
            "services": ended.services or record.services,
            "inputs": {**record.inputs, **ended.inputs},
            "project_files": ended.project_files or record.project_files,
            "workspace": began_with(record, ended.manifest),
            "times": ended_times(record, ended),
            "log": ended.log,
            "artifacts": ended.artifacts.files if ended.artifacts else 0,
        }
    )


def began_with(record: Execution, manifest: str | None) -> WorkspaceRecord:
    return record.workspace.model_copy(update={"manifest": manifest}) if manifest else record.workspace


def attachments(ended: ExecutionEnd) -> tuple[Write, ...]:
    """The log summary and the list of artifacts, written once, with the end."""
    writes = []
    if ended.log_text:
        writes.append(Write(layout.log(ended.project, ended.execution, ended.slot), ended.log_text))
    if ended.artifacts:
        writes.append(Write(layout.artifacts(ended.project, ended.execution, ended.slot), ended.artifacts))
    return tuple(writes)


_VERBS = {State.SUCCEEDED: "succeed", State.FAILED: "fail", State.ABORTED: "abort"}


def end_event(record: Execution, ended: ExecutionEnd) -> StateEvent:
    fact = str(ended.reason) if ended.reason else ""
    if ended.text:
        fact = f"{fact}: {ended.text}" if fact else ended.text
    event = event_of(_VERBS[ended.state], ended.project, record, fact)
    return replace(event, duration=ended.duration)


def event_of(verb: str, project: str, record: Execution, fact: str) -> StateEvent:
    return StateEvent(
        verb=verb,
        project=project,
        execution=record.execution,
        stage=record.slot,
        fact=fact,
        claim=record.claim.id,
        request=record.request,
    )


def unanswered_now(view: ProjectView) -> bool:
    """Whether any request could be answered on this view."""
    return next(answer_all(view), None) is not None
