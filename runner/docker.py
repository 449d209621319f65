"""Stages as containers of a Docker Engine; `runner.rights` says what they may do, `runner.engine` what the engine says.

What outlives this process is in each container's directory: `started.json` when it began on the boot-time clock,
`stop.json` that we told it to end, `engine.json` that the engine was lost, `log` and how far it has come.
"""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound

from runner import images, logs, notes, rights
from runner.docker_log import Follower, nanoseconds, read_position
from runner.engine import BROKEN, ContainerLog, Engine, Events, connect, engine, restarted_under, talking
from runner.errors import EngineUnavailable, ImageUnavailable, Refused
from runner.hostimage import build_base
from runner.labels import PREFIX, Owner
from runner.spec import Capabilities, Condition, Container, Ending, Image, Spec
from runner.usage import Usage, of_stats

__all__ = ["DockerRunner", "Engine", "engine"]

KILLED = (137, 143, 255)
"""Exit codes that a container gets when something ends it from outside."""
LOG_PATIENCE = 5.0
"""Seconds without progress of its log after which an ended container is reported with the log it has."""


def boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DockerRunner:
    """`root` holds each container's directory; `user` is `uid:gid` of every stage, if not the usual one."""

    def __init__(
        self,
        owner: Owner,
        root: Path,
        *,
        on_change: Callable[[], None] = lambda: None,
        user: str = "",
        client: Any = None,
        log_cap: int = logs.CAP,
    ) -> None:
        self.owner, self.root, self.user = owner, root.absolute(), user or rights.stages_user()
        self.on_change, self.log_cap = on_change, log_cap
        self.client = connect(client)
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._lock, self._stopping, self._building = threading.Lock(), threading.Lock(), threading.Lock()
        self._followers: dict[str, Follower] = {}
        self._ended: dict[str, Container] = {}
        self._started: dict[str, float | None] = {}
        self._told: dict[str, threading.Timer] = {}
        self._running: frozenset[str] = frozenset()
        self._out_of_memory: set[str] = set()
        self._events = Events(self.client, owner, self._heard, self._lost)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("docker", limits=True, oom=True, gpus=True, isolation=True, user=rights.ids(self.user))

    # -- images -----------------------------------------------------------------------------------------------------

    def resolve(self, image: str, pull: str) -> Image:
        with talking():
            found = None if pull == "always" else self._local(image)
            if found is None and pull == "never":
                raise ImageUnavailable(
                    f"there is no image {image!r} on this node, and `pull: never` forbids to fetch it"
                )
            return images.resolved(image, found or self._host(image) or self._pull(image))

    def _host(self, image: str) -> dict[str, Any] | None:
        """`host/…` needs no registry anywhere: here it is an image made of this host's Python, at its first use."""
        if not image.startswith("host/"):
            return None
        with self._building:
            if self._local(image) is None:
                build_base(image)
        return self._local(image)

    def _local(self, image: str) -> dict[str, Any] | None:
        try:
            return dict(self.client.api.inspect_image(images.pinned(image)))
        except (ImageNotFound, NotFound):
            return None
        except APIError as error:
            raise ImageUnavailable(f"image {image!r}: {error.explanation}") from None

    def _pull(self, image: str) -> dict[str, Any]:
        repository, tag = images.source(image)
        try:
            self.client.images.pull(repository, tag=tag)
        except APIError as error:
            raise ImageUnavailable(
                f"image {image!r} is not on this node and cannot be pulled: {error.explanation or error}; check its "
                f"name, the registry, and this node's `docker login`"
            ) from None
        return self._local(image) or {}

    # -- life of a container ----------------------------------------------------------------------------------------

    def create(self, spec: Spec) -> None:
        with talking():
            if self._inspect(spec.id) is not None:
                return
            rights.hand_over(spec, self.user)
            self._create(spec)

    def _create(self, spec: Spec) -> None:
        api = self.client.api
        try:
            api.create_container(
                images.pinned(spec.image),
                list(spec.command) or None,
                name=_name(spec.id),
                entrypoint=list(spec.entrypoint) if spec.entrypoint is not None else None,
                environment=rights.environment(spec),
                labels=rights.labels(spec),
                user=self.user,
                working_dir="/workspace",
                host_config=api.create_host_config(**rights.options(spec, self.user)),
            )
        except (ImageNotFound, NotFound) as error:
            raise ImageUnavailable(f"image {spec.image!r} is not on this node: {error.explanation}") from None
        except APIError as error:
            if error.response is None or error.response.status_code != 409:
                raise Refused(f"the engine refuses the container: {error.explanation}") from None

    def start(self, container: str) -> None:
        with talking():
            found = self._own(container)
            if found is None:
                raise Refused(f"container {_name(container)} is gone: somebody removed it before its start")
            if found["State"]["Status"] == "created":
                self._start(container)
                found = self._inspect(container) or found
            self._start_time(container, found)
            self._follow(container)

    def _start(self, container: str) -> None:
        try:
            self.client.api.start(_name(container))
        except APIError as error:
            self.remove(container)
            raise Refused(_start_failure(str(error.explanation or error))) from None

    def stop(self, container: str) -> None:
        with talking(), self._stopping:
            found = self._own(container)
            if found is None or not found["State"]["Running"]:
                return
            self._press(container, found)

    def _press(self, container: str, found: Mapping[str, Any]) -> None:
        """TERM the first time, KILL once the grace is over, whoever counted it down so far."""
        path = self.root / container / "stop.json"
        note = notes.read(path)
        if note.get("boot") != self.boot:
            note = {"at": boot_time(), "boot": self.boot, "sent": False}
            notes.write(path, note)
        left = float(note["at"]) + _grace(found) - boot_time()
        if left > 0 and container in self._told:
            return
        if found["State"].get("Paused"):
            self.client.api.unpause(_name(container))  # the engine signals nothing that is paused
        if self._signal(container, "TERM" if left > 0 else "KILL") and not note["sent"]:
            notes.write(path, {**note, "sent": True})
        if left > 0:
            self._told[container] = timer = threading.Timer(left, self._kill_later, (container,))
            timer.daemon = True
            timer.start()

    def _kill_later(self, container: str) -> None:
        try:
            self.stop(container)
        except (EngineUnavailable, APIError, OSError):
            pass  # whoever calls `stop` again will see to it

    def _signal(self, container: str, name: str) -> bool:
        """False when there was nothing any more to send it to."""
        try:
            self.client.api.kill(_name(container), name)
        except APIError as error:
            if error.response is None or error.response.status_code not in (404, 409, 500):
                raise  # 404, 409 and old engines' 500: it has ended by now
            return False
        return True

    def remove(self, container: str) -> None:
        with talking():
            if self._inspect(container) is not None and self._own(container) is None:
                return
            try:
                self.client.api.remove_container(_name(container), v=True)
            except NotFound:
                pass
            except APIError as error:
                if "already in progress" not in str(error.explanation):
                    raise Refused(f"the engine does not remove {_name(container)}: {error.explanation}") from None
        with self._lock:
            follower, timer = self._followers.pop(container, None), self._told.pop(container, None)
            self._ended.pop(container, None)
            self._started.pop(container, None)
        if follower:
            follower.end()
        if timer:
            timer.cancel()

    def usage(self, container: str) -> Usage | None:
        try:
            with talking():
                return of_stats(self.client.api.stats(_name(container), stream=False, one_shot=True))
        except (APIError, EngineUnavailable, ValueError):
            return None

    def reap(self) -> None:
        self._events.end()
        with self._lock:
            followers, timers = list(self._followers.values()), list(self._told.values())
            self._followers, self._told = {}, {}
        for timer in timers:
            timer.cancel()
        for follower in followers:
            follower.end()

    # -- looking ----------------------------------------------------------------------------------------------------

    def containers(self) -> Mapping[str, Container]:
        wanted = [f"{key}={value}" for key, value in self.owner.labels().items()]
        with talking():
            listed = self.client.api.containers(all=True, filters={"label": wanted})
            found = {}
            for entry in listed:
                name = str((entry.get("Names") or [""])[0]).lstrip("/")
                if name.startswith(f"{PREFIX}-") and (look := self._look(name.removeprefix(f"{PREFIX}-"), entry)):
                    found[look.id] = look
        self._running = frozenset(look.id for look in found.values() if look.running)
        return found

    def _look(self, container: str, entry: Mapping[str, Any]) -> Container | None:
        """None for one that is gone. One that the engine cannot describe counts as running: its end is not known."""
        labels = entry.get("Labels") or {}
        if not self.owner.owns(labels):
            return None
        if known := self._ended.get(container):
            return known
        if entry["State"] == "created":
            return Container(container, labels, Condition.CREATED)
        try:
            if entry["State"] in ("running", "paused", "restarting"):
                return self._at_work(container, labels)
            return self._at_end(container, labels)
        except (APIError, KeyError, ValueError, OSError) as error:
            if isinstance(error, BROKEN):
                raise
            return Container(container, labels, Condition.RUNNING, detail=str(error)[:300])

    def _at_work(self, container: str, labels: Mapping[str, str], found: Mapping[str, Any] | None = None) -> Container:
        directory = self.root / container
        if container not in self._started:
            self._start_time(container, found or self._inspect(container) or {})
        self._follow(container)
        if container not in self._running:
            self._forget_loss(container)
        output = logs.last_output(directory)
        return Container(container, labels, Condition.RUNNING, started=self._started.get(container), last_output=output)

    def _forget_loss(self, container: str) -> None:
        """It outlived an engine that was lost and answers again."""
        note = self.root / container / "engine.json"
        if note.exists() and (found := self._inspect(container)) and found["State"]["Running"]:
            note.unlink(missing_ok=True)

    def _at_end(self, container: str, labels: Mapping[str, str]) -> Container | None:
        found = self._inspect(container)
        if found is None:
            return None
        if not self._log_complete(container):
            return self._at_work(container, labels, found)
        self._start_time(container, found)
        ending, detail = self._ending(container, found)
        started, output = self._started.get(container), logs.last_output(self.root / container)
        code = int(found["State"]["ExitCode"])
        self._ended[container] = ended = Container(
            container, labels, Condition.EXITED, code, ending, started, output, detail
        )
        return ended

    def _ending(self, container: str, found: Mapping[str, Any]) -> tuple[Ending, str]:
        """Our own stop first; then what the kernel did; then what happened to the engine or the machine."""
        state, directory = found["State"], self.root / container
        code, stop = int(state["ExitCode"]), notes.read(directory / "stop.json")
        if stop and (stop.get("sent") or code in KILLED):
            return Ending.STOPPED, ""
        if state.get("OOMKilled") or found["Id"] in self._out_of_memory:
            limit = (found["Config"].get("Labels") or {}).get(rights.MEMORY)
            of = f" of {int(limit) / 2**20:.0f} MiB" if limit else ""
            return Ending.OOM, f"the kernel ended a process of it: it reached its memory limit{of}"
        if code in KILLED and (state.get("Error") or self._went_down(container, found)):
            return Ending.INFRASTRUCTURE, state.get("Error") or "the Docker Engine or the machine went down under it"
        return Ending.EXIT, ""

    def _went_down(self, container: str, found: Mapping[str, Any]) -> bool:
        """The machine has booted since its start, or the engine was lost when it ended or while it ran, seen or not."""
        directory = self.root / container
        started = notes.read(directory / "started.json")
        if started and started["boot"] != self.boot:
            return True
        lost = notes.read(directory / "engine.json").get("lost")
        if lost is not None and nanoseconds(found["State"]["FinishedAt"]) / 1e9 > float(str(lost)) - 30:
            return True
        return restarted_under(self.client, found["Id"])

    def _start_time(self, container: str, found: Mapping[str, Any]) -> None:
        """On the boot-time clock: noted once, so that a wall clock set anew changes nothing."""
        path = self.root / container / "started.json"
        note = notes.read(path)
        moment = found.get("State", {}).get("StartedAt", "0001")
        if not note and not moment.startswith("0001"):
            ago = time.time() - nanoseconds(moment) / 1e9
            note = {"boot": self.boot if ago < boot_time() else "", "started": boot_time() - ago}
            notes.write(path, note)
        self._started[container] = float(str(note["started"])) if note.get("boot") == self.boot else None

    def _follow(self, container: str) -> None:
        with self._lock:
            if container not in self._followers and not self._events.ending:
                directory = self.root / container
                directory.mkdir(parents=True, exist_ok=True)
                source = ContainerLog(self.client, _name(container))
                self._followers[container] = Follower(directory, source, self.log_cap, self.on_change)

    def _log_complete(self, container: str) -> bool:
        if read_position(self.root / container / "log.position").complete:
            return True
        self._follow(container)
        follower = self._followers.get(container)
        return follower is None or follower.finished or time.monotonic() - follower.moved > LOG_PATIENCE

    def _own(self, container: str) -> dict[str, Any] | None:
        """None too for one of somebody else."""
        found = self._inspect(container)
        return found if found and self.owner.owns(found["Config"].get("Labels") or {}) else None

    def _inspect(self, container: str) -> dict[str, Any] | None:
        try:
            return dict(self.client.api.inspect_container(_name(container)))
        except NotFound:
            return None

    # -- events -----------------------------------------------------------------------------------------------------

    def _heard(self, event: Mapping[str, Any]) -> None:
        if event.get("Action") == "oom":
            self._out_of_memory.add(str(event.get("id")))
        self.on_change()

    def _lost(self) -> None:
        """The engine hung up. Should what runs now end by it, this note says why."""
        for container in self._running | frozenset(self._followers):
            if container not in self._ended:
                try:
                    notes.write(self.root / container / "engine.json", {"lost": time.time()})
                except OSError:
                    pass
        self._running = frozenset()


# -- plain things -----------------------------------------------------------------------------------------------------


def _name(container: str) -> str:
    return f"{PREFIX}-{container}"


def _start_failure(text: str) -> str:
    if "could not select device driver" in text:
        return "the engine cannot give GPUs: install nvidia-container-toolkit and restart dockerd"
    if "executable file not found" in text or "no such file or directory" in text:
        return f"the image has no such program: {text[-300:]}"
    return f"the engine cannot start the container: {text[-500:]}"


def _grace(found: Mapping[str, Any]) -> float:
    return float((found["Config"].get("Labels") or {}).get(rights.GRACE) or 10.0)
