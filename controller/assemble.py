"""A node from its options: builds the objects, runs the rounds until it is told to end."""

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil

from controller import nudged
from controller.archiving import Archiving
from controller.bereft import Bereft
from controller.boot import BootClock
from controller.disk import FolderDisk
from controller.failpoints import from_environment
from controller.folders import Folders
from controller.heartbeat import NameTaken
from controller.journal import Journal, JournalError
from controller.loop import Controller, Parts
from controller.notifier import Notifier
from controller.notify_send import CannotSend, read_targets
from controller.outgoing import Outgoing
from controller.pace import Pace
from controller.pools import Pools
from controller.retaining import NO_LEAST, Retaining, Room, spoken_of
from controller.sampler import Sampler, Stages, of_gpus
from controller.sampler import start as start_sampling
from controller.window import VIEW, Window
from controller.workshop import ThreadJobs, Tools, Workshop
from flow.change import Commit
from flow.local import Me, World
from flow.world import Snapshot
from runner import log_events
from runner.bucket import Bucket, settings
from runner.errors import RunnerError
from runner.gpu_load import GpuLoads
from runner.gpus import Gpus, NoGpus, lost
from runner.gpus import find as gpus_found
from runner.labels import Owner
from runner.load import EVERY, STAGES_EVERY
from runner.measure import Machine
from runner.peers import Key, Peers
from runner.runner import Runner
from runner.store import identity
from runner.store.errors import StoreError
from schema.node import Inventory
from state.errors import StateError
from state.git import GitRepository
from state.repository import Landed
from state.urls import shown
from state.watch import watch

Say = Callable[[str], None]
LEAST_FREE = 64 * 1024 * 1024
"""Bytes of free disk below which a node takes no new work."""


class CannotStart(Exception):
    """The node cannot run like this; the text says what to do."""


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """`winslowctl node`'s options. Times in seconds. `images` maps image patterns to folders (process runner)."""

    repo: str
    name: str
    data: Path
    runner: str = "auto"
    poll: float = 5.0
    heartbeat: float = 60.0
    slots: int | None = None
    pool: Path | None = None
    images: Path | None = None
    labels: tuple[str, ...] = ()
    notify: Path | None = None  # the file of addresses; without it this node tells nobody
    settle: float = 1.0
    board: float = 60.0
    peer: str | None = (
        None  # HOST:PORT where other nodes find this one's objects; a child of this process answers there
    )
    store: Path | None = None  # a directory that nodes share, instead of a store of its own
    bucket: str | None = None  # s3://NAME/PREFIX for what other nodes may need
    bucket_keys: Path | None = None  # its keys, where they are not in the environment
    keep_free: Room = NO_LEAST  # free disk below which more is dropped than retention's rules say
    once: bool = False
    stop_stages: bool = False  # at the end, stop what runs instead of leaving it to the next start
    ended: threading.Event = field(default_factory=threading.Event)


def run_node(options: NodeOptions, say: Say) -> int:
    """Rounds until SIGTERM, SIGINT or `options.ended`. Containers go on, unless `stop_stages`. The exit code."""
    options = _absolute(options)
    try:
        if options.notify:
            read_targets(options.notify)
        with _only_one(options.data):
            return _run(options, say)
    except (CannotStart, CannotSend, JournalError, NameTaken, StateError, StoreError, RunnerError) as error:
        say(f"cannot start: {error}")
        return 1


