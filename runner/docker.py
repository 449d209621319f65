"""Stages as containers of a Docker Engine, with as few rights as they can run with.

What a stage gets without anybody granting more: a user of its own, no capabilities, no new privileges, the default
seccomp profile, a read-only root, no network, `/tmp` and a home in memory, `/workspace` and `/winslow` to write to.

The end of a stream or a broken connection says nothing about a container; only `inspect` does.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import CancellableStream, DeviceRequest, LogConfig, Mount

from runner import logs
from runner.docker_log import Follower, Stream, nanoseconds, read_position
from runner.errors import EngineUnavailable, ImageUnavailable, Refused
from runner.hostimage import build_base
from runner.labels import PREFIX, Owner
from runner.spec import Capabilities, Condition, Container, Ending, Image, Spec

HOME = "/home/winslow"
GRACE = f"{PREFIX}.grace"
MEMORY = f"{PREFIX}.memory"
TEMPORARY = "rw,exec,nosuid,nodev,mode=1777"
ENGINE_LOG = {"max-size": "128m", "max-file": "2", "mode": "blocking"}
KILLED = (137, 143, 255)
"""Exit codes that a container gets when something ends it from outside."""
LOG_PATIENCE = 5.0
"""Seconds without progress of its log after which an ended container is reported with the log it has."""
BROKEN = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, ConnectionError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Engine:
    version: str
    live_restore: bool


def engine() -> Engine:
    """What answers here. EngineUnavailable."""
    client = connect()
    with talking():
        return Engine(client.version()["Version"], bool(client.info().get("LiveRestoreEnabled")))


def connect(client: Any = None) -> Any:
    """A client whose engine has answered. EngineUnavailable."""
    try:
        client = client or docker.from_env(timeout=60)
    except DockerException as error:
        raise _unavailable(error) from None
    with talking():
        client.ping()
    return client


@contextmanager
def talking() -> Iterator[None]:
    """An engine that does not answer is EngineUnavailable; what it answers stays as it is."""
    try:
        yield
    except APIError as error:
        if error.response is not None and error.response.status_code == 503:
            raise _unavailable(error) from None
        raise
    except BROKEN as error:
        raise _unavailable(error) from None


def _unavailable(error: Exception) -> EngineUnavailable:
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    why = str(error).replace("Error while fetching server API version: ", "")[:200]
    return EngineUnavailable(
        f"the Docker Engine at {address} does not answer ({why}): start it (`systemctl start docker`), "
        f"point DOCKER_HOST to it, or let this user use its socket (group `docker`)"
    )


def boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DockerRunner:
    """`root` holds each container's directory; `user` is `uid:gid` of every stage."""

    def __init__(
        self,
        owner: Owner,
        root: Path,
        *,
        on_change: Callable[[], None] = lambda: None,
        user: str = "64000:64000",
        client: Any = None,
        log_cap: int = logs.CAP,
    ) -> None:
        self.owner, self.root, self.user = owner, root.absolute(), user
        self.on_change, self.log_cap = on_change, log_cap
        self.client = connect(client)
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._lock, self._stopping = threading.Lock(), threading.Lock()
        self._followers: dict[str, Follower] = {}
        self._ended: dict[str, Container] = {}
        self._started: dict[str, float | None] = {}
        self._told: dict[str, threading.Timer] = {}
        self._running: frozenset[str] = frozenset()
        self._out_of_memory: set[str] = set()
        self._events = Events(self.client, owner, self._heard, self._lost)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("docker", limits=True, oom=True, gpus=True, isolation=True)

    # -- images -----------------------------------------------------------------------------------------------------

    def resolve(self, image: str, pull: str) -> Image:
        with talking():
            found = None if pull == "always" else self._local(image)
            if found is None and pull == "never":
                raise ImageUnavailable(
                    f"there is no image {image!r} on this node, and `pull: never` forbids to fetch it"
                )
            return _image(image, found or self._host(image) or self._pull(image))

    def _host(self, image: str) -> dict[str, Any] | None:
        """`host/…` needs no registry anywhere: here it is an image made of this host's Python, at its first use."""
        if not image.startswith("host/"):
            return None
        build_base(image)
        return self._local(image)

    def _local(self, image: str) -> dict[str, Any] | None:
        try:
            return dict(self.client.api.inspect_image(pinned(image)))
        except (ImageNotFound, NotFound):
            return None
        except APIError as error:
            raise ImageUnavailable(f"image {image!r}: {error.explanation}") from None

    def _pull(self, image: str) -> dict[str, Any]:
        repository, separator, digest = pinned(image).partition("@")
        tag = digest if separator else _tag(image)
        try:
            self.client.images.pull(repository if separator else _repository(image), tag=tag)
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
            self._hand_over(spec)
            self._create(spec)

    def _create(self, spec: Spec) -> None:
        api = self.client.api
        try:
            api.create_container(
                pinned(spec.image),
                list(spec.command) or None,
                name=_name(spec.id),
                entrypoint=list(spec.entrypoint) if spec.entrypoint is not None else None,
                environment=_environment(spec),
                labels={**spec.labels, GRACE: str(spec.grace), MEMORY: str(spec.limits.memory or "")},
                user=self.user,
                working_dir="/workspace",
                host_config=api.create_host_config(**_host(spec, self.user)),
            )
        except (ImageNotFound, NotFound) as error:
            raise ImageUnavailable(f"image {spec.image!r} is not on this node: {error.explanation}") from None
        except APIError as error:
            if error.response is None or error.response.status_code != 409:
                raise Refused(f"the engine refuses the container: {error.explanation}") from None

    def _hand_over(self, spec: Spec) -> None:
        """The stage's own trees belong to its user."""
        uid, _, gid = self.user.partition(":")
        spec.workspace.mkdir(parents=True, exist_ok=True)
        (spec.directory / "io").mkdir(parents=True, exist_ok=True)
        try:
            for tree in (spec.workspace, spec.directory / "io"):
                _own(tree, int(uid), int(gid or uid))
        except PermissionError as error:
            raise Refused(
                f"cannot give {error.filename} to the stages' user {self.user}: run the node as root, "
                f"or let stages run as this user ({os.getuid()}:{os.getgid()})"
            ) from None

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
            note = _read(self.root / container / "stop.json")
            if note.get("boot") != self.boot:
                note = {"at": boot_time(), "boot": self.boot, "sent": False}
                write_note(self.root / container / "stop.json", note)
            left = float(str(note["at"])) + _grace(found) - boot_time()
            if left <= 0:
                self._signal(container, "KILL")
            elif container not in self._told:
                self._signal(container, "TERM")
                write_note(self.root / container / "stop.json", {**note, "sent": True})
                self._told[container] = timer = threading.Timer(left, self._kill_later, (container,))
                timer.daemon = True
                timer.start()

    def _kill_later(self, container: str) -> None:
        try:
            self.stop(container)
        except (EngineUnavailable, APIError):
            pass  # whoever calls `stop` again will see to it

    def _signal(self, container: str, name: str) -> None:
        try:
            self.client.api.kill(_name(container), name)
        except APIError as error:
            if error.response is None or error.response.status_code not in (404, 409, 500):
                raise  # 404, 409 and old engines' 500: it has ended by now

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
        """None for one that is gone or that the engine cannot describe."""
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
            return None

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
        code, stop = int(state["ExitCode"]), _read(directory / "stop.json")
        if stop and (stop.get("sent") or code in KILLED):
            return Ending.STOPPED, ""
        if state.get("OOMKilled") or found["Id"] in self._out_of_memory:
            limit = (found["Config"].get("Labels") or {}).get(MEMORY)
            of = f" of {int(limit) / 2**20:.0f} MiB" if limit else ""
            return Ending.OOM, f"the kernel ended a process of it: it reached its memory limit{of}"
        if code in KILLED and (state.get("Error") or self._went_down(container, state)):
            return Ending.INFRASTRUCTURE, state.get("Error") or "the Docker Engine or the machine went down under it"
        return Ending.EXIT, ""

    def _went_down(self, container: str, state: Mapping[str, Any]) -> bool:
        """The machine has booted since its start, or the engine was lost when it ended or while it ran."""
        directory = self.root / container
        started = _read(directory / "started.json")
        if started and started["boot"] != self.boot:
            return True
        lost = _read(directory / "engine.json").get("lost")
        return lost is not None and nanoseconds(state["FinishedAt"]) / 1e9 > float(str(lost)) - 30

    def _start_time(self, container: str, found: Mapping[str, Any]) -> None:
        """On the boot-time clock: noted once, so that a wall clock set anew changes nothing."""
        path = self.root / container / "started.json"
        note = _read(path)
        moment = found.get("State", {}).get("StartedAt", "0001")
        if not note and not moment.startswith("0001"):
            ago = time.time() - nanoseconds(moment) / 1e9
            note = {"boot": self.boot if ago < boot_time() else "", "started": boot_time() - ago}
            write_note(path, note)
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
                    write_note(self.root / container / "engine.json", {"lost": time.time()})
                except OSError:
                    pass
        self._running = frozenset()


