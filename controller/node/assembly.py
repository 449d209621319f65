"""A node from its options: its rounds, until it is told to end."""

import fcntl
import hashlib
import secrets
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.grants.policy_file import PolicyFile
from controller.journal.journal import Journal, JournalError
from controller.journal.small_files import FolderDisk
from controller.loop import ending, wakeup
from controller.loop.alarms import Alarms
from controller.loop.heartbeat import NameTaken
from controller.loop.pace import Pace
from controller.loop.round import Controller
from controller.node.gpu_watch import EVERY as SHARES_EVERY
from controller.node.gpu_watch import ShareWatch
from controller.node.inventory import choose_runner, gpus_of_runner
from controller.node.missing_extras import without_missing
from controller.node.options import CannotStart, NodeOptions, absolute
from controller.node.sampler import Sampler, Stages, of_gpus
from controller.node.sampler import start as start_sampling
from controller.node.wiring import NodeSite, Say, build
from controller.notify.send import CannotSend, read_targets
from flow.node.lease_terms import too_short
from runner.contract.errors import RunnerError
from runner.contract.labels import Owner
from runner.contract.runner import Runner
from runner.files import modes
from runner.gpus import NoGpus
from runner.gpus import find as gpus_found
from runner.metrics.gpu_load import GpuLoads
from runner.metrics.gpu_programs import GpuPrograms
from runner.metrics.load import EVERY, STAGES_EVERY
from runner.metrics.measure import Machine
from runner.store.errors import StoreError
from schema.quantities import format_duration
from state.contract.errors import StateError
from state.contract.repository import Landed
from state.git.heartbeat_probe import NO_SWAP, swaps
from state.transport.urls import shown
from state.transport.watch import watch


def run_node(options: NodeOptions, say: Say) -> int:
    """Rounds until SIGTERM, SIGINT or `options.ended`. Containers go on, unless `stop_stages`. The exit code."""
    options = without_missing(absolute(options), say)
    try:
        if options.notify:
            read_targets(options.notify)
        if open_still := modes.close_to_others(options.data, options.pool or options.data / "pool"):
            say(open_still)
        with _only_one(options.data):
            modes.for_stages()
            return _run(options, say)
    except (CannotStart, CannotSend, JournalError, NameTaken, StateError, StoreError, RunnerError) as error:
        say(f"cannot start: {error}")
        return 1


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
    incarnation = journal.incarnation() or _install(journal, options.repo)
    owner = Owner(_repository_id(options), options.name, incarnation)
    pace = Pace(options.poll)
    gpus = gpus_found()
    if isinstance(gpus, NoGpus) and not gpus.certain:
        say(f"GPUs are left out: {gpus.text}")
    runner = choose_runner(options, owner, pace.wake, say, gpus=bool(gpus.look()), claims=journal.entries)
    if options.build and runner.capabilities.name != "docker":
        say("--build is left out: images are built by a Docker Engine, and this node has none")
    gpus = gpus_of_runner(runner, gpus)
    sampler = Sampler(options.data, Machine(options.data), GpuLoads(gpus))
    policy = _policy(options, runner, say)
    shares = ShareWatch(GpuPrograms(gpus), runner.holds, pace.wake)
    controller = build(NodeSite(options, journal, incarnation, owner, runner, gpus, pace, sampler, say, policy, shares))
    shares.sharing = lambda: controller.sharing
    _end_on_signals(options.ended, pace)
    gpu_use = lambda id: of_gpus(sampler.newest, controller.gpus_of(id))  # noqa: E731
    stages = Stages(options.data, lambda: controller.running, runner.usage, gpus=gpu_use)
    stop_watching, stop_nudges, stop_sampling = (
        watch(options.repo, pace.wake),
        wakeup.watch(options.data, pace.wake),
        start_sampling((sampler, EVERY), (stages, STAGES_EVERY), (shares, SHARES_EVERY)),
    )
    try:
        controller.observe()
        _check_heartbeat(controller, options)
        kind, repo = runner.capabilities.name, shown(options.repo)
        say(f"node {options.name} ({kind}) on {repo}, polling every {options.poll:g} s")
        _rounds(controller, pace, options, say)
        if not options.once:
            controller.leave()
    finally:
        stop_watching()
        stop_nudges()
        stop_sampling()
        _end_or_leave(controller, runner, journal, options, say)
        runner.reap()
    return 0


def _policy(options: NodeOptions, runner: Runner, say: Say) -> PolicyFile:
    """CannotStart where a file was named that is not there, or one wants what this node's runner cannot do."""
    if options.policy and not options.policy.exists():
        raise CannotStart(f"there is no policy {options.policy}; an empty file grants nothing beyond the usual")
    alarms = Alarms(say)
    found = PolicyFile(options.policy, options.data, lambda text: _told(alarms, text))
    if found.look().isolation and not runner.capabilities.isolation:
        raise CannotStart(
            f"{found.path} wants isolation, and the {runner.capabilities.name} runner isolates nothing: "
            f"install Docker and start with --runner docker, or set isolation: false"
        )
    return found


def _told(alarms: Alarms, text: str) -> None:
    if text:
        alarms.tell("policy", text)
    else:
        alarms.over("policy")


def _end_or_leave(controller: Controller, runner: Runner, journal: Journal, options: NodeOptions, say: Say) -> None:
    if options.stop_stages:
        ended = ending.end_stages(runner, journal, say)
        try:
            ending.record(controller, journal, ended)
        except StateError as error:
            say(f"what was ended is recorded at the next start: {error}")
    elif not options.once and (left := ending.running(runner)):
        say(f"{ending.stages(len(left))} left running; the next start takes over{_unless_exclusive(journal, left)}")


def _unless_exclusive(journal: Journal, left: list[str]) -> str:
    entries = [journal.entries[id] for id in left if id in journal.entries]
    times = [entry.give_up_after for entry in entries if entry.exclusive]
    if not times:
        return ""
    return f"; {len(times)} of them exclusive: they end unless it begins within {format_duration(min(times))}"


def _check_heartbeat(controller: Controller, options: NodeOptions) -> None:
    """CannotStart, where its signs of life are too rare for the repository."""
    if controller.snapshot is None:
        return
    if text := too_short(controller.snapshot.settings, options.name, options.heartbeat):
        raise CannotStart(text)


def _install(journal: Journal, repo: str) -> str:
    """At the first start. CannotStart on a server that would let two nodes claim the same work."""
    if not swaps(repo):
        raise CannotStart(f"{shown(repo)} cannot be used: {NO_SWAP}")
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
