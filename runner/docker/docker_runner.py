"""Stages as containers of a Docker Engine; `runner.docker.options` says what they may do, `runner.docker.engine` what
the engine says.

What outlives this process is in each container's directory: `container.json` its id, `started.json` when it began on
the boot-time clock and under which engine, `stop.json` that we told it to end, `engine.json` that the engine was lost,
`signal.json` that somebody else told it to end, `ending.json` how it ended, `log` and how far it has come; of an
exclusive one `lease` until when it may run, and `watchdog.json` who ends it then.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import LogConfig

from runner import durable, lease_clock
from runner.contract import images
from runner.contract.errors import EngineFailed, EngineRefused, EngineUnavailable, ImageUnavailable, RunnerError
from runner.contract.labels import Owner
from runner.contract.spec import Capabilities, Condition, Container, Image, Spec
from runner.contract.usage import Usage, of_stats
from runner.docker import discarded
from runner.docker import options as rights
from runner.docker.docker_ids import CLAIM, ContainerIds, name_of
from runner.docker.docker_log import Follower, nanoseconds, read_position
from runner.docker.ends import watchdog
from runner.docker.ends.judged_ends import EndJudge
from runner.docker.ends.outside_ends import signal_of
from runner.docker.ends.watchdogs import Watchdogs
from runner.docker.engine import (
    BROKEN,
    SOON,
    ContainerLog,
    Engine,
    EngineEvents,
    connect,
    engine,
    identity,
    near,
    said,
    talking,
)
from runner.docker.engine_images import EngineImages
from runner.docker.pulls import FULL
from runner.docker.services import Services
from runner.logs import log_file

__all__ = ["DockerRunner", "Engine", "engine"]

ITS_OWN = (
    "could not select device driver", "executable file not found", "no such file or directory", "not a directory",
    "permission denied", "exec format error", "OCI runtime", "nvidia-container",
)  # fmt: skip
"""What a failure to start says where it is the container's own, and another try would end in the same way."""
UNHEARD = 10.0
"""Seconds without a line after which the engine is asked whether there was none: the stream may be half open."""
LOG_PATIENCE = 5.0
"""Seconds without progress of its log after which an ended container is reported with the log it has."""


def boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DockerRunner:
    """`root` holds each container's directory; `user` is `uid:gid` of every stage, if not the usual one.

    The engine has to answer at once, or with `later` at some time: until then all that needs it is EngineUnavailable.
    """

    def __init__(
        self,
        owner: Owner,
        root: Path,
        *,
        on_change: Callable[[], None] = lambda: None,
        user: str = "",
        client: Any = None,
        log_cap: int = log_file.CAP,
        later: bool = False,
    ) -> None:
        self.owner, self.root, self.user = owner, root.absolute(), user or rights.stages_user()
        self.on_change, self.log_cap = on_change, log_cap
        self._client, self._connecting = None if later else connect(client), threading.Lock()
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._lock, self._stopping = threading.Lock(), threading.Lock()
        self._followers: dict[str, Follower] = {}
        self._ended: dict[str, Container] = {}
        self._started: dict[str, float | None] = {}
        self._told: dict[str, threading.Timer] = {}
        self._running: frozenset[str] = frozenset()
        self._labels: Mapping[str, Mapping[str, str]] = {}
        self._watchdogs = Watchdogs(self.root)
        self._images = EngineImages(lambda: self.client)
        self._judge = EndJudge(lambda: self.client, self.root, self.boot, self._watchdogs)
        self._ids = ContainerIds(lambda: self.client, owner, self.root)
        self._services = Services(lambda: self.client, owner, self.root, self.user, boot_time, self.boot)
        self._swept = False
        self._discards, self._answered = tuple[str, ...](), threading.Event()
        self._events = EngineEvents(lambda: self.client, owner, self._heard, self._lost, self._found)
        self._answered.wait(SOON)

    @property
    def client(self) -> Any:
        """EngineUnavailable until an engine has answered."""
        with self._connecting:
            if self._client is None:
                self._client = connect()
            return self._client

    @property
    def capabilities(self) -> Capabilities:
        can = Capabilities("docker", limits=True, oom=True, gpus=True, isolation=True, user=rights.ids(self.user))
        seen = near()
        return replace(can, discards=self._discards, services=seen, watchdog=seen, processes=seen)

    def resolve(self, image: str, pull: str) -> Image:
        return self._images.resolve(image, pull)

    # -- life of a container ----------------------------------------------------------------------------------------

    def create(self, spec: Spec) -> Sequence[str]:
        user = rights.user_of(spec, self.user)
        with talking():
            if (found := self._ids.inspect(spec.id)) is not None:
                self._ids.made(spec.id, found["Id"])
                less = discarded.differing(self._options(spec, user), found.get("HostConfig") or {})
                if found["State"]["Status"] == "created":
                    self._with_services(spec, ())
                return self._with_limits(spec, less if found["State"]["Status"] == "created" else "", ())
            rights.hand_over(spec, user)
            if spec.watched:
                lease_clock.begin(str(spec.directory), spec.watched.until, spec.watched.kill_within)
            if spec.services:
                self._services.network(spec)
            warnings = self._with_services(spec, self._create(spec, rights.ENGINE_LOG))
            return self._with_limits(spec, discarded.discarded(warnings), warnings)

    def _with_services(self, spec: Spec, warnings: Sequence[str]) -> Sequence[str]:
        """Nothing is left where one of them cannot be made."""
        try:
            if spec.services:
                self._services.create(spec, self._discards)
        except (RunnerError, APIError):
            self.remove(spec.id)
            raise
        return warnings

    def serve(self, container: str) -> str:
        with talking():
            if self._watchdogs.needed(container):
                if not self._lasts(container):
                    raise EngineFailed("its time was over before it was started")
                self._see_to(container, str((self._ids.own(container) or {}).get("Id", "")))
            return self._services.serve(container)

    def _see_to(self, container: str, id: str) -> None:
        self._watchdogs.see_to(container, id, self._services.ids(container))

    def _options(self, spec: Spec, user: str) -> dict[str, Any]:
        """How GPUs are given, the engine is asked only for a stage that gets some."""
        cdi = bool(spec.gpus) and rights.by_cdi(self.client.info())
        return rights.options(spec, user, cdi=cdi, discards=self._discards)

    def _with_limits(self, spec: Spec, less: str, warnings: Sequence[str]) -> Sequence[str]:
        """What the engine warned of. EngineRefused, and no container, where it will not keep a limit."""
        if not less:
            return [f"the engine says: {text}" for text in warnings]
        self.remove(spec.id)
        raise EngineRefused(
            f"the engine would not keep a limit that the stage asks for ({less[:300]}): let its kernel limit it "
            f"(cgroups), or ask for none"
        )

    def _create(self, spec: Spec, log: Mapping[str, str]) -> Sequence[str]:
        """By the image's id where it is known: its tag may mean another one by now."""
        api = self.client.api
        user = rights.user_of(spec, self.user)
        options = {**self._options(spec, user), "log_config": LogConfig(type="json-file", config=dict(log))}
        try:
            made = api.create_container(
                spec.image_id or images.pinned(spec.image),
                list(spec.command) or None,
                name=name_of(spec.id),
                entrypoint=list(spec.entrypoint) if spec.entrypoint is not None else None,
                environment=rights.environment(spec),
                labels=rights.labels(spec),
                user=user,
                working_dir=spec.rights.working_dir or "/workspace",
                host_config=api.create_host_config(**options),
                use_config_proxy=False,
            )
            self._ids.made(spec.id, made["Id"])
            return [str(text) for text in made.get("Warnings") or ()]
        except (ImageNotFound, NotFound) as error:
            raise ImageUnavailable(f"image {spec.image!r} is not on this node: {error.explanation}") from None
        except APIError as error:
            return self._not_created(spec, log, error)

    def _not_created(self, spec: Spec, log: Mapping[str, str], error: APIError) -> Sequence[str]:
        text, failure = str(error.explanation or error), said(error)
        if "max-buffer-size" in text and log is rights.ENGINE_LOG:  # from the engine's own log-opts
            return self._create(spec, rights.ENGINE_LOG_BUFFERED)
        if isinstance(failure, EngineUnavailable) or FULL in text:
            raise EngineFailed(f"the engine cannot create the container: {text[-500:]}") from None
        if error.response is None or error.response.status_code != 409:
            raise EngineRefused(f"the engine refuses the container: {text}") from None
        if self._ids.own(spec.id) is None:
            raise EngineRefused(f"somebody else's container is named {name_of(spec.id)}: {text}") from None
        return ()

    def start(self, container: str) -> None:
        with talking():
            found = self._ids.own(container)
            if found is None:
                raise EngineRefused(f"container {name_of(container)} is gone: somebody removed it before its start")
            asked = None
            if found["State"]["Status"] == "created":
                asked = boot_time()
                watched = self._watchdogs.needed(container)
                if watched:
                    self._watched_start(container, found["Id"])
                else:
                    self._start(container)
                found = self._ids.inspect(container) or found
                if watched:
                    self._watchable(container, found)
            self._start_time(container, found, under=identity(), asked=asked)
            self._follow(container)

    def _start(self, container: str) -> None:
        try:
            self.client.api.start(self._ids.target(container))
        except APIError as error:
            text = str(error.explanation or error)
            if isinstance(said(error), EngineUnavailable) and not any(sign in text for sign in ITS_OWN):
                raise EngineFailed(f"the engine cannot start the container: {text[-500:]}") from None
            self.remove(container)
            raise EngineRefused(_start_failure(text)) from None

    def _watched_start(self, container: str, id: str) -> None:
        """EngineFailed where its time is over: then it is being ended at this moment."""
        try:
            if self._lasts(container):
                self._see_to(container, id)
                self._start(container)
                return
        except EngineRefused:
            if self._lasts(container):
                raise
        raise EngineFailed("its time was over before it was started")

    def _lasts(self, container: str) -> bool:
        lease = lease_clock.look(str(self.root / container))
        return lease is not None and not lease.over and lease_clock.now() < lease.at

    def _watchable(self, container: str, found: Mapping[str, Any]) -> None:
        """EngineRefused where it runs and cannot be seen from here: nobody could end it in time."""
        pid, lasts = int(found["State"].get("Pid") or 0), self._lasts(container)
        if lasts and found["State"]["Running"] and not watchdog.belongs(pid, found["Id"]):
            self._signal(container, "KILL")
            raise EngineRefused("an exclusive stage cannot be watched here: the engine's processes cannot be seen")

    def renew(self, container: str, until: float) -> None:
        lease_clock.renew(str(self.root / container), until)

    def stop(self, container: str) -> None:
        with talking(), self._stopping:
            found = self._to_stop(container)
            if found is None or not found["State"]["Running"]:
                self._services.end(container)
                return
            self._press(container, found)

    def _to_stop(self, container: str) -> Mapping[str, Any] | None:
        """Where the engine fails at describing one that ran at the last look, that does not keep it from its end."""
        try:
            return self._ids.own(container)
        except (APIError, *BROKEN):
            if container not in self._running:
                raise
            return {"State": {"Running": True}, "Config": {"Labels": self._labels.get(container, {})}}

    def _press(self, container: str, found: Mapping[str, Any]) -> None:
        """TERM the first time, KILL once the grace is over, whoever counted it down so far."""
        path = self.root / container / "stop.json"
        note = durable.read(path)
        if note.get("boot") != self.boot:
            note = {"at": boot_time(), "boot": self.boot, "sent": False}
            durable.write(path, note)
        left = float(note["at"]) + _grace(found) - boot_time()
        if left > 0 and container in self._told:
            return
        if found["State"].get("Paused"):
            self.client.api.unpause(self._ids.target(container))  # the engine signals nothing that is paused
        if self._signal(container, _gentle(found) if left > 0 else "KILL") and not note["sent"]:
            durable.write(path, {**note, "sent": True})
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
            self.client.api.kill(self._ids.target(container), name)
        except APIError as error:
            if error.response is None or error.response.status_code not in (404, 409, 500):
                raise  # 404, 409 and old engines' 500: it has ended by now
            return False
        return True

    def remove(self, container: str) -> None:
        with talking():
            if self._ids.inspect(container) is not None and self._ids.own(container) is None:
                return
            self._services.end(container)
            try:
                self.client.api.remove_container(self._ids.target(container), v=True)
            except NotFound:
                pass
            except APIError as error:
                if "already in progress" not in str(error.explanation):
                    raise EngineRefused(
                        f"the engine does not remove {name_of(container)}: {error.explanation}"
                    ) from None
            self._services.remove(container)
        self._ids.forget(container)
        self._watchdogs.forget(container)
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
                return of_stats(self.client.api.stats(self._ids.target(container), stream=False, one_shot=True))
        except RunnerError:
            return None

    def holds(self, container: str, process: int) -> bool:
        """By its control group, which is called like the engine's container."""
        try:
            groups = Path(f"/proc/{process}/cgroup").read_text(errors="replace")
            return self._ids.target(container) in groups
        except (RunnerError, OSError):
            return False

    def reap(self) -> None:
        self._events.end()
        self._services.reap()
        with self._lock:
            followers, timers = list(self._followers.values()), list(self._told.values())
            self._followers, self._told = {}, {}
        for timer in timers:
            timer.cancel()
        for follower in followers:
            follower.end()

    # -- looking ----------------------------------------------------------------------------------------------------

    def containers(self) -> Mapping[str, Container]:
        with talking():
            listed = self._ids.all()
            self._end_orphans(listed)
            looks = [self._look(container, entry) for container, entry in listed.items()]
        found = {look.id: look for look in looks if look}
        self._labels = {look.id: look.labels for look in found.values()}
        self._running = frozenset(look.id for look in found.values() if look.running)
        return found

    def _end_orphans(self, stages: Mapping[str, Mapping[str, Any]]) -> None:
        """Services whose stage somebody removed."""
        for container in self._ids.services or ():
            if container not in stages:
                with suppress(APIError):  # then at the next look
                    self._services.remove(container)
        if not self._swept:
            with suppress(APIError):  # then at the next look
                self._services.sweep({**stages, **dict.fromkeys(self._ids.services or ())})
                self._swept = True

    def _look(self, container: str, entry: Mapping[str, Any]) -> Container | None:
        """None for one that is gone. One that the engine cannot describe counts as running: its end is not known."""
        labels = entry.get("Labels") or {}
        if not self.owner.owns(labels):
            return None
        if known := self._ended.get(container):
            return known
        if entry["State"] == "created":
            return Container(container, labels, Condition.CREATED, until=self._until(container))
        try:
            if entry["State"] in ("running", "paused", "restarting"):
                if self._watchdogs.needed(container):
                    with suppress(EngineFailed):  # then at the next look
                        self._see_to(container, entry["Id"])
                return self._at_work(container, labels)
            return self._at_end(container, labels)
        except (APIError, KeyError, ValueError, OSError) as error:
            if isinstance(error, BROKEN):
                raise
            return Container(container, labels, Condition.RUNNING, detail=str(error)[:300])

    def _at_work(self, container: str, labels: Mapping[str, str], found: Mapping[str, Any] | None = None) -> Container:
        if found is None:
            self._with_its_services(container, labels)
        if container not in self._started:
            self._start_time(container, found or self._ids.inspect(container) or {}, under="" if found else identity())
        self._follow(container)
        if container not in self._running:
            self._forget_loss(container)
        started, output = self._started.get(container), self._last_output(container)
        until = self._until(container)
        return Container(container, labels, Condition.RUNNING, started=started, last_output=output, until=until)

    def _with_its_services(self, container: str, labels: Mapping[str, str]) -> None:
        """A stage does not go on without one that failed, and is told once more after a restart of this process."""
        names = [name for name in labels.get(rights.SERVICES, "").split(",") if name]
        if not names or self._ids.services is None:
            return
        path = self.root / container / "stop.json"
        note = durable.read(path)
        if not note:
            ended = self._services.ended(container, names, self._ids.services.get(container, {}))
            if ended is None:
                return
            told = {"service": ended.text, "outside": ended.outside}
            durable.write(path, {"at": boot_time(), "boot": self.boot, "sent": False, **told})
        if not note or "service" in note:
            with suppress(EngineRefused):  # then at the next look
                self.stop(container)

    def _until(self, container: str) -> float | None:
        found = lease_clock.look(str(self.root / container)) if self._watchdogs.needed(container) else None
        return found.at if found else None

    def _last_output(self, container: str) -> float | None:
        """The time for which its log could not be had is no silence."""
        output, follower = log_file.last_output(self.root / container), self._followers.get(container)
        if follower is None or time.monotonic() - follower.heard < UNHEARD:
            return output
        follower.check(ContainerLog(self.client, self._ids.target(container)).newest)
        unheard = time.monotonic() - follower.heard
        since = output or self._started.get(container)
        return output if unheard < UNHEARD or since is None else min(since + unheard, boot_time())

    def _forget_loss(self, container: str) -> None:
        """It outlived an engine that was lost and answers again."""
        note = self.root / container / "engine.json"
        if note.exists() and (found := self._ids.inspect(container)) and found["State"]["Running"]:
            note.unlink(missing_ok=True)

    def _at_end(self, container: str, labels: Mapping[str, str]) -> Container | None:
        found = self._ids.inspect(container)
        if found is None:
            return None
        if labels.get(rights.SERVICES):
            self._services.end(container)
        if not self._log_complete(container):
            return self._at_work(container, labels, found)
        self._start_time(container, found)
        ending, detail = self._judge.ending(container, found)
        started, output = self._started.get(container), log_file.last_output(self.root / container)
        code = int(found["State"]["ExitCode"])
        self._ended[container] = ended = Container(
            container, labels, Condition.EXITED, code, ending, started, output, detail
        )
        return ended

    def _start_time(
        self, container: str, found: Mapping[str, Any], *, under: str = "", asked: float | None = None
    ) -> None:
        """On the boot-time clock: noted once, so that a wall clock set anew changes nothing. `under` which engine.

        The engine tells it by a clock on a wall, which may be another one than ours, or be set just now. So what we
        started ourselves began after it was `asked` for, and nothing begins in the future.
        """
        path = self.root / container / "started.json"
        note = durable.read(path)
        moment = found.get("State", {}).get("StartedAt", "0001")
        if not note and not moment.startswith("0001"):
            now, ago = boot_time(), max(time.time() - nanoseconds(moment) / 1e9, 0.0)
            ago = ago if asked is None else min(ago, now - asked)
            note = {"boot": self.boot if ago < now else "", "started": now - ago}
            note |= {"moment": moment, "engine": under, "live": self._judge.live}
            durable.write(path, note)
        self._started[container] = float(str(note["started"])) if note.get("boot") == self.boot else None

    def _follow(self, container: str) -> None:
        with self._lock:
            if container not in self._followers and not self._events.ending:
                directory = self.root / container
                directory.mkdir(parents=True, exist_ok=True)
                source = ContainerLog(self.client, self._ids.target(container))
                self._followers[container] = Follower(directory, source, self.log_cap, self.on_change)

    def _log_complete(self, container: str) -> bool:
        if read_position(self.root / container / "log.position").complete:
            return True
        self._follow(container)
        follower = self._followers.get(container)
        if follower is None or follower.finished:
            return True
        follower.renew()
        if time.monotonic() - follower.moved < LOG_PATIENCE:
            return False
        follower.give_up()
        return True

    # -- events -----------------------------------------------------------------------------------------------------

    def _found(self) -> None:
        """An engine answers: what is asked of it once, for what runs under it and for what is not to."""
        self._judge.live = self._judge.outlived()
        with suppress(APIError, *BROKEN):
            self._discards = discarded.lacking(self.client.info())
        self._answered.set()

    def _heard(self, event: Mapping[str, Any]) -> None:
        if event.get("Action") == "oom":
            self._judge.out_of_memory.add(str(event.get("id")))
        if name := signal_of(event):
            self._note(str(event["Actor"]["Attributes"].get(CLAIM, "")), "signal.json", {"name": name})
        else:
            self.on_change()

    def _lost(self) -> None:
        """The engine hung up. Should what runs now end by it, this note says why."""
        for container in self._running | frozenset(self._followers):
            if container not in self._ended:
                self._note(container, "engine.json", {"lost": time.time(), "live": self._judge.live})
        self._running = frozenset()

    def _note(self, container: str, name: str, content: Mapping[str, object]) -> None:
        if (self.root / container).is_dir() and container:
            with suppress(OSError):
                durable.write(self.root / container / name, content)


# -- plain things -----------------------------------------------------------------------------------------------------


def _start_failure(text: str) -> str:
    if "could not select device driver" in text:
        return "the engine cannot give GPUs: install nvidia-container-toolkit and restart dockerd"
    if "executable file not found" in text or "no such file or directory" in text:
        return f"the image has no such program: {text[-300:]}"
    return f"the engine cannot start the container: {text[-500:]}"


def _gentle(found: Mapping[str, Any]) -> str:
    """The signal by which it is told to end before it is killed."""
    return (found["Config"].get("Labels") or {}).get(rights.SIGNAL) or "TERM"


def _grace(found: Mapping[str, Any]) -> float:
    return float((found["Config"].get("Labels") or {}).get(rights.GRACE) or 10.0)
