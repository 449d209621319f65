"""Stages as Slurm jobs: the partition is the machine, and the run's folder, which the cluster shares, tells the truth.

A job is submitted held and released to start; its program is the shim that processes have too, so log, grace and exit
code are the same. What has ended says so in `exit.json`, and nothing else is believed while that can still come: that
`squeue` does not name a job is no end. Where Slurm itself says that a job is over and no shim has said how, this node
waits, for a shared folder may be late, and then judges once and for all. A look costs one `squeue` for all jobs.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runner import durable
from runner.contract.errors import EngineRefused, RunnerError
from runner.contract.labels import Owner, for_claim
from runner.contract.spec import Capabilities, Condition, Container, Image, Spec
from runner.contract.usage import Usage, of_processes
from runner.logs import log_file
from runner.process import program_digest, shim
from runner.process.program_folders import HostImage, substitute, variables
from runner.slurm import endings, job, partition, submission
from runner.slurm.bell import EndBell
from runner.slurm.commands import SlurmCommands
from runner.slurm.job_files import JobFiles
from runner.slurm.jobs import JobPhase, SlurmJob
from runner.slurm.partition import SlurmPartition
from runner.slurm.submission import SlurmOptions
from runner.store.digests import DigestCache

LOOK_EVERY = 1.0
"""Seconds between two looks at Slurm at least, however often the node looks at its jobs."""
TOLD_AFTER = 3.0
"""Seconds in the queue from which on its reason is worth telling others."""
PYTHONS = ("python3", "python3.13", "python3.12", "python3.11", "python3.10")
STRAY_AFTER = 10.0
"""Seconds for which a job without a folder is seen before it counts."""
KILL_AFTER = 30.0
"""Seconds beyond a stage's grace, after which Slurm is told to end a job whose shim does not."""


