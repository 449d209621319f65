"""Starting executions and collecting their ends, beside the rounds: both can take minutes.

A launch is: prepare the directories and inputs, create the container, start it. A collection is: look at how the
container ended, gather what it left, put the end into the outbox. Each is idempotent and may be cut off anywhere.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from controller.failpoints import Failpoint, nothing
from controller.journal import Journal
from controller.trees import Gathered, InputMissing, Interrupted, NotKept, Ready, Trees
from flow.clock import Clock
from flow.local import Earlier, Ended, Entry, Order
from runner.errors import EngineUnavailable, ImageUnavailable, RunnerError
from runner.labels import Owner, for_claim
from runner.logs import last_words
from runner.runner import Runner
from runner.spec import Container, Ending, Limits, Spec
from schema.execution import Cached, ImageRecord, LogRecord, Result, State
from schema.reasons import End

BY_GPU = frozenset({End.EXIT_CODE, End.START_FAILED, End.TIMEOUT, End.NO_OUTPUT})
"""How the loss of a GPU shows: the program fails or hangs, or cannot be started."""


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
class Tools:
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


class Workshop:
    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    @property
    def busy(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._busy)

    def launch(self, entry: Entry) -> None:
        self._run(entry.container, lambda: self._launch(entry))

    def collect(self, entry: Entry, container: Container) -> None:
        self._run(entry.container, lambda: self._collect(entry, container))

    def _run(self, container: str, work: Callable[[], None]) -> None:
        with self._lock:
            if container in self._busy:
                return
            self._busy.add(container)

        def job() -> None:
            rest = 0.0
            try:
                work()
            except NotKept as error:
                rest = error.again
                self.tools.say(f"{container[:8]}: {error}")
            except OSError as error:  # a full disk, for instance: nothing is lost, the next round tries again
                self.tools.say(f"{container[:8]}: {error}")
            finally:
                self._over(container, rest)

        self.tools.jobs.submit(job)

    def _over(self, container: str, rest: float) -> None:
        """`rest`: seconds for which nobody is to try again; it counts as under way until then."""
        if rest:
            timer = threading.Timer(rest, self._over, (container, 0.0))
            timer.daemon = True
            timer.start()
            return
        with self._lock:
            self._busy.discard(container)
        self.tools.wake()

    # -- launching --------------------------------------------------------------------------------------------------

    def _launch(self, entry: Entry) -> None:
        tools, order = self.tools, entry.order
        try:
            ready = tools.trees.prepare(entry.container, order)
            tools.note(entry.container, "workspace and inputs are ready")
            image = tools.runner.resolve(order.image, order.pull)
            tools.note(entry.container, f"image {order.image} is here ({image.digest or image.id or 'no digest'})")
            record = ImageRecord(ref=order.image, digest=image.digest, id=None if image.digest else image.id)
            if taken := self._taken(entry, ready, record):
                self._put(taken)
                return
            tools.failpoint("before-create")
            tools.runner.create(self._spec(entry, ready, image.digest and f"{order.image}@{image.digest}"))
            tools.failpoint("after-create")
            tools.runner.start(entry.container)
            tools.note(entry.container, "started")
            tools.failpoint("after-start")
        except InputMissing as error:
            self._put(_unstarted(entry, End.INVALID_INPUT, str(error), tools.clock))
            return
        except Interrupted as error:
            self._put(_unstarted(entry, End.INFRASTRUCTURE, str(error), tools.clock))
            return
        except ImageUnavailable as error:
            self._put(_unstarted(entry, End.IMAGE_UNAVAILABLE, str(error), tools.clock))
            return
        except EngineUnavailable as error:
            tools.say(f"{order.project}/{order.execution}: {error}; trying again")
            return
        except RunnerError as error:
            self._put(self._blamed(entry, _unstarted(entry, End.START_FAILED, str(error), tools.clock)))
            return
        tools.journal.mark_started(entry.container, record, dict(ready.inputs), ready.manifest, tools.clock.wall())

    def _taken(self, entry: Entry, ready: Ready, image: ImageRecord) -> Ended | None:
        """The end of an execution that has an earlier result, or None: it has to run."""
        for each in entry.order.earlier:
            began = dict(ready.inputs) == each.files and ready.manifest == each.began
            if not (began and each.result.manifest and _same_image(image, each.image)):
                continue
            if gathered := self.tools.trees.reuse(entry.container, entry.order, each.result.manifest):
                return self._as_before(entry, each, gathered, ready, image)
        return None

    def _as_before(self, entry: Entry, each: Earlier, gathered: Gathered, ready: Ready, image: ImageRecord) -> Ended:
        now = self.tools.clock.wall()
        return _blank(entry, State.SUCCEEDED).model_copy(
            update={
                "text": f"taken from execution {each.execution}: nothing that it depends on has changed",
                "result": each.result.model_copy(update={"store": gathered.store, "bucket": gathered.bucket}),
                "cached": Cached(project=entry.order.project, execution=each.execution),
                "image": image,
                "inputs": dict(ready.inputs),
                "manifest": ready.manifest,
                "started": now,
                "finished": now,
                "artifacts": gathered.artifacts,
            }
        )

    def _spec(self, entry: Entry, ready: Ready, pinned: str | None) -> Spec:
        order = entry.order
        return Spec(
            id=entry.container,
            labels=for_claim(
                self.tools.owner,
                claim=entry.container,
                project=order.project,
                execution=order.execution,
                stage=order.stage,
                gpus=order.gpus,
            ),
            image=pinned or order.image,
            command=order.command,
            entrypoint=order.entrypoint,
            environment=ready.environment,
            workspace=ready.workspace,
            directory=ready.directory,
            mounts=ready.mounts,
            limits=Limits(order.memory, order.cpus, order.shm_size, order.pids),
            gpus=order.gpus,
            pull=order.pull,
            grace=order.grace,
            overlay=ready.overlay,
        )

    # -- collecting -------------------------------------------------------------------------------------------------

    def _collect(self, entry: Entry, container: Container) -> None:
        self.tools.note(entry.container, f"the program has ended{_code(container)}")
        gathered = self.tools.trees.gather(entry.container, entry.order)
        ended = self._blamed(entry, judge(entry, container, gathered))
        ended = ended.model_copy(
            update={
                "image": entry.image,
                "inputs": entry.files,
                "manifest": entry.manifest,
                "started": entry.began,
                "finished": self.tools.clock.wall(),
                "duration": _duration(container, self.tools.clock.now()),
            }
        )
        self._put(ended)

    def _blamed(self, entry: Entry, ended: Ended) -> Ended:
        """A failure while one of its GPUs is lost is the machine's, whatever the program made of it."""
        lost = self.tools.lost(entry.order.gpus) if ended.reason in BY_GPU and entry.order.gpus else ()
        if not lost:
            return ended
        text = f"{', '.join(lost)} was lost; {ended.text or ended.reason}"
        return ended.model_copy(update={"reason": End.GPU_LOST, "text": text[:2000]})

    def _put(self, ended: Ended) -> None:
        self.tools.failpoint("before-outbox")
        self.tools.journal.put(ended)
        self.tools.failpoint("after-outbox")


