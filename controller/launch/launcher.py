"""Starting executions and collecting their ends, beside the rounds: both can take minutes.

A launch is: prepare the directories and inputs, create the container, start it. A collection is: look at how the
container ended, gather what it left, put the end into the outbox. Each is idempotent and may be cut off anywhere.
What fails rests, longer each time, before it is tried again. Some reasons pass by themselves: a full disk, an engine
that is away. What fails again and again for another one ends the execution.
"""

import errno
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Protocol, TypeVar

from controller.dirs.contract import Gathered, InputMissing, Interrupted, NotKept, NotYet, Ready, Trees
from controller.failpoints import Failpoint, nothing
from controller.grants.granting import NotGranted
from controller.grants.run_grants import GivenRights, LeastRights, RunRights
from controller.journal.journal import Journal
from controller.launch.launches import Launches
from controller.launch.needed_services import resolved_services, service_specs
from controller.launch.outcome import blank, judge
from controller.launch.resolving import pinned, resolved
from controller.launch.work_failures import WorkFailures
from flow.model.clock import Clock
from flow.node.lease_terms import given_up
from flow.node.node_world import Earlier, ExecutionEnd, HeldClaim, Launch, LaunchOrder, Setback, Work
from runner.contract.errors import EngineFailed, EngineUnavailable, ImageUnavailable, RunnerError, ServiceNotReady
from runner.contract.labels import Owner, for_claim
from runner.contract.runner import Runner
from runner.contract.spec import Container, ImageBuild, Spec, Watched
from schema import images
from schema.execution import Cached, ImageRecord, ServiceRecord, State
from schema.reasons import End

BY_GPU = frozenset({End.EXIT_CODE, End.START_FAILED, End.TIMEOUT, End.NO_OUTPUT})
"""How the loss of a GPU shows: the program fails or hangs, or cannot be started."""

MOST_FAULTS = 8
"""Tries of one piece of work that fail for a reason that need not pass, before the execution ends with it: in two
minutes, or by polls that take longer.
"""
PASSING = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE,
        errno.ENOMEM, errno.EAGAIN,
    }
)  # fmt: skip
"""What a disk, or a machine with too much to do, says; whether it passes is a person's to see to."""


LOOK_EVERY = 0.5
"""Seconds between two looks whether what is prepared is still wanted."""

SERVICES_EVERY = 0.05
"""Seconds between two looks whether services are ready."""

Answer = TypeVar("Answer")


class Stopped(Exception):
    """An execution is not wanted any more before it was started."""

    def __init__(self, reason: End) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _run_into(future: "Future[Answer]", work: Callable[[], Answer]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


class Jobs(Protocol):
    """Where launches and collections run."""

    def submit(self, work: Callable[[], None]) -> None: ...


class InlineJobs:
    """At once, in the caller: for simulations."""

    def submit(self, work: Callable[[], None]) -> None:
        work()


class ThreadJobs:
    def __init__(self, threads: int = 8) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="workshop")

    def submit(self, work: Callable[[], None]) -> None:
        self._pool.submit(work)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class LauncherTools:
    """What the workshop works with."""

    owner: Owner
    runner: Runner
    trees: Trees
    journal: Journal
    jobs: Jobs
    clock: Clock
    failpoint: Failpoint = nothing
    wake: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda text: None
    lost: Callable[[Sequence[str]], tuple[str, ...]] = lambda gpus: ()
    note: Callable[[str, str], None] = lambda container, text: None
    context: Callable[[str, Path], None] = lambda tree, file: None
    rights: RunRights = field(default_factory=LeastRights)
    show: Callable[[str, str | None, float | None], None] = lambda container, text, percent: None


@dataclass(frozen=True, slots=True)
class _Job:
    """One piece of work on a container. `end` is how its execution ends if it cannot be done."""

    what: Work
    entry: HeldClaim
    work: Callable[[], None]
    end: Callable[[str], ExecutionEnd]


