"""A Docker Engine: whether it answers, which one it is, what it remembers, its events and its logs.

The end of a stream or a broken connection says nothing about a container; only `inspect` does.
"""

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import CancellableStream

from runner.contract.errors import EngineFailed, EngineRefused, EngineUnavailable
from runner.contract.labels import Owner
from runner.docker.discarded import lacking
from runner.docker.docker_log import Stream, frames
from runner.docker.options import by_cdi

HTTPError: type[Exception] = requests.exceptions.BaseHTTPError  # type: ignore[attr-defined]
"""What reading a stream raises below `requests`."""
BROKEN = (
    requests.exceptions.ConnectionError, requests.exceptions.Timeout, requests.exceptions.ChunkedEncodingError,
    HTTPError, ConnectionError, TimeoutError,
)  # fmt: skip
WORDS = (10.0, 30.0)
"""Seconds to connect, and between two pieces of an answer that comes at once."""
SOON = 3.0
"""Seconds for a question whose answer is short, and can be had later too."""
QUIET = 60.0
"""Seconds without a line after which a log is asked for anew: a connection may be half open."""


@dataclass(frozen=True, slots=True)
class Engine:
    version: str
    live_restore: bool
    runtimes: tuple[str, ...] = ()
    discards: tuple[str, ...] = ()  # limits that it would accept and not keep
    cdi: bool = False  # gives GPUs by CDI


def engine() -> Engine:
    """What answers here. EngineUnavailable."""
    client = connect()
    with talking():
        info = client.info()
        version, live = client.version()["Version"], bool(info.get("LiveRestoreEnabled"))
        return Engine(version, live, tuple(info.get("Runtimes") or ()), lacking(info), by_cdi(info))


def connect(client: Any = None) -> Any:
    """A client whose engine has answered. EngineUnavailable."""
    try:
        client = client or docker.from_env(timeout=60)
    except DockerException as error:
        raise _unavailable(error) from None
    with talking():
        client.ping()
        why = unusable(client.info(), client.version())
    if why:
        raise EngineUnavailable(f"the engine at {_address()} cannot be used: {why}")
    return client


def unusable(info: Mapping[str, Any], version: Mapping[str, Any]) -> str:
    """Why stages cannot be run there as they should, or nothing."""
    if any("podman" in str(part.get("Name", "")).lower() for part in version.get("Components") or ()):
        return "it is Podman, which does not tell how containers end as Docker does; install docker.io"
    if any("rootless" in str(option) for option in info.get("SecurityOptions") or ()):
        return "it is rootless, so stages could not write where they must, nor be limited; start one of root's"
    if (system := str(info.get("OSType") or "linux")) != "linux":
        return f"its containers are of {system}; stages are of Linux"
    return ""


@contextmanager
def talking() -> Iterator[None]:
    """What the engine says or does not say, as an error of a runner: the one place that knows."""
    try:
        yield
    except APIError as error:
        raise said(error) from None
    except BROKEN as error:
        raise _unavailable(error) from None
    except (ValueError, KeyError, TypeError, AttributeError, DockerException) as error:
        raise EngineFailed(f"the engine's answer makes no sense: {type(error).__name__}: {str(error)[:200]}") from None


def said(error: APIError) -> EngineUnavailable | EngineRefused:
    """A failure of the engine's own, or its refusal of what was asked."""
    code = error.response.status_code if error.response is not None else 500
    text = str(error.explanation or error)[:500]
    if code == 503:
        return _unavailable(error)
    if code >= 500:
        return EngineFailed(f"the engine fails ({code}): {text}")
    return EngineRefused(f"the engine refuses it ({code}): {text}")


def _unavailable(error: Exception) -> EngineUnavailable:
    address = _address()
    return EngineUnavailable(
        f"the Docker Engine at {address} does not answer ({_cause(error)}): start it (`systemctl start docker`), "
        f"point DOCKER_HOST to it, or let this user use its socket (group `docker`)"
    )


def _cause(error: BaseException) -> str:
    """The system's own words at the bottom of what the libraries wrapped around them."""
    inner, seen = error, {id(error)}
    while below := next((each for each in _below(inner) if id(each) not in seen), None):
        inner = below
        seen.add(id(inner))
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(error).replace("Error while fetching server API version: ", "")[:200]


def _below(error: BaseException) -> Iterator[BaseException]:
    yield from (each for each in (*error.args, error.__cause__, error.__context__) if isinstance(each, BaseException))


