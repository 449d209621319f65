"""A Docker Engine: whether it answers, what it remembers, its events and its logs.

The end of a stream or a broken connection says nothing about a container; only `inspect` does.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import CancellableStream

from runner.docker_log import Stream
from runner.errors import EngineUnavailable
from runner.labels import Owner

BROKEN = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, ConnectionError, TimeoutError)
REMEMBERED = 256
"""Events that an engine keeps, for as long as it runs."""


@dataclass(frozen=True, slots=True)
class Engine:
    version: str
    live_restore: bool
    runtimes: tuple[str, ...] = ()


def engine() -> Engine:
    """What answers here. EngineUnavailable."""
    client = connect()
    with talking():
        info = client.info()
        return Engine(
            client.version()["Version"], bool(info.get("LiveRestoreEnabled")), tuple(info.get("Runtimes") or ())
        )


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


def restarted_under(client: Any, container: str) -> bool:
    """Whether the engine is not the one that started this container (a full id), and would have ended it by that.

    It remembers its latest events since it began; where that is not all of them, nothing can be said.
    """
    events = list(client.api.events(since=1, until=f"{time.time():.9f}", decode=True))
    if len(events) >= REMEMBERED:
        return False
    if any(event.get("Action") == "start" and event.get("id") == container for event in events):
        return False
    return not client.info().get("LiveRestoreEnabled")


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
        self._close()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._stream = self.client.api.events(decode=True, filters=self._filters)
                if self._end.is_set():
                    return self._close()
                for event in self._stream:
                    if self._end.is_set():
                        return None
                    self.heard(event)
            except (DockerException, OSError, ValueError):
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