class Events:
    """Wakes the controller when a container ends; connects again for as long as it has to."""

    def __init__(
        self, client: Any, owner: Owner, heard: Callable[[Mapping[str, Any]], None], lost: Callable[[], None]
    ) -> None:
        self.client, self.heard, self.lost = client, heard, lost
        labels = [f"{key}={value}" for key, value in owner.labels().items()]
        self._filters = {"type": "container", "event": ["die", "oom"], "label": labels}
        self._end = threading.Event()
        self._stream: Any = None
        self._thread = threading.Thread(target=self._run, name="docker-events", daemon=True)
        self._thread.start()

    @property
    def ending(self) -> bool:
        return self._end.is_set()

    def end(self) -> None:
        self._end.set()
        _close(self._stream)
        self._thread.join(5)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._stream = self.client.api.events(decode=True, filters=self._filters)
                for event in self._stream:
                    if self._end.is_set():
                        return
                    self.heard(event)
            except (DockerException, OSError, ValueError):
                pass
            if not self._end.is_set() and self._stream is not None:
                self._stream = None
                self.lost()
                self.heard({})
            self._end.wait(0.5)


class ContainerLog:
    """The engine's log of one container, for `docker_log.Follower`."""

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name

    def logs(self, since: str, follow: bool) -> Stream:
        """By hand: the SDK's own call loses either the streams or the nanoseconds."""
        api = self.client.api
        wanted = {"stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(follow), "since": since}
        url = f"{api.base_url}/v{api.api_version}/containers/{self.name}/logs"
        response = api.get(url, params=wanted, stream=True, timeout=(10, None))
        if response.status_code == 404:
            raise LookupError(self.name)
        if response.status_code != 200:
            raise OSError(f"the engine gives no log of {self.name}: {response.status_code}")
        stream: Stream = CancellableStream(response.raw.stream(65536), response)
        return stream

    def over(self) -> bool:
        try:
            state = self.client.api.inspect_container(self.name)["State"]
        except NotFound:
            raise LookupError(self.name) from None
        except APIError as error:
            raise OSError(str(error)) from None
        return not state["Running"]


# -- plain things -----------------------------------------------------------------------------------------------------


def pinned(image: str) -> str:
    """`repo:tag@sha256:…` as `repo@sha256:…`: engines disagree about references with both."""
    _, separator, digest = image.partition("@")
    return f"{_repository(image)}@{digest}" if separator else image


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    head, separator, last = name.rpartition("/")
    return f"{head}{separator}{last.partition(':')[0]}"


def _tag(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[2] or "latest"


def _image(ref: str, found: Mapping[str, Any]) -> Image:
    """By the digest that a registry gave it under this very name, else by its id, which only this node knows."""
    known = {name: digest for name, _, digest in (entry.partition("@") for entry in found.get("RepoDigests") or ())}
    digest = known.get(_repository(ref).removeprefix("docker.io/").removeprefix("library/")) or known.get(
        _repository(ref)
    )
    return Image(ref, digest=digest, id=found.get("Id"))


def _name(container: str) -> str:
    return f"{PREFIX}-{container}"


def _environment(spec: Spec) -> dict[str, str]:
    """Of the machine's devices a stage sees those that it was given, whatever its image asks for."""
    return {"HOME": HOME, **spec.environment, "NVIDIA_VISIBLE_DEVICES": ",".join(spec.gpus) or "void"}


def _host(spec: Spec, user: str) -> dict[str, Any]:
    limits = spec.limits
    uid, _, gid = user.partition(":")
    temporary = f"{TEMPORARY},uid={uid},gid={gid or uid}"  # runc gives them the mode of the image's own folders
    given = {
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,
        "nano_cpus": int(limits.cpus * 1e9) if limits.cpus else None,
        "shm_size": limits.shm_size,
        "pids_limit": limits.pids,
        "device_requests": [DeviceRequest(device_ids=list(spec.gpus), capabilities=[["gpu"]])] if spec.gpus else None,
    }
    return {
        "init": True,
        "auto_remove": False,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "read_only": True,
        "network_mode": "none",
        "tmpfs": {"/tmp": temporary, HOME: temporary},
        "mounts": _mounts(spec),
        "log_config": LogConfig(type="json-file", config=ENGINE_LOG),
        **{name: value for name, value in given.items() if value is not None},
    }


def _mounts(spec: Spec) -> list[Mount]:
    own = [
        Mount("/workspace", str(spec.workspace.absolute()), type="bind"),
        Mount("/winslow", str((spec.directory / "io").absolute()), type="bind"),
    ]
    return own + [
        Mount(mount.target, str(mount.source.absolute()), type="bind", read_only=not mount.writable)
        for mount in spec.mounts
    ]


def _own(tree: Path, uid: int, gid: int) -> None:
    os.chown(tree, uid, gid, follow_symlinks=False)
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)


def _start_failure(text: str) -> str:
    if "executable file not found" in text or "no such file or directory" in text:
        return f"the image has no such program: {text[-300:]}"
    return f"the engine cannot start the container: {text[-500:]}"


def _grace(found: Mapping[str, Any]) -> float:
    return float((found["Config"].get("Labels") or {}).get(GRACE) or 10.0)


def write_note(path: Path, content: Mapping[str, object]) -> None:
    """A small durable file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{threading.get_ident()}.part")
    with part.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _close(stream: Any) -> None:
    try:
        stream.close()
    except (OSError, AttributeError, ValueError, DockerException):
        pass
