"""Rounds of one controller: observe, decide, act. A round never waits for a stage."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from controller.dirs.contract import Trees
from controller.failpoints import Failpoint, nothing
from controller.journal.journal import Journal, Tips
from controller.launch.exclusive_leases import ExclusiveLeases
from controller.launch.launcher import Launcher
from controller.loop.alarms import Alarms
from controller.loop.gpu_state import GpuReading, GpuState, nobody
from controller.loop.halts import Halts
from controller.loop.heartbeat import HeartbeatWriter
from controller.loop.patience import NoPatience, Patience
from controller.loop.push_recovery import PushRecovery
from controller.loop.server_backoff import FETCH, PAUSE, ServerBackoff, declined
from flow.model.clock import Clock
from flow.model.commits import Commit, StateEvent, Write
from flow.model.snapshot import Snapshot
from flow.node.decision import Decision, Wipe
from flow.node.gpu_use import Sharing
from flow.node.node_world import (
    DeletionMark,
    ExecutionEnd,
    HeldClaim,
    LaunchOrder,
    NodeIdentity,
    ObservedContainer,
    World,
)
from flow.node.owner_word import NOTHING_WANTED, OwnerWord
from flow.node.sightings import CREDIT, Sightings, looked, missed
from flow.node.signs_of_life import SignsOfLife
from flow.node.unrecorded import lost_work
from flow.reconcile.decide import decide
from flow.reconcile.stewardship import earlier
from runner.contract.errors import EngineUnavailable, RunnerError
from runner.contract.labels import gpu_share_of, gpus_of
from runner.contract.runner import Runner
from runner.contract.spec import Container
from runner.gpus import Gpus, NoGpus
from schema import layout
from schema.node import SCHEMA, NodeAway, NodeGpu, NodeSettings
from schema.policy import NO_GRANTS, Grants
from schema.reasons import End
from state.contract.errors import CredentialsRefused, Inconsistent, StateError, Unreachable
from state.contract.repository import Landed, Outcome, Rejected, Rejection, Repository, Unknown

IDS_PER_ROUND = 64
STALLS = 6
"""Looks in a row that find a `main` older than the state, before it is taken to be rewound."""
REMEDY = "`winslowctl recover` puts it back, or lets the loss stand (docs/operating.md)"
FULL = "its disk is nearly full"
COPY = "may be a copy"
LACKS = (
    "stages that the journal knows are not here, and the machine is another one or started anew; before anything is "
    "judged, it is seen whether another process beats under this name"
)
LAST_WORDS = 5
"""Times that a node which ends tries to say so, where others push at the same time."""


@dataclass(frozen=True, slots=True)
class NodeServices:
    """What a controller is made of."""

    me: NodeIdentity
    repository: Repository
    runner: Runner
    workshop: Launcher
    trees: Trees
    journal: Journal
    clock: Clock
    poll: float
    beat: float
    fresh_id: Callable[[], str]
    failpoint: Failpoint = nothing
    room: Callable[[], bool] = lambda: True
    pause: float = PAUSE
    gpus: Gpus = field(default_factory=NoGpus)
    say: Callable[[str], None] = lambda text: None
    show: Callable[[World], None] = lambda world: None
    changed: Callable[[Snapshot, Snapshot, Sequence[Commit]], None] = lambda before, after, commits: None
    load: Callable[[], dict[str, float]] = dict
    note: Callable[[str, str], None] = lambda container, text: None
    retain: Callable[[World], str] = lambda world: ""
    pools: Callable[[World], World] = lambda world: world
    grants: Callable[[], Grants] = lambda: NO_GRANTS
    clock_steps: Callable[[], str] = lambda: ""
    owner: Callable[[NodeSettings, Sequence[NodeGpu]], OwnerWord] = lambda settings, gpus: NOTHING_WANTED
    look: Callable[[World, Iterable[str]], World] = lambda world, files: world
    gpu_use: GpuReading = nobody
    patience: Patience = field(default_factory=NoPatience)
    boot: str = ""  # which boot of the machine the clock counts from


class Controller:
    def __init__(self, parts: NodeServices) -> None:
        self.parts = parts
        self.seen = Sightings()
        self.watched: frozenset[object] = frozenset()
        self.snapshot: Snapshot | None = None
        self.halted: str | None = None
        self.refusals = ServerBackoff(parts.pause)
        self.pulse = HeartbeatWriter(
            parts.repository, parts.me, parts.beat, parts.fresh_id, self.refusals, parts.journal, parts.load
        )
        self.pushes = PushRecovery(parts.journal, parts.repository, parts.me.node, self._changed)
        self.devices = GpuState(parts.gpus, parts.say, parts.gpu_use)
        self.lost_races = 0
        self.in_company = False  # somebody else's commit landed since the last look
        self._state = ""  # what `winslow/state` was when this node last saw or moved it
        self._again: dict[str, float] = {}  # when what could not be deleted is tried again
        self._stalls = 0  # fetches in a row that found an aged `main`
        self._beat: str | None = None  # what this node's ref held at the last look
        self.alarms = Alarms(parts.say)
        self.halts = Halts(parts.repository, parts.me.node)
        self._containers: Mapping[str, Container] = {}
        self._signs = SignsOfLife()
        self.leases = ExclusiveLeases(parts.journal, parts.runner, parts.clock, parts.boot)
        parts.workshop.lease_lasts, parts.workshop.until = self._lease_lasts, self.leases.until

    def _lease_lasts(self, container: str) -> bool:
        """Measured anew right before a start: between a claim and its start this process may have slept for hours."""
        entry = self.parts.journal.entries.get(container)
        if entry and entry.exclusive:
            return self.leases.lasts(container)
        return entry is not None and entry.lease_lasts(self.parts.clock.now(), self.parts.boot, self._signs)

    def _lapsed(self) -> frozenset[str]:
        granted = (
            id for id, entry in self.parts.journal.entries.items() if entry.phase == "granted" and not entry.exclusive
        )
        return frozenset(id for id in granted if not self._lease_lasts(id))

    def _heard(self) -> None:
        """A heartbeat of this node is known to have arrived."""
        if self.pulse.landed_at is not None:
            self._signs = self._signs.beaten(self.pulse.landed_at)

    @property
    def running(self) -> tuple[str, ...]:
        """Its containers that ran at the last look."""
        return tuple(id for id, container in self._containers.items() if container.running)

    @property
    def sharing(self) -> dict[str, Sharing]:
        """Which of its containers that ran at the last look share GPUs."""
        labels = {id: found.labels for id, found in self._containers.items() if found.running}
        return {id: Sharing(gpus_of(each), share) for id, each in labels.items() if (share := gpu_share_of(each))}

    def gpus_of(self, container: str) -> tuple[str, ...]:
        """That the container was given."""
        found = self._containers.get(container)
        return gpus_of(found.labels) if found else ()

    def round(self) -> Outcome | None:
        return self.step(self.observe())

    def step(self, world: World) -> Outcome | None:
        """Decide on an observed world and act; the outcome of the push, if there was one.

        What would claim a GPU is decided once more on what the driver says at this moment.
        """
        decision = decide(world)
        if decision.unseen:
            world = self.parts.look(world, decision.unseen)
            decision = decide(world)
        if any(entry.order.gpus for entry in decision.grants):
            world = self.devices.seen(world, fresh=True)
            decision = decide(world)
        self.parts.show(world)
        outcome = self.act(world, decision)
        self.pushes.heard(outcome, world.snapshot, decision.commits)
        if isinstance(outcome, Landed) and outcome.snapshot:
            self.parts.show(replace(world, snapshot=outcome.snapshot))
        return outcome

    def _changed(self, before: Snapshot, after: Snapshot, commits: Sequence[Commit]) -> None:
        self.parts.changed(before, after, commits)

    # -- observe ----------------------------------------------------------------------------------------------------

    def observe(self) -> World:
        parts = self.parts
        fresh = self._fetch()
        # In this order: what is not under way has left its setback, its entry, its end and its container behind.
        busy, setbacks, launching = parts.workshop.busy, parts.workshop.setbacks, parts.workshop.launching
        entries, outbox = parts.journal.entries, parts.journal.outbox
        engine, room = self._look(), self._room()
        leases = self._leases(fresh=fresh)
        world = World(
            me=self._me(room),
            snapshot=self.snapshot,
            fresh=fresh,
            now=parts.clock.now(),
            wall=parts.clock.wall(),
            poll=parts.poll,
            entries=entries,
            outbox=outbox,
            containers=self._sights(),
            busy=busy,
            seen=self.seen,
            ids=tuple(parts.fresh_id() for _ in range(IDS_PER_ROUND)),
            wiped=parts.journal.wiped,
            halted=self.halted,
            room=room,
            setbacks=setbacks,
            launching=launching,
            halts=self.halts.seen(self.snapshot, self.seen) if fresh and self.snapshot else {},
            engine=engine,
            leases=leases,
            boot=parts.boot,
            unseen=self.pulse.unseen,
            lapsed=self._lapsed(),
        )
        return self._named(parts.pools(self._owned(self.devices.seen(world))))

    def _sights(self) -> dict[str, ObservedContainer]:
        used = self.parts.gpu_use().memory
        return {id: _sight(container, used.get(id, {})) for id, container in self._containers.items()}

    def _owned(self, world: World) -> World:
        """What the owner of this machine wants of it."""
        node, known = world.me.node, world.snapshot.nodes if world.snapshot else {}
        said = self.parts.owner(known.get(node, NodeSettings()), world.me.inventory.gpus)
        if said == NOTHING_WANTED:
            return world
        inventory = world.me.inventory.model_copy(update={"owner": said.why, "yielded": said.settled})
        return replace(world, me=replace(world.me, inventory=inventory), ends_all=said.ends_all)

    def _me(self, room: bool) -> NodeIdentity:
        me, grants = self.parts.me, self.parts.grants()
        inventory = me.inventory
        if not room:
            inventory = inventory.model_copy(update={"full": FULL})
        if steps := self.parts.clock_steps():
            inventory = inventory.model_copy(update={"clock": steps})
        if grants != NO_GRANTS:
            inventory = inventory.model_copy(update={"grants": grants})
        return replace(me, inventory=inventory)

    def _leases(self, *, fresh: bool) -> dict[str, float]:
        """Of exclusive stages. Nothing prolongs them while the node has halted."""
        found = self.leases.now(self._containers)
        if fresh and found and self.snapshot:
            self.leases.seen(self.snapshot, self.pulse.seen_at)
            self.leases.tell()
            found = self.leases.now(self._containers)
        return found

    def _named(self, world: World) -> World:
        """A new node beats before all else: of several that begin under one name, one has it, and only that goes on."""
        if world.fresh and self._may_be_a_copy(world):
            return replace(world, fresh=False)
        if not (world.fresh and self.pulse.new):
            return world
        outcome = self.pulse.beat(world, None, None)
        taken = isinstance(outcome, Rejected) and outcome.kind is Rejection.RACE
        return replace(world, fresh=not taken)

    def _may_be_a_copy(self, world: World) -> bool:
        """Of the data folder of a node that lives: what the journal says was begun on another boot is not here. Such a
        process judges nothing, and leaves the name alone, until the other one would have beaten.
        """
        if self.pulse.landed_at is not None or not self.pulse.restarted:
            return False
        here = {*world.containers, *world.outbox}
        if all(entry.boot == world.boot or id in here for id, entry in world.entries.items()):
            return False
        self.watched |= {COPY}
        if self.seen.age(COPY) > self.parts.beat + self.parts.poll:
            self.alarms.over("copy")
            return False
        self.alarms.tell("copy", LACKS)
        return True

    def _is_seen(self, world: World) -> None:
        if world.unseen and len(world.snapshot.inventories if world.snapshot else ()) > 1:
            rests = "no new work is taken while other nodes are there; `winslowctl doctor` says why"
            self.alarms.tell("unseen", f"{world.unseen}: {rests}", "unseen")
        elif not world.unseen:
            self.alarms.over("unseen")

    def _look(self) -> bool:
        """At the containers, if the engine answers; nothing that goes on without it waits for it."""
        try:
            self._containers = self.parts.patience.ask("look", self.parts.runner.containers)
        except EngineUnavailable as error:
            self.alarms.tell("engine", f"{error}; until then no container is judged, and no new work is taken", "away")
            return False
        self.alarms.over("engine")
        return True

    def _room(self) -> bool:
        room = self.parts.room()
        if room:
            self.alarms.over("room")
        else:
            self.alarms.tell("room", "the disk is nearly full: no new work is taken until there is room")
        return room

    def _fetch(self) -> bool:
        parts = self.parts
        if self.refusals.wait(FETCH, parts.clock.now()):
            return False
        try:
            snapshot = parts.repository.fetch()
        except StateError as error:
            if isinstance(error, CredentialsRefused):
                self.refusals.fetched(parts.clock.now(), refused=True)
            if isinstance(error, Unreachable) and error.retry_after is not None:
                self.refusals.throttled(parts.clock.now(), error.retry_after)
            self.refusals.missed(parts.clock.now())
            self.alarms.tell("fetch", str(error))
            self.seen = missed(self.seen)
            self._stalled(error)
            return False
        self._stalls = 0
        self.refusals.fetched(parts.clock.now(), refused=False)
        self.pulse.look(snapshot, parts.clock.now())
        self._heard()
        self.alarms.over("fetch")
        self._beat = snapshot.heartbeats.get(parts.me.node)
        if self._halt(self._rewound(snapshot) or self.pulse.twin):
            return False
        self.in_company = bool(self._state) and snapshot.state != self._state
        self._state = snapshot.state
        parts.journal.saw(Tips(snapshot.main, snapshot.state))
        self.snapshot = snapshot
        self.pushes.look(snapshot)
        self._reads(snapshot.settings.schema_version)
        if len(snapshot.inventories) <= 1:
            self._signs = self._signs.renewed(parts.clock.now())
        self.seen = looked(self.seen, now=parts.clock.now(), poll=parts.poll, snapshot=snapshot, watched=self.watched)
        return not self._halt(self._told(snapshot))

    def _reads(self, wanted: int) -> None:
        """Whether this node is new enough for the repository; what it runs goes on all the same."""
        if wanted > SCHEMA:
            text = f"winslow.yaml wants schema {wanted}, and this node reads up to {SCHEMA}: NodeTooOld"
            self.alarms.tell("too old", f"{text}; it acts only for what it already runs; upgrade Winslow here")
        else:
            self.alarms.over("too old")

    def _halt(self, why: str | None) -> bool:
        self.halted = why
        if why:
            self.alarms.tell("halt", why)
        else:
            self.pulse.lost = ""
            self.alarms.over("halt")
        return bool(why)

    def _told(self, snapshot: Snapshot) -> str | None:
        """Why this node halts that lost nothing itself: another one did that lives, and this one lacks the same."""
        self.halts.seen(snapshot, self.seen)
        for node, lost, why in self.halts.losses(snapshot, self.seen):
            tips = (snapshot.main, snapshot.state)
            if not any(self.parts.repository.descends(tip, lost) for tip in tips):
                return f"{node} has halted: {why}"
        return None

    def _stalled(self, error: StateError) -> None:
        """A mirror may lag for a moment; a `main` that lacks for long what the state was decided on was rewound."""
        self._stalls = self._stalls + 1 if isinstance(error, Inconsistent) else 0
        if isinstance(error, Inconsistent) and self._stalls >= STALLS:
            self.pulse.lost = error.wanted
            self._halt(f"main went back: {error.wanted[:12]} is not in it any more; {REMEDY}")

    def _rewound(self, snapshot: Snapshot) -> str | None:
        """Why this node halts: a branch no longer holds a commit that was seen on it."""
        tips = self.parts.journal.tips
        for branch, tip, before in (
            ("main", snapshot.main, tips.main),
            ("winslow/state", snapshot.state, tips.state),
        ):
            if before and tip != before and not self.parts.repository.descends(tip, before):
                self.pulse.lost = before
                return f"{branch} went back: {before[:12]} is not in it any more; {REMEDY}"
        return None

    # -- the end ----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Say that nobody answers here from now on; what runs goes on. Not where the server is away, or it halted."""
        for _ in range(LAST_WORDS):
            if self.halted or self.seen.polled is None:
                return
            try:
                outcome = self._last_words(self.parts.repository.fetch())
            except StateError:
                return
            if not isinstance(outcome, Rejected) or outcome.kind is not Rejection.RACE:
                return

    def _last_words(self, found: Snapshot) -> Outcome | None:
        me, clock = self.parts.me.node, self.parts.clock
        known, beat = found.inventories.get(me), found.heartbeats.get(me)
        if known is None or beat is None or self._rewound(found):
            return None
        told = NodeAway(why="stopped", beat=beat, by=me, since=earlier(clock.wall(), 0.0))
        write = Write(layout.inventory(me), known.model_copy(update={"away": told}))
        outcome = self.parts.repository.swap(found, [Commit(StateEvent("leave", fact=me), (write,))], node=me)
        if isinstance(outcome, Landed):
            self.parts.journal.saw(Tips(found.main, outcome.oid))
        return outcome

    # -- act --------------------------------------------------------------------------------------------------------

    def act(self, world: World, decision: Decision) -> Outcome | None:
        self.watched = decision.watched or self.watched
        self._is_seen(world)
        if world.fresh:
            self.alarms.only("fault in", dict(decision.faults))
        self._stop(world, decision)
        self._settle(world, decision)
        for entry in decision.adopted:
            with suppress(OSError):  # a full disk: it is adopted again at the next look
                self.parts.journal.keep(entry)
        for container in decision.launches:
            self.parts.workshop.launch(world.entries[container])
        outcome = self._swap(world, decision)
        self._retain(world)
        if world.fresh or self.halted:
            match self.pulse.beat(world, self._beat, self.halted):
                case Landed(oid=oid):
                    self._beat = oid
                    self._heard()
                    self.alarms.over("heartbeat")
                case Rejected(kind=Rejection.RACE, text=text):
                    self.alarms.lost_race("heartbeat", self._beat, text)
                case Rejected(kind=kind, text=text):
                    self.alarms.tell("heartbeat", declined("a heartbeat", kind, text), kind)
                case Unknown(text=text):
                    self.alarms.tell("heartbeat", f"no answer to a heartbeat: {text}; trying again", "no answer")
        return outcome

    def _retain(self, world: World) -> None:
        """Nothing of what was seen goes by while the view is old, or the node has halted."""
        if not (world.fresh and world.engine) or self.halted:
            return
        try:
            text = self.parts.retain(world)
        except OSError as error:
            text = f"nothing can be tidied up: {error}"
        if text:
            self.alarms.tell("disk", text, "full")
        else:
            self.alarms.over("disk")

    def _stop(self, world: World, decision: Decision) -> None:
        for stop in decision.stops:
            if stop.reason in (End.DELETED, End.PREEMPTED) and self._old(world):
                continue
            if stop.reason:
                self.parts.journal.mark_stop(stop.container, stop.reason, stop.text)
                self.parts.note(
                    stop.container, f"asked to stop: {stop.reason}" + (f", {stop.text}" if stop.text else "")
                )
            self._quietly("stop", self.parts.runner.stop, stop.container)

    def _old(self, world: World) -> bool:
        """Whether this process slept since it looked: what can be taken back, a deletion say, may have been since."""
        return self.parts.clock.now() - world.now > CREDIT * self.parts.poll

    def _quietly(self, what: str, action: Callable[[str], None], container: str) -> None:
        try:
            self.parts.patience.ask(f"{what} {container}", lambda: action(container))
            self.alarms.over(container)
        except RunnerError as error:
            self.alarms.tell(container, str(error))

    def _settle(self, world: World, decision: Decision) -> None:
        parts = self.parts
        for ended in decision.ends:
            self._keep(ended)
        for container in decision.collects:
            parts.workshop.collect(parts.journal.entries[container], self._containers[container])
        for container in decision.removals:
            parts.failpoint("before-remove")
            self._quietly("remove", parts.runner.remove, container)
            parts.failpoint("after-remove")
        for container in decision.drops:
            if entry := world.entries.get(container):
                self._tell_lost(world, entry)
                self._let_go(container, entry.order)
            parts.journal.drop(container)
            parts.workshop.forget(container)
        for wipe in () if self._old(world) else decision.wipes:
            self._wipe(world, wipe)

    def _tell_lost(self, world: World, entry: HeldClaim) -> None:
        view = world.snapshot.projects.get(entry.order.project) if world.snapshot else None
        if text := lost_work(view, entry, world.outbox.get(entry.container), self.parts.me.node):
            self.parts.say(text)

    def _keep(self, ended: ExecutionEnd) -> None:
        try:
            self.parts.journal.put(ended)
        except OSError as error:  # it follows from the repository and the containers, so it can be told all the same
            self.alarms.tell("journal", f"the journal cannot be written, and is kept in memory until then: {error}")
            self.parts.journal.hold(ended)
        else:
            self.alarms.over("journal")

    def _let_go(self, container: str, order: LaunchOrder) -> None:
        """What stays goes with its workspace, or at the next start."""
        try:
            self.parts.trees.let_go(container, order)
        except OSError as error:
            self.alarms.tell("let go", f"{order.project}/{order.execution}: its folders could not be cleared: {error}")
        else:
            self.alarms.over("let go")

    def _wipe(self, world: World, wipe: Wipe) -> None:
        """What cannot be deleted now is tried again a little later; it stands in the way of nothing else."""
        about, parts = f"{'part' if wipe.part else 'wipe'} {wipe.project}", self.parts
        if world.now < self._again.get(about, 0.0):
            return
        done = parts.journal.wiped.get(wipe.project, DeletionMark())
        try:
            if wipe.part:
                parts.trees.part(wipe.project, wipe.generation)
                done = done.model_copy(update={"parted": wipe.generation})
            else:
                parts.trees.wipe(wipe.project, wipe.execution, files=wipe.files)
                done = DeletionMark(
                    generation=wipe.generation, execution=wipe.execution, commit=wipe.commit, parted=done.parted
                )
            parts.journal.mark_wiped(wipe.project, done)
        except OSError as error:
            self._again[about] = world.now + parts.pause
            self.alarms.tell(about, f"files of the deleted project {wipe.project} stay, and are tried again: {error}")
        else:
            self._again.pop(about, None)
            self.alarms.over(about)

    def _swap(self, world: World, decision: Decision) -> Outcome | None:
        if not decision.commits or world.snapshot is None or self.refusals.wait("swap", world.now):
            return None
        parts = self.parts
        self.pushes.begin(world.snapshot, decision.commits)
        self._write_down(decision)
        parts.failpoint("before-push")
        outcome = self._pushed(world, world.snapshot, decision)
        parts.failpoint("after-push")
        self.refusals.heard("swap", outcome, world.now)
        match outcome:
            case Landed(oid=oid):
                self.lost_races = 0
                self._signs = self._signs.renewed(world.now)
                self.alarms.over("push")
                self._state = oid
                self._granted(decision)
                parts.journal.saw(Tips(world.snapshot.main, oid))
            case Rejected(kind=Rejection.RACE, text=text):
                self.lost_races += 1
                self.alarms.lost_race("push", world.snapshot.state, text)
            case Rejected(kind=kind, text=text):
                self.lost_races = 0
                self.alarms.tell("push", declined("a push", kind, text), kind)
            case Unknown(text=text):
                self.alarms.tell("push", f"no answer to a push: {text}; looking again", "no answer")
        return outcome

    def _pushed(self, world: World, base: Snapshot, decision: Decision) -> Outcome:
        """A claim of an exclusive stage goes with a heartbeat: its lease begins with what others then see."""
        repository, me = self.parts.repository, self.parts.me.node
        exclusive = [entry.claim for entry in decision.grants if entry.exclusive]
        if not exclusive:
            return repository.swap(base, decision.commits, node=me)
        sign = self.pulse.with_claim(world, self._beat, exclusive)
        outcome = repository.swap(base, decision.commits, node=me, beat=sign)
        self.pulse.came_with_claim(sign, outcome)
        if isinstance(outcome, Landed):
            self._beat = outcome.beat
        return outcome

    def _write_down(self, decision: Decision) -> None:
        """What is claimed, before anybody may see it: an answer that is lost then costs nothing."""
        for entry in decision.grants:
            if entry.phase == "granted":
                with suppress(OSError):  # then it is claimed anew, should its answer be lost
                    self.parts.journal.send(entry, at=self.parts.clock.now(), boot=self.parts.boot)

    def _granted(self, decision: Decision) -> None:
        """What was claimed is launched while that is written down; what goes on under a new id is written down."""
        for entry in decision.grants:
            if entry.phase == "granted":
                self.parts.journal.grant(entry)
                self.parts.workshop.launch(entry)
        for entry in decision.grants:
            self.parts.failpoint("before-journal")
            with suppress(OSError):  # this process knows it; a later one finds it in the repository
                if entry.phase == "granted":
                    self.parts.journal.write_granted(entry.container)
                else:
                    self.parts.journal.keep(entry)
            self.parts.failpoint("after-journal")


def _sight(container: Container, gpu_memory: Mapping[str, int]) -> ObservedContainer:
    return ObservedContainer(
        id=container.id,
        running=container.running,
        exited=container.exited,
        started=container.started,
        last_output=container.last_output,
        gpus=gpus_of(container.labels),
        gpu_share=gpu_share_of(container.labels),
        gpu_memory=gpu_memory,
        queued=container.waits,
        detail=container.detail if container.waits else "",
    )
