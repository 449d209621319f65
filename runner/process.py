"""Stages as processes of this machine, for trusted code where there is no Docker: the same directories and records.

Image names are mapped to a folder and an interpreter by the node's own configuration; `host` and `host/…` need no
mapping. Every stage runs under `runner.shim`, which outlives the controller and owns the log and the exit code.
"""

import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner import logs, shim
from runner.errors import ImageUnavailable, Refused
from runner.labels import Owner
from runner.spec import Capabilities, Condition, Container, Ending, Image, Spec

PYTHONS = ("python", "python3")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class HostImage:
    """What stands for an image on this host. Its folder goes on PATH and PYTHONPATH."""

    folder: Path | None = None
    interpreter: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def read_images(path: Path) -> dict[str, HostImage]:
    """`{"pattern": {"folder": …, "interpreter": …, "environment": {…}}}`, relative to the file. Refused otherwise."""
    try:
        content = json.loads(path.read_text())
        return {pattern: _host_image(path.parent, entry) for pattern, entry in content.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise Refused(f"{path} does not map images to folders: {error}") from None


def _host_image(base: Path, entry: Mapping[str, object]) -> HostImage:
    folder, interpreter = entry.get("folder"), entry.get("interpreter")
    environment = entry.get("environment") or {}
    if not isinstance(environment, Mapping):
        raise TypeError("`environment` must map names to texts")
    return HostImage(
        base / str(folder) if folder else None,
        base / str(interpreter) if interpreter else None,
        {str(name): str(value) for name, value in environment.items()},
    )


class ProcessRunner:
    def __init__(
        self,
        owner: Owner,
        root: Path,
        *,
        images: Mapping[str, HostImage] | None = None,
        on_change: Callable[[], None] = lambda: None,
        log_cap: int = logs.CAP,
    ) -> None:
        self.owner, self.root = owner, root
        self.images = images or {}
        self.on_change, self.log_cap = on_change, log_cap
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._ended: dict[str, Container] = {}
        self._orders: dict[str, dict[str, object]] = {}
        self._gone: set[str] = set()  # folders of runs that were removed: only their logs are left

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("process")

    def resolve(self, image: str, pull: str) -> Image:
        self._mapped(image)
        return Image(image, id=f"host:{image}")

    def _mapped(self, image: str) -> HostImage:
        for pattern, found in self.images.items():
            if fnmatch.fnmatchcase(image, pattern):
                return found
        if image == "host" or image.startswith("host/"):
            return HostImage(interpreter=Path(sys.executable))
        raise ImageUnavailable(
            f"this node runs stages as processes, and nothing stands for image {image!r} here: start it with --images "
            f"FILE that maps the name to a folder, or start a Docker Engine"
        )

    # -- life of a container ----------------------------------------------------------------------------------------

    def create(self, spec: Spec) -> None:
        directory = self._folder(spec.id)
        if (directory / "order.json").exists():
            return
        image = self._mapped(spec.image)
        self._gone.discard(spec.id)
        directory.mkdir(parents=True, exist_ok=True)
        argv = self._argv(spec, image)
        order = {
            "labels": dict(spec.labels),
            "argv": argv,
            "environment": self._environment(spec, image, directory),
            "workspace": str(spec.workspace),
            "grace": spec.grace,
            "cap": self.log_cap,
            "boot": self.boot,
        }
        shim.note(str(directory), "order.json", order)

    def _argv(self, spec: Spec, image: HostImage) -> list[str]:
        argv = [*(spec.entrypoint or ()), *spec.command]
        if not argv:
            raise Refused("the stage has no command; images have no default command as processes")
        if argv[0] in PYTHONS:
            argv[0] = str(image.interpreter or sys.executable)
        return argv

    def _environment(self, spec: Spec, image: HostImage, directory: Path) -> dict[str, str]:
        """Nothing of the controller's own environment: only what the stage was given, and a home of its own."""
        home, temporary = directory / "home", directory / "tmp"
        home.mkdir(exist_ok=True)
        temporary.mkdir(exist_ok=True)
        base = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": str(home), "TMPDIR": str(temporary)}
        if image.folder:
            base |= {"PYTHONPATH": str(image.folder), "PATH": f"{image.folder}:{SYSTEM_PATH}"}
        return {**base, "PYTHONUNBUFFERED": "1", **image.environment, **spec.environment}

    def start(self, container: str) -> None:
        directory = self._folder(container)
        if (directory / "shim.json").exists() or (directory / "launched").exists():
            return
        (directory / "launched").touch()
        read_end, write_end = os.pipe()
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", shim.__file__, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(directory / "shim.err").open("wb"),
            env={"PATH": SYSTEM_PATH},
            cwd="/",
            start_new_session=True,
            pass_fds=(write_end,),
        )
        os.close(write_end)
        threading.Thread(target=self._await_end, args=(child, read_end), daemon=True).start()

    def _await_end(self, child: subprocess.Popen[bytes], read_end: int) -> None:
        """The shim holds the other end of the pipe: its end wakes us."""
        child.wait()
        os.close(read_end)
        self.on_change()

    def stop(self, container: str) -> None:
        found = self._look(self._folder(container))
        if found is None or not found.running:
            return
        facts = _json(self._folder(container) / "shim.json")
        if "pid" not in facts:
            return  # its shim has not begun yet; whoever wants it stopped asks again
        try:
            os.kill(int(str(facts["pid"])), signal.SIGTERM)
        except ProcessLookupError:
            pass

    def remove(self, container: str) -> None:
        directory = self._folder(container)
        for name in ("home", "tmp"):
            shutil.rmtree(directory / name, ignore_errors=True)
        (directory / "order.json").unlink(missing_ok=True)
        self._ended.pop(container, None)
        self._orders.pop(container, None)

    def reap(self) -> None:
        return None

    # -- looking ----------------------------------------------------------------------------------------------------

    def containers(self) -> Mapping[str, Container]:
        if not self.root.is_dir():
            return {}
        found = {}
        for entry in os.scandir(self.root):
            if entry.name in self._gone:
                continue
            container = self._ended.get(entry.name) or self._look(Path(entry.path))
            if container is not None:
                found[entry.name] = container
            elif entry.name not in self._orders and (Path(entry.path) / "exit.json").exists():
                self._gone.add(entry.name)
        return found

    def _look(self, directory: Path) -> Container | None:
        order = self._order(directory)
        if order is None:
            return None
        labels = order["labels"]
        if not isinstance(labels, dict) or not self.owner.owns(labels):
            return None
        facts = _json(directory / "shim.json")
        started = facts.get("started")
        at = float(str(started)) if started is not None and facts.get("boot") == self.boot else None
        ended = _json(directory / "exit.json")
        if ended:
            return self._exited(directory, labels, at, ended)
        if not facts:
            return self._between(directory, labels)
        if self._alive(facts):
            return Container(directory.name, labels, Condition.RUNNING, started=at, last_output=_last_output(directory))
        if ended := _json(directory / "exit.json"):  # it ended between the two looks
            return self._exited(directory, labels, at, ended)
        self._end_group(facts)
        detail = "the process that kept it is gone, after a restart of the machine or a kill"
        return Container(directory.name, labels, Condition.EXITED, None, Ending.INFRASTRUCTURE, at, detail=detail)

    def _order(self, directory: Path) -> dict[str, object] | None:
        known = self._orders.get(directory.name)
        if known is None:
            known = _json(directory / "order.json")
            if not known:
                return None
            self._orders[directory.name] = known
        return known

    def _between(self, directory: Path, labels: dict[str, str]) -> Container:
        """Told to start, but its shim has not said anything yet; or it never could."""
        if not (directory / "launched").exists():
            return Container(directory.name, labels, Condition.CREATED)
        age = time.time() - (directory / "launched").stat().st_mtime
        if age < 10:
            return Container(directory.name, labels, Condition.RUNNING)
        detail = "its shim did not start: " + (directory / "shim.err").read_text(errors="replace")[-300:]
        return Container(directory.name, labels, Condition.EXITED, None, Ending.INFRASTRUCTURE, detail=detail)

    def _exited(
        self, directory: Path, labels: dict[str, str], started: float | None, ended: Mapping[str, object]
    ) -> Container:
        ending = Ending.STOPPED if ended.get("stopped") else Ending.EXIT
        code = int(str(ended["code"]))
        container = Container(directory.name, labels, Condition.EXITED, code, ending, started, _last_output(directory))
        self._ended[directory.name] = container
        return container

    def _alive(self, facts: Mapping[str, object]) -> bool:
        """The very process, not another one that has got its number since."""
        if facts.get("boot") != self.boot:
            return False
        try:
            return bool(shim.start_time(int(str(facts["pid"]))) == facts["start"])
        except (OSError, ValueError, IndexError):
            return False

    def _end_group(self, facts: Mapping[str, object]) -> None:
        """A stage whose shim was killed must not run on unseen."""
        if facts.get("boot") != self.boot:
            return
        try:
            os.killpg(int(str(facts["stage"])), signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def _folder(self, container: str) -> Path:
        return self.root / container


def _last_output(directory: Path) -> float | None:
    """When the log last grew, on the boot-time clock."""
    try:
        written = (directory / "log").stat()
    except FileNotFoundError:
        return None
    if not written.st_size:
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - max(time.time() - written.st_mtime, 0.0)


def _json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