class Launcher:
    def __init__(self, tools: LauncherTools) -> None:
        self.tools = tools
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._failures = WorkFailures(tools.clock.now)
        self._launches = Launches(tools.clock.now, tools.show, tools.note)
        self.lease_lasts: Callable[[str], bool] = lambda container: True
        self.until: Callable[[str], float] = lambda container: 0.0  # of an exclusive one

    @property
    def busy(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._busy)

    @property
    def setbacks(self) -> Mapping[str, Setback]:
        """What failed, by container. To be read after `busy`."""
        return self._failures.now

    @property
    def launching(self) -> Mapping[str, Launch]:
        """By container, also while one rests after a try that failed."""
        return self._launches.now

    def launch(self, entry: HeldClaim) -> None:
        self._launches.begin(entry.container)
        self._run(_Job("launch", entry, lambda: self._launch(entry), lambda why: self._not_launched(entry, why)))

    def collect(self, entry: HeldClaim, container: Container) -> None:
        self._run(
            _Job(
                "collection",
                entry,
                lambda: self._collect(entry, container),
                lambda why: self._not_collected(entry, container, why),
            )
        )

    def forget(self, container: str) -> None:
        """It is settled."""
        self._over(container)

    def _over(self, container: str) -> None:
        """The work on it that was under way is done, or given up."""
        self._failures.over(container)
        self._launches.over(container)

    def _run(self, job: _Job) -> None:
        container = job.entry.container
        with self._lock:
            if container in self._busy:
                return
            self._busy.add(container)

        def run() -> None:
            progress = False
            try:
                progress = self._try(job)
            finally:
                with self._lock:
                    self._busy.discard(container)
            if progress:
                self.tools.wake()

        self.tools.jobs.submit(run)

    def _try(self, job: _Job) -> bool:
        """Whether there is something new to decide on."""
        try:
            job.work()
        except Exception as error:  # whatever it is, the execution must be able to end
            return self._failed(job, error)
        self._over(job.entry.container)
        return True

    def _failed(self, job: _Job, error: Exception) -> bool:
        container, order = job.entry.container, job.entry.order
        passing = _passes(error)
        why = str(error) if passing else f"{type(error).__name__}: {error}"
        rest = error.again if isinstance(error, NotKept) else None
        self._launches.tell(container, why)
        failure = self._failures.add(container, job.what, why, passing=passing, rest=rest)
        if failure.news:
            text = f"the {job.what} failed, and is tried again: {why}"
            self.tools.say(f"{order.project}/{order.execution}: {text}")
            self.tools.note(container, text)
            if not (passing or isinstance(error, RunnerError)):
                traceback.print_exception(error, file=sys.stderr)
        return failure.faults >= MOST_FAULTS and self._give_up(job, why)

    def _give_up(self, job: _Job, why: str) -> bool:
        try:
            self._put(job.end(why))
        except OSError as error:
            self.tools.say(f"{job.entry.order.project}/{job.entry.order.execution}: its end is not kept yet: {error}")
            return False
        self._over(job.entry.container)
        return True

    # -- launching --------------------------------------------------------------------------------------------------

    def _launch(self, entry: HeldClaim) -> None:
        tools, order = self.tools, entry.order
        try:
            tools.rights.check(order)
            ready = tools.trees.prepare(entry.container, order, partial(self._tell, entry))
            tools.note(entry.container, "workspace and inputs are ready")
            image, id, detail = self._image(entry)
            known = "; ".join(filter(None, (image.digest or image.id or "no digest", detail)))
            tools.note(entry.container, f"image {order.image} is here ({known})")
            if taken := self._taken(entry, ready, image):
                self._put(taken)
                return
            self._look(entry)
            self._make(entry, ready, image, id)
            self._serve(entry)
            self._look(entry)
            if not self.lease_lasts(entry.container):
                raise NotYet("its claim may have been given up meanwhile; the repository is asked first")
            tools.runner.start(entry.container)
            tools.note(entry.container, "started")
            tools.failpoint("after-start")
        except Stopped as stopped:
            self._end_services(entry)
            self._put(self._never_begun(entry, stopped.reason))
        except InputMissing as error:
            self._put(self._unstarted(entry, End.INVALID_INPUT, str(error)))
        except (Interrupted, NotGranted) as error:
            self._put(self._unstarted(entry, End.INFRASTRUCTURE, str(error)))
        except ImageUnavailable as error:
            self._put(self._unstarted(entry, End.IMAGE_UNAVAILABLE, str(error)))
        except ServiceNotReady as error:
            self._put(self._unstarted(entry, End.SERVICE_NOT_READY, str(error)))
        except EngineUnavailable:
            raise
        except RunnerError as error:
            self._put(self._blamed(entry, self._unstarted(entry, End.START_FAILED, str(error))))
        else:
            tools.journal.mark_started(entry.container, tools.clock.wall())

    def _serve(self, entry: HeldClaim) -> None:
        """Its services, until all are ready."""
        if not entry.order.services:
            return
        while waits := self._waits_for(entry):
            self._tell(entry, waits)
            time.sleep(SERVICES_EVERY)
        self.tools.note(entry.container, "its services are ready")

    def _waits_for(self, entry: HeldClaim) -> str:
        try:
            return self.tools.runner.serve(entry.container)
        except RunnerError:
            self._look(entry)  # whoever ended it has ended its services
            raise

    def _end_services(self, entry: HeldClaim) -> None:
        """Of one that is not started any more. Where that fails, they go with its container."""
        if entry.order.services:
            with suppress(RunnerError):
                self.tools.runner.stop(entry.container)

    def _tell(self, entry: HeldClaim, what: str, done: int = 0, size: int = 0) -> None:
        self._look(entry)
        self._launches.tell(entry.container, what, done, size)

    def _look(self, entry: HeldClaim) -> None:
        """Stopped, where it is not wanted any more."""
        known = self.tools.journal.entries.get(entry.container)
        if known and known.stop:
            raise Stopped(known.stop)

    def _patiently(self, entry: HeldClaim, work: Callable[[], Answer]) -> Answer:
        """What cannot be interrupted itself is left to end alone."""
        if isinstance(self.tools.jobs, InlineJobs):
            return work()
        alone: Future[Answer] = Future()
        Thread(target=_run_into, args=(alone, work), daemon=True).start()
        while not alone.done():
            wait([alone], timeout=LOOK_EVERY)
            self._look(entry)
        return alone.result()

    def _image(self, entry: HeldClaim) -> tuple[ImageRecord, str, str]:
        """What its tag means now, or meant when an earlier launch made the container; the id of just that; and what is
        to be said of it."""
        tools, order = self.tools, entry.order
        if entry.image and entry.container in tools.runner.containers():
            return entry.image, entry.image.id or "", ""
        if order.tree:
            return ImageRecord(ref=order.image), "", ""
        self._launches.tell(entry.container, f"looking for the image {order.image}, or fetching it")
        work = partial(resolved, tools.runner, order.image, order.pull, built=order.built, build=order.build)
        found = self._patiently(entry, work)
        id = None if found.digest else found.id
        record = ImageRecord(ref=order.image, digest=found.digest, id=id, build=order.build)
        return record, found.id or "", found.detail

    def _make(self, entry: HeldClaim, ready: Ready, image: ImageRecord, id: str) -> None:
        """The container, once it is written down what it is made from: whatever comes then, it can be told."""
        tools, order = self.tools, entry.order
        services = self._services(entry)
        tools.journal.mark_made(entry.container, image, ready, tools.clock.wall(), services)
        tools.failpoint("before-create")
        spec = self._spec(entry, ready, pinned(order.built or order.image, image.digest), id, services)
        for text in tools.runner.create(spec):
            tools.note(entry.container, text)
        tools.failpoint("after-create")

    def _services(self, entry: HeldClaim) -> tuple[ServiceRecord, ...]:
        """As they run: of those that were made already, what they were made from."""
        tools, order = self.tools, entry.order
        if not order.services or (entry.services and entry.container in tools.runner.containers()):
            return entry.services
        self._launches.tell(entry.container, "looking for the images of its services, or fetching them")
        return self._patiently(entry, partial(resolved_services, tools.runner, order))

    def _not_launched(self, entry: HeldClaim, why: str) -> ExecutionEnd:
        self._end_services(entry)
        return self._unstarted(entry, End.INFRASTRUCTURE, f"it could not be launched: {why}")

    def _never_begun(self, entry: HeldClaim, reason: End) -> ExecutionEnd:
        if reason is End.NODE_LOST:
            return self._unstarted(entry, End.INFRASTRUCTURE, given_up(entry))
        if reason is End.PREEMPTED:
            return self._unstarted(entry, reason, "it gave way before it was started")
        return self._unstarted(entry, reason, "before it was started").model_copy(update={"state": State.ABORTED})

    def _unstarted(self, entry: HeldClaim, reason: End, text: str) -> ExecutionEnd:
        known = self.tools.journal.entries.get(entry.container, entry)
        return known.with_made(blank(entry, State.FAILED)).model_copy(
            update={
                "reason": reason,
                "text": text[:2000],
                "started": None,
                "finished": self.tools.clock.wall(),
            }
        )

    def _taken(self, entry: HeldClaim, ready: Ready, image: ImageRecord) -> ExecutionEnd | None:
        """The end of an execution that has an earlier result, or None: it has to run."""
        for each in entry.order.earlier:
            if not (_began_with(ready, each) and each.result.manifest and _same_image(image, each.image)):
                continue
            if gathered := self.tools.trees.reuse(entry.container, entry.order, each.result.manifest):
                return self._as_before(entry, each, gathered, ready, image)
        return None

    def _as_before(
        self, entry: HeldClaim, each: Earlier, gathered: Gathered, ready: Ready, image: ImageRecord
    ) -> ExecutionEnd:
        now = self.tools.clock.wall()
        return blank(entry, State.SUCCEEDED).model_copy(
            update={
                "text": f"taken from execution {each.execution}: nothing that it depends on has changed",
                "result": each.result.model_copy(update={"store": gathered.store, "bucket": gathered.bucket}),
                "cached": Cached(project=entry.order.project, execution=each.execution),
                "image": image,
                "inputs": dict(ready.inputs),
                "manifest": ready.manifest,
                "project_files": ready.project_files,
                "started": now,
                "finished": now,
                "artifacts": gathered.artifacts,
            }
        )

    def _spec(self, entry: HeldClaim, ready: Ready, image: str, id: str, services: Sequence[ServiceRecord]) -> Spec:
        order, given = entry.order, self.tools.rights.give(entry.container, entry.order)
        return Spec(
            id=entry.container,
            labels=for_claim(
                self.tools.owner,
                claim=entry.container,
                project=order.project,
                execution=order.execution,
                stage=order.stage,
                gpus=order.gpus,
                gpu_share=order.gpu_share,
            ),
            image=image,
            command=order.command,
            entrypoint=order.entrypoint,
            environment={**ready.environment, **given.environment},
            workspace=ready.workspace,
            directory=ready.directory,
            mounts=(*ready.mounts, *given.mounts),
            rights=given.rights,
            build=self._build(order, ready, given) if order.tree else None,
            limits=given.limits,
            gpus=order.gpus,
            pull=order.pull,
            image_id=id,
            grace=order.grace,
            signal=order.signal,
            overlay=ready.overlay,
            read_only=ready.needs,
            timeout=order.timeout,
            services=service_specs(order, services, given.service_pids),
            watched=Watched(self.until(entry.container), entry.kill_within) if entry.exclusive else None,
        )

    def _build(self, order: LaunchOrder, ready: Ready, given: GivenRights) -> ImageBuild:
        """InputMissing where the folder cannot be a context."""
        name, tree = images.built(order.image) or ("", order.tree)
        file = ready.directory / "context.tar"
        self.tools.context(tree, file)
        version = tree[: images.STAMP]
        return ImageBuild(file, images.tag(name, tree), order.push, version, given.network, given.bases)

    # -- collecting -------------------------------------------------------------------------------------------------

    def _collect(self, entry: HeldClaim, container: Container) -> None:
        self.tools.note(entry.container, f"the program has ended{_code(container)}")
        gathered = self.tools.trees.gather(entry.container, entry.order)
        ended = self._blamed(entry, judge(entry, container, gathered))
        self._put(self._with_facts(entry, container, ended))

    def _with_facts(self, entry: HeldClaim, container: Container, ended: ExecutionEnd) -> ExecutionEnd:
        clock = self.tools.clock
        duration = _duration(container, clock.now())
        return entry.with_made(ended).model_copy(update={"finished": clock.wall(), "duration": duration})

    def _not_collected(self, entry: HeldClaim, container: Container, why: str) -> ExecutionEnd:
        """It ended, and what it left cannot be had. What we stopped is told as that."""
        ended = judge(entry, container, Gathered())
        if not entry.stop:
            ended = ended.model_copy(update={"state": State.FAILED, "reason": End.INFRASTRUCTURE})
        text = f"what it left could not be gathered: {why}"[:2000]
        return self._with_facts(entry, container, ended).model_copy(update={"text": text})

    def _blamed(self, entry: HeldClaim, ended: ExecutionEnd) -> ExecutionEnd:
        """A failure while one of its GPUs is lost is the machine's, whatever the program made of it."""
        lost = self.tools.lost(entry.order.gpus) if ended.reason in BY_GPU and entry.order.gpus else ()
        if not lost:
            return ended
        text = f"{', '.join(lost)} was lost; {ended.text or ended.reason}"
        return ended.model_copy(update={"reason": End.GPU_LOST, "text": text[:2000]})

    def _put(self, ended: ExecutionEnd) -> None:
        self.tools.failpoint("before-outbox")
        self.tools.journal.put(self.tools.rights.conceal(ended))
        self.tools.failpoint("after-outbox")


def _code(container: Container) -> str:
    return f" with exit code {container.exit_code}" if container.exit_code is not None else ""


def _passes(error: Exception) -> bool:
    """Whether it may go away by itself, or with a person who makes room: trying again is right, however long."""
    if isinstance(error, OSError):
        return error.errno in PASSING
    return isinstance(error, NotKept | NotYet | EngineUnavailable) and not isinstance(error, EngineFailed)


def _began_with(ready: Ready, each: Earlier) -> bool:
    """Of /files it must be known too that they are the same."""
    files = ready.project_files is not None and ready.project_files == each.project_files
    return files and dict(ready.inputs) == each.files and ready.manifest == each.began


def _same_image(one: ImageRecord, other: ImageRecord) -> bool:
    """By content. A folder that stands for an image, where stages are processes, may have changed."""
    if one.digest:
        return one.digest == other.digest
    return one.id is not None and one.id == other.id and one.id.startswith("sha256:")


def _duration(container: Container, now: float) -> float | None:
    return round(max(now - container.started, 0.0), 3) if container.started is not None else None