def _code(container: Container) -> str:
    return f" with exit code {container.exit_code}" if container.exit_code is not None else ""


def _same_image(one: ImageRecord, other: ImageRecord) -> bool:
    """By content. A folder that stands for an image, where stages are processes, may have changed."""
    if one.digest:
        return one.digest == other.digest
    return one.id is not None and one.id == other.id and one.id.startswith("sha256:")


def _duration(container: Container, now: float) -> float | None:
    return round(max(now - container.started, 0.0), 3) if container.started is not None else None


def _unstarted(entry: Entry, reason: End, text: str, clock: Clock) -> Ended:
    ended = _blank(entry, State.FAILED)
    return ended.model_copy(update={"reason": reason, "text": text[:2000], "finished": clock.wall()})


def _blank(entry: Entry, state: State) -> Ended:
    order = entry.order
    return Ended(
        container=entry.container, project=order.project, execution=order.execution, stage=order.stage, state=state
    )


def judge(entry: Entry, container: Container, gathered: Gathered) -> Ended:
    """How an execution ended. Our own stop counts only if it is what ended the container."""
    state, reason, text = _verdict(entry, container, gathered)
    result = Result(exit_code=container.exit_code, values=dict(gathered.values), metrics=dict(gathered.metrics))
    return _blank(entry, state).model_copy(
        update={
            "reason": reason,
            "text": text,
            "result": result.model_copy(
                update={"manifest": gathered.manifest, "store": gathered.store, "bucket": gathered.bucket}
            ),
            "log": LogRecord(
                lines=gathered.log.lines,
                bytes=gathered.log.bytes,
                digest=gathered.log.digest,
                tail=() if state is State.SUCCEEDED else last_words(gathered.log.text),
            ),
            "log_text": gathered.log.text,
            "artifacts": gathered.artifacts,
        }
    )


def _verdict(entry: Entry, container: Container, gathered: Gathered) -> tuple[State, End | None, str]:
    code = container.exit_code
    match container.ending:
        case Ending.STOPPED if entry.stop:
            aborted = entry.stop in (End.ABORTED, End.DELETED, End.SUPERSEDED)
            return (State.ABORTED if aborted else State.FAILED), entry.stop, _limit_text(entry.stop, entry.order)
        case Ending.STOPPED:
            return State.FAILED, End.INFRASTRUCTURE, "it was stopped from outside Winslow"
        case Ending.OOM:
            return State.FAILED, End.OOM_KILLED, container.detail or "it used more memory than it may"
        case Ending.INFRASTRUCTURE:
            return State.FAILED, End.INFRASTRUCTURE, container.detail or "the machine or its engine went down"
    if code != 0:
        return State.FAILED, End.EXIT_CODE, f"exit code {code}"
    if gathered.missing:
        return State.FAILED, End.MISSING_ARTIFACT, f"promised but not there: {', '.join(gathered.missing)[:500]}"
    return State.SUCCEEDED, None, gathered.note


def _limit_text(reason: End, order: Order) -> str:
    if reason is End.TIMEOUT:
        return f"ran longer than its timeout of {order.timeout:g} s"
    if reason is End.NO_OUTPUT:
        return f"no output for {order.idle_timeout:g} s"
    return ""