def _absolute(options: NodeOptions) -> NodeOptions:
    """Paths as they are wherever a child of this process looks from."""
    return replace(
        options,
        data=options.data.absolute(),
        pool=options.pool.absolute() if options.pool else None,
        images=options.images.absolute() if options.images else None,
        notify=options.notify.absolute() if options.notify else None,
        store=options.store.absolute() if options.store else None,
        bucket_keys=options.bucket_keys.absolute() if options.bucket_keys else None,
    )


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """One controller for a data directory: the second is refused."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"another controller works in {data}; give this one its own --data") from None
        yield


def _run(options: NodeOptions, say: Say) -> int:
    journal = Journal(FolderDisk(options.data / "node"))
    incarnation = journal.incarnation() or _install(journal)
    owner = Owner(_repository_id(options), options.name, incarnation)
    pace = Pace(options.poll)
    gpus = gpus_found()
    runner = choose_runner(options, owner, pace.wake, say, gpus=bool(gpus.look()))
    if not runner.capabilities.gpus:
        gpus = NoGpus()
    sampler = Sampler(options.data, Machine(options.data), GpuLoads(gpus))
    controller = _controller(options, journal, incarnation, owner, runner, gpus, pace, say, sampler)
    _end_on_signals(options.ended, pace)
    gpu_use = lambda id: of_gpus(sampler.newest, controller.gpus_of(id))  # noqa: E731
    stages = Stages(options.data, lambda: controller.running, runner.usage, gpus=gpu_use)
    stop_watching, stop_nudges, stop_sampling = (
        watch(options.repo, pace.wake),
        nudged.watch(options.data, pace.wake),
        start_sampling((sampler, EVERY), (stages, STAGES_EVERY)),
    )
    try:
        controller.observe()
        kind, repo = runner.capabilities.name, shown(options.repo)
        say(f"node {options.name} ({kind}) on {repo}, polling every {options.poll:g} s")
        _rounds(controller, pace, options, say)
    finally:
        stop_watching()
        stop_nudges()
        stop_sampling()
        if options.stop_stages:
            _stop_all(runner)
        runner.reap()
    return 0


def _install(journal: Journal) -> str:
    incarnation = secrets.token_hex(16)
    journal.install(incarnation)
    return incarnation


def _repository_id(options: NodeOptions) -> str:
    """Kept from the first start on, so that another spelling of the URL does not orphan containers."""
    disk = FolderDisk(options.data / "node")
    known = disk.read("repository")
    if known:
        return known.decode()
    fresh = hashlib.blake2b(options.repo.encode(), digest_size=8).hexdigest()
    disk.write("repository", fresh.encode())
    return fresh


def choose_runner(
    options: NodeOptions, owner: Owner, wake: Callable[[], None], say: Say, *, gpus: bool = False
) -> Runner:
    """Docker where an engine answers, else processes; `docker` and `process` insist."""
    if options.runner in ("auto", "docker"):
        try:
            return _docker(options, owner, wake)
        except (RunnerError, ImportError) as error:
            if options.runner == "docker":
                raise CannotStart(str(error)) from None
            say(f"no Docker Engine ({str(error).splitlines()[0]}); stages run as processes")
    return _processes(options, owner, wake, gpus)


def _docker(options: NodeOptions, owner: Owner, wake: Callable[[], None]) -> Runner:
    from runner.docker import DockerRunner

    return DockerRunner(owner, options.data / "runs", on_change=wake)


def _processes(options: NodeOptions, owner: Owner, wake: Callable[[], None], gpus: bool) -> Runner:
    from runner.process import ProcessRunner, read_images

    images = read_images(options.images) if options.images else {}
    return ProcessRunner(owner, options.data / "runs", images=images, gpus=gpus, on_change=wake)


def _controller(
    options: NodeOptions,
    journal: Journal,
    incarnation: str,
    owner: Owner,
    runner: Runner,
    gpus: Gpus,
    pace: Pace,
    say: Say,
    sampler: Sampler,
) -> Controller:
    clock, failpoint = BootClock(), from_environment()
    isolated = runner.capabilities.isolation
    pool = options.pool or options.data / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    user = runner.capabilities.user
    key = Key(options.data / "node" / "peer.key") if options.peer else None
    peers = Peers(options.name, key)
    bereft, store, bucket = _store(options, say), identity.identify(options.data), _bucket(options)
    trees = Folders(
        options.data, pool, isolated=isolated, user=user, say=say, failpoint=failpoint, peers=peers, store=store,
        bucket=bucket,
    )  # fmt: skip
    trees.workspaces.wanted = None  # until the repository was looked at
    window = Window(options.data / VIEW, pool, time.time, bucket.name if bucket else "")
    notifier = Notifier(options.data / "notices", options.notify, say)

    def show(world: World) -> None:
        if world.snapshot:
            peers.known = world.snapshot.inventories
            bereft.seen(world.snapshot)
        window.show(world)
        notifier.seen(world)

    def note(container: str, text: str) -> None:
        log_events.note(options.data / "runs" / container, text)

    work = ThreadJobs()

    def changed(before: Snapshot, after: Snapshot, commits: Sequence[Commit]) -> None:
        notifier.changed(before, after, commits)
        peers.nudge()

    tools = Tools(owner, runner, trees, journal, work, clock, failpoint, pace.wake, say, partial(lost, gpus), note)
    retaining = Retaining(options.data, trees.workspaces, options.keep_free, work.submit, say, mend=trees.mend)
    archiving = Archiving(options.data, bucket, say, passing=failpoint)
    outgoing = Outgoing(options.data, trees.workspaces.objects, bucket, work.submit, say)

    def retain(world: World) -> str:
        outgoing.look()
        if world.snapshot is None:
            return ""
        held = lambda: spoken_of(journal)  # noqa: E731
        archiving.look(world.snapshot, held)
        return retaining.look(world.snapshot, held)

    me = Me(
        node=options.name,
        incarnation=incarnation,
        inventory=take_inventory(options, incarnation, runner, key).model_copy(
            update={"store": store, "bucket": bucket.name if bucket else ""}
        ),
        pool="/pool" if isolated else str(pool.absolute()),
        settle=options.settle,
        board=options.board,
    )
    return Controller(
        Parts(
            me=me,
            repository=GitRepository(options.repo, options.data / "clone.git"),
            runner=runner,
            workshop=Workshop(tools),
            trees=trees,
            journal=journal,
            clock=clock,
            poll=options.poll,
            beat=options.heartbeat,
            fresh_id=lambda: secrets.token_hex(16),
            failpoint=failpoint,
            room=lambda: enough_disk(options.data),
            gpus=gpus,
            say=say,
            load=lambda: sampler.newest,
            show=show,
            changed=changed,
            note=note,
            retain=retain,
            pools=Pools(pool).seen,
        )
    )


def _store(options: NodeOptions, say: Say) -> Bereft:
    """The store this node works with. One of its own that is gone is made anew, a shared one is not."""
    if options.store:
        identity.share(options.data, options.store)
    before, store = identity.last(options.data), identity.identify(options.data)
    if before not in ("", store):
        say(f"the store of this node is not the one it had ({before[:8]}): what only that had is lost")
    return Bereft(options.name, before, store, say, partial(identity.remember, options.data, store))


def _bucket(options: NodeOptions) -> Bucket | None:
    if not options.bucket:
        return None
    return Bucket(options.bucket, settings(os.environ, options.bucket_keys))


def take_inventory(options: NodeOptions, incarnation: str, runner: Runner, key: Key | None = None) -> Inventory:
    """What this machine has. Default slots: one for every two cores."""
    can = runner.capabilities
    cpus = psutil.cpu_count() or 1
    return Inventory(
        node=options.name,
        incarnation=incarnation,
        winslow=_version(),
        runner=can.name,
        limits=can.limits,
        isolation=can.isolation,
        cpus=cpus,
        memory=psutil.virtual_memory().total,
        labels=options.labels,
        slots=options.slots if options.slots is not None else max(1, cpus // 2),
        address=options.peer,
        key=key.public if key else "",
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("winslow-controller")
    except PackageNotFoundError:
        return "unknown"


def _end_on_signals(ended: threading.Event, pace: Pace) -> None:
    if threading.current_thread() is not threading.main_thread():
        return

    def end(*_: object) -> None:
        ended.set()
        pace.wake()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _rounds(controller: Controller, pace: Pace, options: NodeOptions, say: Say) -> None:
    while not options.ended.is_set():
        pause = _one_round(controller, pace, options, say)
        if options.once:
            return
        if pause:
            time.sleep(pause)
        pace.wait(0.0 if controller.lost_races else pace.interval())


def _one_round(controller: Controller, pace: Pace, options: NodeOptions, say: Say) -> float:
    """Seconds to wait whatever wakes us: back-off after a lost race, courtesy in company."""
    try:
        world = controller.observe()
        outcome = controller.step(world)
    except NameTaken:
        raise
    except Exception as error:  # a defect must not take a node down with its running stages
        if controller.alarms.tell("round", f"a round failed, and is tried again: {type(error).__name__}: {error}"):
            traceback.print_exc(file=sys.stderr)
        return min(options.poll, 5.0)
    controller.alarms.over("round")
    now = world.now
    if controller.lost_races or controller.in_company:
        pace.saw_company(now)
    if controller.lost_races:
        return pace.backoff(controller.lost_races)
    return pace.courtesy(now) if isinstance(outcome, Landed) else 0.0


def _stop_all(runner: Runner) -> None:
    """End what runs, and wait for it: for a laptop, where Ctrl-C means everything."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        running = [id for id, container in runner.containers().items() if container.running]
        if not running:
            return
        for id in running:
            runner.stop(id)
        time.sleep(0.05)


def enough_disk(data: Path) -> bool:
    return shutil.disk_usage(data).free > LEAST_FREE