def _address() -> str:
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def remembered(client: Any) -> list[dict[str, Any]] | None:
    """The engine's latest events, since it began at most; None where it does not say them."""
    api = client.api
    wanted = {"since": "1", "until": f"{_clock(client):.9f}"}
    answer = api.get(f"{api.base_url}/v{api.api_version}/events", params=wanted, timeout=WORDS)
    if answer.status_code != 200:
        return None
    try:
        return [json.loads(line) for line in answer.text.splitlines() if line.strip()]
    except ValueError:
        return None


def _clock(client: Any) -> float:
    """Seconds since 1970 by the engine's own clock: it would wait for a time that is still to come, and leave out what
    came after one that is over. Another machine's clock, or one that was set just now, differs from ours.
    """
    try:
        return datetime.fromisoformat(client.info()["SystemTime"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return time.time()


def identity() -> str:
    """Of the engine's process behind a socket of this machine, another one after each start; nothing where unknown."""
    path = _address().removeprefix("unix://")
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WORDS[0])
            line.connect(path)
            pid = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        with open(f"/proc/{pid}/stat") as file:
            name, _, rest = file.read().rpartition(")")
    except (OSError, ValueError):
        return ""
    return f"{pid}:{rest.split()[19]}" if name.endswith("(dockerd") else ""


def near() -> bool:
    """Whether its containers are processes that this one can see; so it counts while that is not known."""
    path = _address().removeprefix("unix://")
    if "://" in path:
        return False
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WORDS[0])
            line.connect(path)
            return bool(struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
    except OSError:
        return True


class EngineEvents:
    """Wakes the controller when a container ends; connects again for as long as it has to."""

    def __init__(
        self,
        client: Callable[[], Any],
        owner: Owner,
        heard: Callable[[Mapping[str, Any]], None],
        lost: Callable[[], None],
        found: Callable[[], None] = lambda: None,
    ) -> None:
        self.client, self.heard, self.lost, self.found = client, heard, lost, found
        labels = [f"{key}={value}" for key, value in owner.labels().items()]
        self._filters = {"type": "container", "event": ["die", "oom", "kill", "stop"], "label": labels}
        self._end = threading.Event()
        self._stream: Any = None
        self._thread = threading.Thread(target=self._run, name="docker-events", daemon=True)
        self._thread.start()

    @property
    def ending(self) -> bool:
        return self._end.is_set()

    def end(self) -> None:
        self._end.set()
        self._close()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._stream = self.client().api.events(decode=True, filters=self._filters)
                self.found()
                if self._end.is_set():
                    return self._close()
                for event in self._stream:
                    if self._end.is_set():
                        return None
                    self.heard(event)
            except (DockerException, HTTPError, EngineUnavailable, OSError, ValueError, AttributeError):
                pass
            if not self._end.is_set() and self._stream is not None:
                self._stream = None
                self.lost()
                self.heard({})
            self._end.wait(0.5)
        return None

    def _close(self) -> None:
        try:
            self._stream.close()
        except (OSError, AttributeError, ValueError, DockerException):
            pass


class ContainerLog:
    """The engine's log of one container, for `docker_log.Follower`."""

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name

    def logs(self, since: str, follow: bool, *, fresh: bool = False) -> Stream:
        """By hand: the SDK's own call loses either the streams or the nanoseconds."""
        api = self.client.api
        wanted = {"stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(follow), "since": since}
        wanted |= {"tail": "0"} if fresh else {}
        url = f"{api.base_url}/v{api.api_version}/containers/{self.name}/logs"
        response = api.get(url, params=wanted, stream=True, timeout=(WORDS[0], QUIET))
        if response.status_code == 404:
            raise LookupError(self.name)
        if response.status_code != 200:
            raise OSError(f"the engine gives no log of {self.name}: {response.status_code}")
        stream: Stream = CancellableStream(response.raw.stream(65536), response)
        return stream

    def newest(self) -> int:
        """The time of its last line, in nanoseconds; 0 where there is none. OSError, also where that takes long."""
        api = self.client.api
        wanted = {"stdout": 1, "stderr": 1, "timestamps": 1, "tail": "1"}
        answer = api.get(f"{api.base_url}/v{api.api_version}/containers/{self.name}/logs", params=wanted, timeout=SOON)
        if answer.status_code != 200:
            raise OSError(f"the engine gives no log of {self.name}: {answer.status_code}")
        return max((frame.time for found in frames(iter([answer.content])) for frame in found), default=0)

    def over(self) -> bool:
        try:
            state = self.client.api.inspect_container(self.name)["State"]
        except NotFound:
            raise LookupError(self.name) from None
        except (APIError, ValueError, KeyError, TypeError) as error:
            raise OSError(str(error)) from None
        return not state["Running"]
