"""Services of stages: containers beside one, on a network that only they share, and that has no way out.

They are there only while their stage is. The directory of the run holds `services.json` (which they are, and since when
they run) and `services/<name>/log`. A service carries no claim's label, so that nobody takes it for a stage.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import LogConfig

from runner import durable
from runner.contract import images
from runner.contract.errors import EngineFailed, EngineUnavailable, ImageUnavailable, ServiceNotReady
from runner.contract.labels import Owner, for_service
from runner.contract.spec import ServiceSpec, Spec
from runner.docker.docker_ids import SERVICE as NAME
from runner.docker.docker_ids import SERVICE_OF as OF
from runner.docker.docker_ids import SERVICES_NOTE as NOTE
from runner.docker.docker_ids import is_service
from runner.docker.docker_ids import service_name as _name
from runner.docker.docker_log import Follower
from runner.docker.ends import watchdog
from runner.docker.ends.outside_ends import KILLED
from runner.docker.engine import ContainerLog, said
from runner.docker.listening import Listens, listens
from runner.docker.options import ENGINE_LOG, ENGINE_LOG_BUFFERED, network_of, service_environment, service_options
from runner.secrets.masking import of_run

FOLDER = "services"
LOG_CAP = 8 * 1024 * 1024
"""Bytes of the log of one service."""
LOG_PATIENCE = 2.0
"""Seconds for the last lines of services that have ended."""
LAST_LINES, MOST_READ, LONGEST = 20, 64 * 1024, 200
"""Of a log: lines and bytes that are looked at for the last one, and how much of it is told."""
NOT_ROUTED = {"com.docker.network.bridge.inhibit_ipv4": "true"}
"""The machine itself has no address there: what listens on it is not reached either."""
FULL = "could not find an available"
BY_SIGNAL = (137, 143)
"""Exit codes of what was killed. Before its stage runs, 255 rather is a program's own."""


@dataclass(frozen=True, slots=True)
class EndedService:
    """One that ended while its stage ran. `outside`: not by itself."""

    text: str
    outside: bool