class SlurmRunner:
    """`root` holds each run's folder, `program` what jobs run; the cluster sees both under the same paths."""

    def __init__(
        self,
        owner: Owner,
        root: Path,
        where: SlurmOptions,
        *,
        commands: SlurmCommands | None = None,
        images: Mapping[str, HostImage] | None = None,
        on_change: Callable[[], None] = lambda: None,
        log_cap: int = log_file.CAP,
        lateness: endings.Lateness = endings.USUAL,
    ) -> None:
        self.owner, self.root, self.where = owner, root.absolute(), where
        self.commands, self.images, self.log_cap = commands or SlurmCommands(), images or {}, log_cap
        self.lateness = lateness
        self.boot = shim.boot_id()
        self.program = _install(self.root.parent / "slurm")
        self.has, self._limits = self._ask()
        self._bell = EndBell(self.program.parent / job.ENDS, on_change)
        self._lock = threading.Lock()
        self._digests = DigestCache(program_digest.MOST_FILES)
        self._jobs: Mapping[str, SlurmJob] = {}
        self._looked: float | None = None
        self._ended: dict[str, Container] = {}
        self._orders: dict[str, dict[str, object]] = {}
        self._gone: set[str] = set()  # folders of runs that were removed: only their logs are left
        self._since: dict[tuple[str, str], float] = {}

    def _ask(self) -> tuple[SlurmPartition, bool]:
        if missing := self.commands.missing():
            raise EngineRefused(
                f"{', '.join(missing)} cannot be found: start this node where jobs are submitted, or install "
                f"Slurm's commands (slurm-client)"
            )
        found = partition.parse(self.commands.machines(self.where.partition))
        if not found.machines:
            raise EngineRefused(
                f"Slurm has no partition {self.where.partition!r} with machines in it: `sinfo` names them"
            )
        return found, partition.holds_to_limits(self.commands.configuration())

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            "slurm",
            limits=self._limits,
            discards=submission.UNABLE,
            oom=self._limits,
            gpus=bool(self.has.models),
            here=False,
        )

    def resolve(self, image: str, pull: str) -> Image:
        found = substitute(image, self.images)
        if found.folder is None:
            return Image(image, id=f"host:{image}")
        try:
            return Image(image, id=program_digest.digest(found, self._digests))
        except program_digest.NoDigest as error:
            return Image(image, id=f"host:{image}", detail=f"no digest of its program is recorded: {error}")

    # -- life of a job ----------------------------------------------------------------------------------------------

    def create(self, spec: Spec) -> Sequence[str]:
        files = self._files(spec.id)
        if files.has("job.json"):
            return ()
        if spec.services:
            raise EngineRefused("jobs have no network of their own, so there are no services beside them")
        image = substitute(spec.image, self.images)
        argv = image.argv(spec)
        options = submission.arguments(spec, self.owner, self.where, self.has.longest)
        if files.has("asked") and (known := self._submitted(spec.id)):
            files.write("job.json", {"job": known})
            return ()
        files.clear()
        with self._lock:
            self._gone.discard(spec.id)
        for folder in (spec.workspace, files.directory / "io"):
            folder.mkdir(parents=True, exist_ok=True)
        order = shim.ShimOrder(
            argv, variables(spec, image, files.directory), str(spec.workspace.absolute()), "", spec.grace, self.log_cap
        )
        try:
            durable.put(files.directory / "order", order.pack())
        except ValueError as error:
            raise EngineRefused(str(error)) from None
        files.write("order.json", {"labels": dict(spec.labels), "argv": argv, "grace": spec.grace})
        self._orders.pop(spec.id, None)
        files.write("asked", {})
        self._submit(files, options)
        return ()

    def _submit(self, files: JobFiles, options: list[str]) -> None:
        """Of a job whose number was lost with the answer, the next try finds it by its name."""
        text = submission.script((sys.executable, *PYTHONS), self.program, files.directory)
        try:
            number = self.commands.submit(options, text)
        except EngineRefused:
            files.clear()
            raise
        files.write("job.json", {"job": number})

    def _submitted(self, name: str) -> str | None:
        """The number of a job of ours that may have been submitted before."""
        ours = [each for each in self.commands.jobs(name) if each.comment == submission.comment(self.owner)]
        return min((each.number for each in ours if each.phase is not JobPhase.OVER), key=int, default=None)

    def serve(self, container: str) -> str:
        """There are none: `create` refuses a stage that has some."""
        return ""

    def start(self, container: str) -> None:
        files, found = self._files(container), self._find(container)
        if found is None:
            raise EngineRefused(f"there is no job of {container} to start: it was not submitted, or was removed")
        if files.has("released") or found.condition is not Condition.CREATED:
            return
        self.commands.release(_number(files))
        files.write("released", {})

    def stop(self, container: str) -> None:
        """Again and again, until it has ended: a signal can be lost with the machine it was sent to."""
        files, found = self._files(container), self._find(container)
        if found is None or not found.running:
            return
        if not files.has("order.json"):
            self.commands.cancel(self._jobs[container].number)
            return
        if not files.has("stop.json"):
            files.write("stop.json", {"at": _now(), "boot": self.boot})
        if self._stubborn(files) or found.condition is Condition.QUEUED:
            self.commands.cancel(_number(files))
        elif files.has("shim.json"):  # before that, its shim finds stop.json as soon as it begins
            self.commands.signal(_number(files))

    def _stubborn(self, files: JobFiles) -> bool:
        told, order = files.read("stop"), files.read("order")
        grace = float(str(order.get("grace", 10.0)))
        return told.get("boot") != self.boot or _now() - float(str(told.get("at", 0.0))) > grace + KILL_AFTER

    def renew(self, container: str, until: float) -> None:
        """Nothing is watched here."""

    def remove(self, container: str) -> None:
        files, found = self._files(container), self._find(container)
        if found is None:
            return
        if found.running:
            raise EngineRefused(f"the job of {container} still runs: stop it before removing it")
        known = self._jobs.get(container)
        ends = known and (known.phase is JobPhase.OVER or (known.phase is JobPhase.ACTIVE and files.has("exit.json")))
        if not ends and files.has("job.json"):
            self.commands.cancel(_number(files))
        files.clear()
        self._ended.pop(container, None)
        self._orders.pop(container, None)
        for key in [key for key in self._since if key[0] == container]:
            self._since.pop(key, None)

    def usage(self, container: str) -> Usage | None:
        """Only of one that runs on this very machine: of others Slurm's accounting knows."""
        facts = self._files(container).read("shim")
        if not facts or facts.get("boot") != self.boot or self._files(container).has("exit.json"):
            return None
        return of_processes(int(str(facts["stage"])))

    def holds(self, container: str, process: int) -> bool:
        """Its processes are on other machines."""
        return False

    def reap(self) -> None:
        self._bell.close()

    # -- looking ----------------------------------------------------------------------------------------------------

    def containers(self) -> Mapping[str, Container]:
        """EngineUnavailable while Slurm does not answer, if there is anything to ask it for."""
        names = os.listdir(self.root) if self.root.is_dir() else []
        ours = [name for name in names if name not in self._gone and self._here(name)]
        if any(name not in self._ended for name in ours) or self._looked is None:
            self._look()
        found = {name: container for name in ours if (container := self._find(name)) is not None}
        return {**found, **{name: self._stray(each) for name, each in self._strays(found)}}

    def _here(self, name: str) -> bool:
        """Whether it is a run of ours; a folder without an order is not looked into again until one is made there."""
        if self._labels(name) is not None:
            return True
        with self._lock:
            if (
                name not in self._orders
                and not self._files(name).has("order.json")
                and not self._files(name).has("asked")
            ):
                self._gone.add(name)
        return False

    def _look(self) -> None:
        """At all jobs of this user at once."""
        now = time.monotonic()
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return
        mine = submission.comment(self.owner)
        jobs = [each for each in self.commands.jobs() if each.comment == mine]
        with self._lock:
            self._jobs = _chosen(jobs, lambda name: _number(self._files(name)))
            self._looked = now
        self._end_twins(jobs, now)

    def _end_twins(self, jobs: Sequence[SlurmJob], now: float) -> None:
        """Of a job that was submitted twice, since Slurm's answer came too late: the other one is held for ever, and
        as `singleton` the one that is ours would wait for it.
        """
        for each in jobs:
            ours = _number(self._files(each.name))
            if each.phase is JobPhase.OVER or ours in ("", each.number):
                continue
            if self._age(each.name, f"twin {each.number}", now) >= STRAY_AFTER:
                self.commands.cancel(each.number)

    def _find(self, container: str) -> Container | None:
        """From the files, and from what Slurm said last."""
        if container in self._ended:
            return self._ended[container]
        labels = self._labels(container)
        if labels is None:
            return next((self._stray(each) for name, each in self._strays({}) if name == container), None)
        files = self._files(container)
        if not files.has("job.json"):
            return None
        known, now = self._jobs.get(container), self._looked or time.monotonic()
        age = lambda what: self._age(container, what, now)  # noqa: E731
        if ended := endings.of(files, known, age, self.lateness):
            if ended.judged:
                self._settle(files)
            return self._exited(files, labels, known, ended)
        if not files.has("released") and (known is None or known.phase is JobPhase.WAITING):
            return Container(container, labels, Condition.CREATED)
        if not files.has("shim.json") and (known is None or known.phase is JobPhase.WAITING):
            return self._queued(container, labels, known, now)
        started = self._started(files, known) if files.has("shim.json") else None
        output = log_file.last_output(files.directory)
        return Container(container, labels, Condition.RUNNING, started=started, last_output=output)

    def _queued(self, container: str, labels: Mapping[str, str], known: SlurmJob | None, now: float) -> Container:
        why = known.waits_for() if known else ""
        if not why or known is None or self._age(container, "queued", now) < TOLD_AFTER:
            return Container(container, labels, Condition.QUEUED)
        soon = f", expected to begin at {known.start}Z" if known.start else ""
        detail = f"queued in Slurm's partition {self.where.partition} as job {known.number}: {why}{soon}"
        return Container(container, labels, Condition.QUEUED, detail=detail, waits=why)

    def _age(self, container: str, what: str, now: float) -> float:
        """For how long, in looks that Slurm answered, something has been so."""
        return now - self._since.setdefault((container, what), now)

    def _settle(self, files: JobFiles) -> None:
        """Nobody says any more how it ended: it must not begin after that, and what is judged stays so."""
        try:
            if not files.has("stop.json"):
                files.write("stop.json", {"at": _now(), "boot": self.boot, "judged": True})
            self.commands.cancel(_number(files))
        except (OSError, RunnerError):
            pass  # stop.json, or the record, keeps a result from being taken

    def _exited(
        self, files: JobFiles, labels: Mapping[str, str], known: SlurmJob | None, ended: endings.JobEnd
    ) -> Container:
        started = self._started(files, known) if files.has("shim.json") else None
        if ended.judged:
            files.write("judged.json", ended.facts())
        container = Container(
            files.name, labels, Condition.EXITED, ended.code, ended.ending, started,
            log_file.last_output(files.directory), ended.text,
        )  # fmt: skip
        self._ended[files.name] = container
        return container

    def _started(self, files: JobFiles, known: SlurmJob | None) -> float | None:
        """By this machine's clock since its boot, written down at the first look: the job's machine has another one."""
        seen = files.read("seen")
        if seen.get("boot") == self.boot:
            return float(str(seen["started"]))
        ran = known.used if known else 0.0
        if seen and not ran:
            return None
        at = _now() - ran
        files.write("seen.json", {"boot": self.boot, "started": at})
        return at

    def _labels(self, container: str) -> Mapping[str, str] | None:
        order = self._orders.get(container) or self._files(container).read("order")
        if order:
            self._orders[container] = order
        labels = order.get("labels")
        return labels if isinstance(labels, dict) and self.owner.owns(labels) else None

    def _strays(self, found: Mapping[str, Container]) -> list[tuple[str, SlurmJob]]:
        """Jobs of this node without a folder: they are to end. One that was just removed may be about to."""
        now = self._looked or 0.0
        jobs = [(name, each) for name, each in self._jobs.items() if each.phase is not JobPhase.OVER]
        without = [each for each in jobs if each[0] not in found and not self._files(each[0]).has("asked")]
        return [(name, each) for name, each in without if self._age(name, "stray", now) >= STRAY_AFTER]

    def _stray(self, known: SlurmJob) -> Container:
        labels = for_claim(self.owner, claim=known.name, project="", execution=0, stage="")
        return Container(known.name, labels, Condition.RUNNING)

    def _files(self, container: str) -> JobFiles:
        return JobFiles(self.root / container)


def _install(folder: Path) -> Path:
    """What jobs run, beside the runs: the cluster's machines need nothing of Winslow."""
    folder.mkdir(parents=True, exist_ok=True)
    for module in (shim, job):
        source = Path(str(module.__file__))
        target, text = folder / source.name, source.read_bytes()
        if not target.exists() or target.read_bytes() != text:
            durable.put(target, text)
    return folder / Path(str(job.__file__)).name


def _chosen(jobs: list[SlurmJob], number: Callable[[str], str]) -> dict[str, SlurmJob]:
    """By claim: the job whose number is known, else the last that is not over."""
    found: dict[str, SlurmJob] = {}
    for each in sorted(jobs, key=lambda each: (each.phase is not JobPhase.OVER, int(each.number))):
        if found.get(each.name) is None or number(each.name) != found[each.name].number:
            found[each.name] = each
    return found


def _number(files: JobFiles) -> str:
    return str(files.read("job").get("job", ""))


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
