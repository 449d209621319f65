"""Stages as processes of this machine, for trusted code where there is no Docker: the same directories and records.

Every stage runs under `runner.process.shim`, which outlives the controller and owns the log and the exit code. Of a
run, its directory knows: `order.json` what to run, `launched` that it was told to start, `stop.json` that it was told
to end, and what the shim writes. A shim that is gone without `exit.json` was killed, or the machine went down: the
stage is ended where it still runs, and that is an end too.
"""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner import durable, lease_clock
from runner.contract.errors import EngineRefused
from runner.contract.labels import Owner
from runner.contract.spec import Capabilities, Condition, Container, Ending, Image, Spec
from runner.contract.usage import Usage, of_processes
from runner.logs import log_events, log_file
from runner.process import program_digest, shim
from runner.process.program_folders import HostImage, read_images, substitute, variables
from runner.process.supervisor import MARK, Shims, belongs, kill_marked
from runner.store.digests import DigestCache

__all__ = ["HostImage", "ProcessRunner", "read_images"]

STATE = ("order", "launched", "shim.json", "stop.json", "exit.json", "shim.err", lease_clock.NAME)


class ProcessRunner:
    """`root` holds each run's directory. `gpus` says that the machine has some; then a stage sees its own alone, as far
    as CUDA goes. `on_change` is called from another thread soon after a stage has ended."""

    def __init__(
        self,
        owner: Owner,
        root: Path,
        *,
        images: Mapping[str, HostImage] | None = None,
        gpus: bool = False,
        on_change: Callable[[], None] = lambda: None,
        log_cap: int = log_file.CAP,
    ) -> None:
        self.owner, self.root = owner, root.absolute()
        self.images = images or {}
        self.gpus = gpus
        self.log_cap = log_cap
        self.boot = shim.boot_id()
        self._lock = threading.Lock()
        self._unknown: dict[str, str] = {}  # by image, why its record has no digest
        self._digests = DigestCache(program_digest.MOST_FILES)
        self._shims = Shims(on_change)
        self._ended: dict[str, Container] = {}
        self._orders: dict[str, dict[str, object]] = {}
        self._gone: set[str] = set()  # folders of runs that were removed: only their logs are left

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("process", gpus=self.gpus, watchdog=True, processes=True)

    def resolve(self, image: str, pull: str) -> Image:
        found = substitute(image, self.images)
        if found.folder is None:
            return Image(image, id=f"host:{image}")
        try:
            known = program_digest.digest(found, self._digests)
        except program_digest.NoDigest as error:
            self._unknown[image] = f"no digest of its program is recorded: {error}"
            return Image(image, id=f"host:{image}", detail=self._unknown[image])
        self._unknown.pop(image, None)
        return Image(image, id=known)

    # -- life of a container ----------------------------------------------------------------------------------------

    def create(self, spec: Spec) -> Sequence[str]:
        directory = self._folder(spec.id)
        if (directory / "order.json").exists():
            return ()
        if spec.services:
            raise EngineRefused("processes have no network of their own, so there are no services beside them")
        image = substitute(spec.image, self.images)
        argv = image.argv(spec)
        for folder in (spec.workspace, directory / "io"):
            folder.mkdir(parents=True, exist_ok=True)
        for name in STATE:
            (directory / name).unlink(missing_ok=True)
        environment = self._environment(spec, image, directory)
        overlay = spec.overlay.options() if spec.overlay else ""
        workspace, needs = str(spec.workspace.absolute()), str(spec.read_only.absolute()) if spec.read_only else ""
        order = shim.ShimOrder(argv, environment, workspace, overlay, spec.grace, self.log_cap, needs)
        try:
            durable.draft(directory / "order", order.pack())
        except ValueError as error:
            raise EngineRefused(str(error)) from None
        if spec.watched:
            lease_clock.begin(str(directory), spec.watched.until, spec.watched.kill_within)
        durable.draft(directory / "order.json", json.dumps({"labels": dict(spec.labels), "argv": argv}).encode())
        if spec.image in self._unknown:
            log_events.say(directory, self._unknown[spec.image])
        with self._lock:
            self._gone.discard(spec.id)
        self._shims.server.start()
        return ()

    def _environment(self, spec: Spec, image: HostImage, directory: Path) -> dict[str, str]:
        given = ",".join(spec.gpus)
        seen = {"CUDA_VISIBLE_DEVICES": given, "NVIDIA_VISIBLE_DEVICES": given or "void"} if self.gpus else {}
        return {**variables(spec, image, directory), **seen, MARK: str(directory)}

    def serve(self, container: str) -> str:
        """There are none: `create` refuses a stage that has some."""
        return ""

    def start(self, container: str) -> None:
        directory = self._folder(container)
        with self._lock:
            if self._find(container) is None:
                raise EngineRefused(f"there is no container {container} to start: it was not created, or was removed")
            if (directory / "launched").exists():
                return
            self._shims.launch(directory)

    def renew(self, container: str, until: float) -> None:
        lease_clock.renew(str(self._folder(container)), until)

    def stop(self, container: str) -> None:
        directory = self._folder(container)
        found = self._find(container)
        if found is None or not found.running:
            return
        if not (directory / "stop.json").exists():
            durable.write(directory / "stop.json", {"at": _now(), "boot": self.boot})
        facts = durable.read(directory / "shim.json")
        if facts:  # else its shim will find stop.json before it starts anything
            self._signal(facts)

    def _signal(self, facts: Mapping[str, object]) -> None:
        """To the very process, not another one that has got its number since."""
        try:
            handle = os.pidfd_open(int(str(facts["pid"])))
        except ProcessLookupError:
            return
        try:
            if self._alive(facts):
                signal.pidfd_send_signal(handle, signal.SIGTERM)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)

    def usage(self, container: str) -> Usage | None:
        facts = durable.read(self._folder(container) / "shim.json")
        return of_processes(int(str(facts["stage"]))) if facts and self._alive(facts) else None

    def holds(self, container: str, process: int) -> bool:
        directory = self._folder(container)
        facts = durable.read(directory / "shim.json")
        return bool(facts) and self._alive(facts) and belongs(process, int(str(facts["stage"])), directory)

    def remove(self, container: str) -> None:
        directory = self._folder(container)
        found = self._find(container)
        if found is None:
            return
        if found.running:
            raise EngineRefused(f"container {container} still runs: stop it before removing it")
        (directory / "order.json").unlink(missing_ok=True)  # first: without it there is no container
        for name in ("home", "tmp"):
            shutil.rmtree(directory / name, ignore_errors=True)
        for name in STATE:
            (directory / name).unlink(missing_ok=True)
        self._shims.forget(container)
        self._ended.pop(container, None)
        self._orders.pop(container, None)

    def reap(self) -> None:
        self._shims.close()

    # -- looking ----------------------------------------------------------------------------------------------------

    def containers(self) -> Mapping[str, Container]:
        if not self.root.is_dir():
            return {}
        found = {}
        for entry in os.scandir(self.root):
            if entry.name in self._gone:
                continue
            container = self._find(entry.name)
            if container is not None:
                found[entry.name] = container
            elif entry.name not in self._orders:
                self._forget(entry)
        return found

    def _forget(self, entry: os.DirEntry[str]) -> None:
        with self._lock:
            if not os.path.exists(os.path.join(entry.path, "order.json")):
                self._gone.add(entry.name)

    def _find(self, container: str) -> Container | None:
        return self._ended.get(container) or self._look(self._folder(container))

    def _look(self, directory: Path) -> Container | None:
        """None for one that is not there or not ours."""
        order = self._order(directory)
        labels = order.get("labels") if order else None
        if not isinstance(labels, dict) or not self.owner.owns(labels):
            return None
        facts = durable.read(directory / "shim.json")
        if "pid" not in facts and not (directory / "exit.json").exists():
            if not (directory / "launched").exists():
                return Container(directory.name, labels, Condition.CREATED, until=_until(directory))
            if self._shims.beginning(directory):
                return Container(directory.name, labels, Condition.RUNNING, until=_until(directory))
            facts = self._begun_or_given_up(directory)
        started = _moment(facts) if facts.get("boot") == self.boot else None
        if self._alive(facts):
            self._shims.follow(directory.name, int(str(facts["pid"])))
            output = log_file.last_output(directory)
            return Container(
                directory.name, labels, Condition.RUNNING, started=started, last_output=output, until=_until(directory)
            )
        ended = durable.read(directory / "exit.json") or self._lost(directory)
        return self._exited(directory, labels, started, ended)

    def _begun_or_given_up(self, directory: Path) -> dict[str, Any]:
        """A shim may have begun between two looks, or be about to. After this none begins any more: where `shim.json`
        is, a shim runs nothing. A link needs no room on a full disk.
        """
        try:
            os.link(directory / "launched", directory / "shim.json")
        except FileExistsError:
            pass
        return durable.read(directory / "shim.json")

    def _order(self, directory: Path) -> dict[str, object] | None:
        known = self._orders.get(directory.name)
        if known is None:
            known = durable.read(directory / "order.json")
            if not known:
                return None
            self._orders[directory.name] = known
        return known

    def _alive(self, facts: Mapping[str, object]) -> bool:
        if facts.get("boot") != self.boot:
            return False
        try:
            return shim.start_time(int(str(facts["pid"]))) == facts["start"]
        except (OSError, ValueError, IndexError, KeyError):
            return False

    def _lost(self, directory: Path) -> dict[str, object]:
        """Its shim is gone without a word. What is left of the stage is ended, and that is noted once and for all."""
        kill_marked(directory)
        detail = "the process that kept it is gone, after a restart of the machine or a kill"
        said = _said(directory / "shim.err")
        ended: dict[str, object] = {"code": None, "stopped": (directory / "stop.json").exists(), "lost": said or detail}
        try:
            durable.write(directory / "exit.json", ended)
        except OSError:
            pass  # the next look comes to the same
        return ended

    def _exited(
        self, directory: Path, labels: dict[str, str], started: float | None, ended: Mapping[str, object]
    ) -> Container:
        code = ended.get("code")
        lost = Ending.INFRASTRUCTURE if "lost" in ended else Ending.EXIT
        told = Ending.LAPSED if ended.get("lapsed") else Ending.STOPPED if ended.get("stopped") else lost
        container = Container(
            directory.name,
            labels,
            Condition.EXITED,
            code if isinstance(code, int) else None,
            told,
            started,
            log_file.last_output(directory),
            str(ended.get("lost", "")),
        )
        self._ended[directory.name] = container
        return container

    def _folder(self, container: str) -> Path:
        return self.root / container


def _moment(facts: Mapping[str, object]) -> float | None:
    started = facts.get("started")
    return float(started) if isinstance(started, int | float) else None


def _until(directory: Path) -> float | None:
    found = lease_clock.look(str(directory))
    return found.at if found and not found.over else None


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _said(path: Path) -> str:
    try:
        text = path.read_text(errors="replace").strip()
    except OSError:
        return ""
    return f"its shim failed: {text[-300:]}" if text else ""