class Services:
    def __init__(
        self,
        client: Callable[[], Any],
        owner: Owner,
        root: Path,
        user: str,
        clock: Callable[[], float],
        boot: str,
    ) -> None:
        self.client, self.owner, self.root, self.user, self.clock, self.boot = client, owner, root, user, clock, boot
        self._followers: dict[tuple[str, str], Follower] = {}
        self._done: set[str] = set()  # ids of those that ended with 0 while their stage went on

    # -- before the stage -------------------------------------------------------------------------------------------

    def network(self, spec: Spec) -> None:
        """The one that stage and services share. EngineFailed, EngineRefused."""
        labels = {**self.owner.labels(), OF: spec.id}
        try:
            if self._network(spec.id) is None:
                self.client().api.create_network(
                    network_of(spec.id), driver="bridge", internal=True, options=NOT_ROUTED, labels=labels
                )
        except APIError as error:
            text = str(error.explanation or error)
            if FULL in text:
                mend = "give it more with `default-address-pools` in daemon.json"
                raise EngineFailed(f"the engine has no addresses left for another network: {mend}") from None
            raise said(error) from None

    def _network(self, container: str) -> dict[str, Any] | None:
        """Two of one name are no error to an engine, so it is looked for by its label."""
        wanted = [f"{key}={value}" for key, value in {**self.owner.labels(), OF: container}.items()]
        return next(iter(self.client().api.networks(filters={"label": wanted})), None)

    def create(self, spec: Spec, discards: Collection[str]) -> None:
        """All of them, after their stage: one without a stage is ended. EngineRefused, ImageUnavailable."""
        known = durable.read(self.root / spec.id / NOTE).get("services", {})
        note: dict[str, Any] = {}
        for each in spec.services:
            before = known.get(each.name, {})
            id = self._made(spec, each) or self._create(
                spec, each, service_options(each, self.user, network_of(spec.id), discards)
            )
            before = before if before.get("id") == id else {}  # one that is made anew has not been started
            note[each.name] = {**before, "id": id, "port": each.port, "timeout": each.timeout}
        durable.write(self.root / spec.id / NOTE, {"services": note})
        self._join(spec)

    def _join(self, spec: Spec) -> None:
        """The network that the policy granted to the stage, beside its own."""
        granted = spec.rights.network
        if not granted or granted == "none":
            return
        api = self.client().api
        stage = api.inspect_container(network_of(spec.id))
        if granted not in stage["NetworkSettings"]["Networks"]:
            api.connect_container_to_network(stage["Id"], granted)

    def _made(self, spec: Spec, service: ServiceSpec) -> str:
        try:
            found = self.client().api.inspect_container(_name(spec.id, service.name))
        except NotFound:
            return ""
        return str(found["Id"]) if self.owner.owns(found["Config"].get("Labels") or {}) else ""

    def _create(
        self, spec: Spec, service: ServiceSpec, options: Mapping[str, Any], log: Mapping[str, str] = ENGINE_LOG
    ) -> str:
        api, network = self.client().api, network_of(spec.id)
        at = api.create_networking_config({network: api.create_endpoint_config(aliases=[service.name])})
        try:
            made = api.create_container(
                service.image_id or images.pinned(service.image),
                list(service.command) or None,
                name=_name(spec.id, service.name),
                hostname=service.name,
                environment=service_environment(service),
                labels=for_service(self.owner, spec.labels, spec.id, service.name),
                user=self.user,
                host_config=api.create_host_config(**options, log_config=LogConfig(type="json-file", config=dict(log))),
                networking_config=at,
                use_config_proxy=False,
            )
        except (ImageNotFound, NotFound) as error:
            raise ImageUnavailable(f"image {service.image!r} is not on this node: {error.explanation}") from None
        except APIError as error:
            if "max-buffer-size" in str(error.explanation) and log is ENGINE_LOG:
                return self._create(spec, service, options, ENGINE_LOG_BUFFERED)
            raise said(error) from None
        return str(made["Id"])

    def serve(self, container: str) -> str:
        """Start what has not started; what is waited for, nothing once all are ready. ServiceNotReady."""
        note = durable.read(self.root / container / NOTE)
        services: dict[str, Any] = note.get("services", {})
        self._start_all(container, services, note)
        waits = [name for name, each in services.items() if not self._ready(container, name, each)]
        return f"waiting for {', '.join(waits)} to be ready" if waits else ""

    def _start_all(self, container: str, services: dict[str, Any], note: Mapping[str, Any]) -> None:
        news = {name: each for name, each in services.items() if each.get("boot") != self.boot}
        for name, each in news.items():
            try:
                status = self.client().api.inspect_container(each["id"])["State"]["Status"]
                if status == "created":
                    self.client().api.start(each["id"])
                elif each.get("boot") and status != "running":
                    raise self._ended_outside(container, name, "the machine was started anew")
            except APIError as error:
                if isinstance(said(error), EngineUnavailable) and not _its_own(error):
                    raise EngineFailed(f"the engine cannot start service {name}: {error.explanation}") from None
                raise self._failed(container, name, f"cannot be started: {error.explanation}") from None
            self._follow(container, name, each["id"])
            each |= {"since": self.clock(), "boot": self.boot}
        if news:
            durable.write(self.root / container / NOTE, {**note, "services": services})

    def _ready(self, container: str, name: str, known: Mapping[str, Any]) -> bool:
        state, port = self.client().api.inspect_container(known["id"])["State"], int(known["port"])
        if not state["Running"]:
            if not port and state["ExitCode"] == 0:
                return True  # it had something to do once
            if state["ExitCode"] in BY_SIGNAL and not state.get("OOMKilled"):
                raise self._ended_outside(container, name, _code(state))
            raise self._failed(container, name, f"ended before it was ready, {_code(state)}")
        heard = self._heard(int(state["Pid"]), str(known["id"]), port) if port else Listens.YES
        if heard is None:
            raise self._failed(container, name, "cannot be looked at: the engine's processes are not visible here")
        if heard is Listens.YES:
            return True
        if self.clock() - float(known["since"]) < float(known["timeout"]):
            return False
        alone = " (it listens there for itself only, on 127.0.0.1)" if heard is Listens.ITSELF else ""
        text = f"was not ready within {float(known['timeout']):g} s: nothing listens on port {port}{alone}"
        raise self._failed(container, name, text)

    def _ended_outside(self, container: str, name: str, how: str) -> EngineFailed:
        """What to raise: its engine or its machine went down, or a person killed it. All are made anew."""
        self.end(container)
        return EngineFailed(f"service {name} was ended from outside before its stage began ({how})")

    def _heard(self, pid: int, id: str, port: int) -> Listens | None:
        """None where it runs and cannot be seen from here."""
        try:
            if watchdog.belongs(pid, id):
                return listens(pid, port)
        except OSError:
            pass
        return None if self.client().api.inspect_container(id)["State"]["Pid"] == pid else Listens.NO

    def _failed(self, container: str, name: str, why: str) -> ServiceNotReady:
        """What to raise, once all of them have ended."""
        said_last = self._last_line(container, name)
        self.end(container)
        return ServiceNotReady(f"service {name} {why}{f'; its log ends: {said_last}' if said_last else ''}"[:1000])

    # -- beside the stage -------------------------------------------------------------------------------------------

    def ids(self, container: str) -> tuple[str, ...]:
        """By which the engine knows them."""
        return tuple(each["id"] for each in durable.read(self.root / container / NOTE).get("services", {}).values())

    def ended(self, container: str, names: list[str], seen: Mapping[str, Mapping[str, Any]]) -> EndedService | None:
        """The first that ended before its stage, by what the engine listed. One that ended with 0 has done its work."""
        for name in names:
            entry = seen.get(name)
            if entry is None:
                return EndedService(f"service {name} was removed from outside Winslow", outside=True)
            if entry["State"] in ("running", "paused", "restarting"):
                self._follow(container, name, str(entry["Id"]))
            elif entry["Id"] not in self._done and (found := self._judged(container, name, str(entry["Id"]))):
                return found
        return None

    def _judged(self, container: str, name: str, id: str) -> EndedService | None:
        try:
            state = self.client().api.inspect_container(id)["State"]
        except NotFound:
            return EndedService(f"service {name} was removed from outside Winslow", outside=True)
        if state["Running"]:
            return None
        if state["ExitCode"] == 0 and not state.get("OOMKilled"):
            self._done.add(id)
            return None
        outside = state["ExitCode"] in KILLED and not state.get("OOMKilled")
        last = self._last_line(container, name)
        text = f"service {name} ended, {_code(state)}{f'; its log ends: {last}' if last else ''}"
        return EndedService(text[:1000], outside)

    # -- after it ---------------------------------------------------------------------------------------------------

    def end(self, container: str) -> None:
        """Kill those that run, keep their logs, remove them. What the engine does not do is raised."""
        entries = list(self._all(container))
        for entry in entries:
            self._kill(entry)
        end = time.monotonic() + LOG_PATIENCE
        for entry in entries:
            self._finish_log(container, str(entry["Labels"].get(NAME, "")), str(entry["Id"]), end)
            self._done.discard(str(entry["Id"]))
            with suppress(NotFound):
                self._remove(str(entry["Id"]))

    def remove(self, container: str) -> None:
        """Nothing is left of them, once their stage is gone too."""
        self.end(container)
        with suppress(APIError):  # somebody else is in it: the next start of the node looks again
            if network := self._network(container):
                self.client().api.remove_network(network["Id"])

    def sweep(self, stages: Mapping[str, object]) -> None:
        """Networks whose stages are gone."""
        wanted = [f"{key}={value}" for key, value in self.owner.labels().items()]
        for network in self.client().api.networks(filters={"label": [*wanted, OF]}):
            if network["Labels"].get(OF) not in stages:
                with suppress(APIError):
                    self.client().api.remove_network(network["Id"])

    def reap(self) -> None:
        followers, self._followers = list(self._followers.values()), {}
        for each in followers:
            each.end()

    def _all(self, container: str) -> Iterator[Mapping[str, Any]]:
        wanted = [f"{key}={value}" for key, value in {**self.owner.labels(), OF: container}.items()]
        try:
            listed = self.client().api.containers(all=True, filters={"label": wanted})
        except APIError:
            if (self.root / container / NOTE).exists():
                raise
            return  # a stage without services ends also where one broken container spoils every list
        yield from (entry for entry in listed if is_service(entry, self.root))

    def _kill(self, entry: Mapping[str, Any]) -> None:
        if entry["State"] in ("exited", "dead", "created"):
            return
        try:
            self.client().api.kill(entry["Id"], "KILL")
        except APIError as error:
            if error.response is None or error.response.status_code not in (404, 409):
                raise

    def _remove(self, id: str) -> None:
        try:
            self.client().api.remove_container(id, v=True, force=True)
        except APIError as error:
            if "already in progress" not in str(error.explanation):
                raise

    # -- logs -------------------------------------------------------------------------------------------------------

    def _follow(self, container: str, name: str, id: str) -> None:
        if (container, name) in self._followers:
            return
        run = self.root / container
        directory = run / FOLDER / name
        directory.mkdir(parents=True, exist_ok=True)
        source = ContainerLog(self.client(), id)
        self._followers[container, name] = Follower(directory, source, LOG_CAP, lambda: None, run)

    def _finish_log(self, container: str, name: str, id: str, end: float) -> None:
        if not name:
            return
        if (self.root / container).is_dir():
            self._follow(container, name, id)
        follower = self._followers.pop((container, name), None)
        while follower and not follower.finished and time.monotonic() < end:
            time.sleep(0.02)
        if follower and not follower.finished:
            follower.give_up()

    def _last_line(self, container: str, name: str) -> str:
        """What it wrote last, secrets hidden; nothing where the engine does not say."""
        try:
            raw = self.client().api.logs(_name(container, name), tail=LAST_LINES)
        except APIError:
            return ""
        hidden = of_run(self.root / container).mask(raw[-MOST_READ:])
        lines = [" ".join(line.split()) for line in hidden.decode(errors="replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "")
        shown = "".join(sign if sign.isprintable() else "?" for sign in last)
        return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _code(state: Mapping[str, Any]) -> str:
    return "out of memory" if state.get("OOMKilled") else f"exit code {state['ExitCode']}"


def _its_own(error: APIError) -> bool:
    text = str(error.explanation or error)
    signs = ("executable file not found", "no such file", "permission denied", "OCI runtime")
    return any(sign in text for sign in signs)
