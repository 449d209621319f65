"""Images that the engine builds, as containers of the runner's contract: created, started, watched, stopped, removed.

In a build's directory stand `build.json` (what is wanted), `begun.json` (when it began), `exit.json` (how it ended),
`log`, and in `io/result` what it made. The engine gives a build up when whoever asked for it goes away: a build that
this process does not know, and that has not ended, was lost with the process before.
"""

import base64
import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException
from docker.types import CancellableStream

from runner import durable
from runner.building.build_log import BuildLog
from runner.building.dockerfile import LARGEST, Unclear, bases, fetches, text_of
from runner.building.pushing import NotPushed, pushed
from runner.contract.errors import EngineRefused
from runner.contract.labels import Owner
from runner.contract.spec import Condition, Container, Ending, ImageBuild, Spec
from runner.docker.engine import BROKEN, HTTPError, talking
from runner.logs import log_file
from schema.policy import takes_image

LOST: Mapping[str, Any] = {
    "code": None,
    "ending": str(Ending.INFRASTRUCTURE),
    "detail": "its controller ended meanwhile, and the build with it",
}


class BuildFailed(Exception):
    """The text says why; it is the Dockerfile's fault, or the registry's."""

    def __init__(self, text: str, ending: Ending = Ending.EXIT) -> None:
        super().__init__(text)
        self.ending = ending


class Builds:
    def __init__(
        self,
        client: Callable[[], Any],
        owner: Owner,
        root: Path,
        now: Callable[[], float],
        boot: str,
        wake: Callable[[], None],
    ) -> None:
        self.client, self.owner, self.root, self.now, self.boot, self.wake = client, owner, root, now, boot, wake
        self._lock = threading.Lock()
        self._known = {path.parent.name for path in root.glob("*/build.json")}
        self._streams: dict[str, Any] = {}  # of those that this process began
        self._told: set[str] = set()

    def __contains__(self, container: str) -> bool:
        return container in self._known

    def create(self, spec: Spec) -> None:
        assert spec.build
        directory = self.root / spec.id
        if spec.id in self._known:
            return
        (directory / "io").mkdir(parents=True, exist_ok=True)
        build = spec.build
        wanted = {
            "labels": dict(spec.labels), "context": str(build.context), "tag": build.tag, "push": build.push,
            "version": build.version, "network": build.network, "bases": list(build.bases),
            "memory": spec.limits.memory,
        }  # fmt: skip
        durable.write(directory / "build.json", wanted)
        self._known.add(spec.id)

    def start(self, container: str) -> None:
        directory = self.root / container
        with self._lock:
            if (directory / "begun.json").exists():
                return
            durable.write(directory / "begun.json", {"boot": self.boot, "started": self.now()})
            self._streams[container] = None
        threading.Thread(target=self._run, args=(container,), name=f"build-{container[:8]}", daemon=True).start()

    def stop(self, container: str) -> None:
        with self._lock:
            self._told.add(container)
            stream = self._streams.get(container)
        if stream is not None:
            with suppress(OSError, AttributeError, ValueError, DockerException):
                stream.close()

    def remove(self, container: str) -> None:
        directory = self.root / container
        if container in self._streams and not (directory / "exit.json").exists():
            raise EngineRefused(f"build {container} still runs: stop it before removing it")
        for name in ("build.json", "context.tar", "begun.json", "exit.json"):
            (directory / name).unlink(missing_ok=True)
        self._known.discard(container)
        self._streams.pop(container, None)
        self._told.discard(container)

    def containers(self) -> Mapping[str, Container]:
        looks = (self._look(container) for container in tuple(self._known))
        return {look.id: look for look in looks if look and self.owner.owns(look.labels)}

    def _look(self, container: str) -> Container | None:
        directory = self.root / container
        wanted, begun = durable.read(directory / "build.json"), durable.read(directory / "begun.json")
        labels = wanted.get("labels")
        if not isinstance(labels, dict):
            return None
        if not begun:
            return Container(container, labels, Condition.CREATED)
        started = float(str(begun["started"])) if begun.get("boot") == self.boot else None
        output = log_file.last_output(directory)
        ended = durable.read(directory / "exit.json")
        if not ended and container in self._streams:
            return Container(container, labels, Condition.RUNNING, started=started, last_output=output)
        ended = ended or dict(LOST)
        return Container(
            container, labels, Condition.EXITED, ended.get("code"), Ending(str(ended["ending"])), started, output,
            str(ended.get("detail", "")),
        )  # fmt: skip

    # -- one build ---------------------------------------------------------------------------------------------------

    def _run(self, container: str) -> None:
        directory = self.root / container
        log = BuildLog(directory)
        try:
            self._build(container, directory, log)
            ended: dict[str, object] = {"code": 0, "ending": str(Ending.EXIT)}
        except BuildFailed as error:
            log.say(str(error))
            ended = {"code": 1, "ending": str(error.ending), "detail": str(error)[:500]}
        except Exception as error:  # of the engine, the disk, the connection
            log.say(f"the build was cut off: {error}")
            ended = {"code": None, "ending": str(Ending.INFRASTRUCTURE), "detail": str(error)[:500]}
        if container in self._told:
            ended = {**ended, "ending": str(Ending.STOPPED)} if ended["code"] != 0 else ended
        log.close()
        with suppress(OSError):
            durable.write(directory / "exit.json", ended)
        with self._lock:
            self._streams.pop(container, None)
        self.wake()

    def _build(self, container: str, directory: Path, log: BuildLog) -> None:
        wanted = durable.read(directory / "build.json")
        build = ImageBuild(
            Path(wanted["context"]), wanted["tag"], wanted["push"], wanted["version"], wanted["network"],
            tuple(wanted["bases"]),
        )  # fmt: skip
        made_from = _permitted(build)
        with talking():
            self._made(container, build, wanted.get("memory"), log)
            found = self.client().api.inspect_image(build.tag)
            result = {"id": found["Id"], "tree": build.tag.rpartition(":")[2]}
            result["bases"] = " ".join(self._base(each) for each in made_from)
            if build.push:
                digest = self._pushed(build, log)
                result |= {"digest": digest, "image": f"{build.push}@{digest}"}
        lines = "".join(f"{name}={value}\n" for name, value in result.items())
        (directory / "io" / "result").write_text(lines)

    def _made(self, container: str, build: ImageBuild, memory: object, log: BuildLog) -> None:
        api = self.client().api
        wanted = {
            "t": build.tag, "rm": 1, "forcerm": 1, "networkmode": build.network,
            "labels": json.dumps({"winslow.tree": build.tag.rpartition(":")[2]}),
            **({"memory": memory, "memswap": memory} if memory else {}),
        }  # fmt: skip
        headers = {"Content-Type": "application/x-tar", "X-Registry-Config": _credentials(api)}
        url = f"{api.base_url}/v{api.api_version}/build"
        with build.context.open("rb") as file:
            response = api.post(url, data=file, params=wanted, headers=headers, stream=True, timeout=(10.0, None))
        if response.status_code != 200:
            raise BuildFailed(f"the engine refuses to build: {response.text[:500]}")
        done = False
        for said in self._heard(container, response):
            done = done or "aux" in said or "Successfully built" in str(said.get("stream", ""))
            log.add(str(said.get("stream") or said.get("status") or ""))
            if "error" in said:
                raise BuildFailed(str(said["error"])[:1000])
        if not done:
            raise BuildFailed("the engine gave it up", Ending.INFRASTRUCTURE)

    def _heard(self, container: str, response: Any) -> Iterator[dict[str, Any]]:
        """What the engine says, until its end or until somebody stops it."""
        stream = CancellableStream(response.iter_content(16 * 1024), response)
        with self._lock:
            self._streams[container] = stream
            told = container in self._told
        if told:
            raise BuildFailed("it was stopped")
        rest = b""
        try:
            for piece in stream:
                *lines, rest = (rest + piece).split(b"\n")
                for line in filter(bytes.strip, lines):
                    yield _parsed(line)
            if rest.strip():
                yield _parsed(rest)
        except (*BROKEN, HTTPError, AttributeError, OSError) as error:
            raise BuildFailed(
                "it was stopped" if container in self._told else f"the engine hung up: {error}", Ending.INFRASTRUCTURE
            ) from None

    def _base(self, reference: str) -> str:
        with suppress(APIError):
            found = self.client().api.inspect_image(reference)
            return str((found.get("RepoDigests") or [found["Id"]])[0])
        return reference

    def _pushed(self, build: ImageBuild, log: BuildLog) -> str:
        """The digest that the registry knows it by."""
        try:
            return pushed(self.client().api, build.tag, build.push, build.version, log.add)
        except NotPushed as error:
            raise BuildFailed(str(error), Ending.INFRASTRUCTURE) from None


def _permitted(build: ImageBuild) -> tuple[str, ...]:
    """What it is made from. BuildFailed where a policy does not let it."""
    try:
        with tarfile.open(build.context) as archive:
            entry = archive.extractfile("Dockerfile")
            content = entry.read(LARGEST + 1) if entry else b""
    except (KeyError, tarfile.TarError):
        raise BuildFailed("there is no Dockerfile in its folder") from None
    try:
        return _granted(build, text_of(content))
    except Unclear as error:
        raise BuildFailed(f"what its Dockerfile does cannot be told for sure, so it is not built: {error}") from None


def _granted(build: ImageBuild, text: str) -> tuple[str, ...]:
    if build.network == "none" and (line := fetches(text)):
        raise BuildFailed(f"it may fetch something, and no network is granted (policy.build.network): {line[:200]}")
    found = bases(text)
    for reference in found:
        if not takes_image(build.bases, reference):
            raise BuildFailed(f"it is made from {reference}, which is not granted (policy.images)")
    return found


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {"stream": line.decode(errors="replace")}
    return found if isinstance(found, dict) else {}


def _credentials(api: Any) -> str:
    """Of registries that this user has logged in to, for images that it is made from."""
    try:
        known = api._auth_configs.get_all_credentials()
    except (AttributeError, DockerException, OSError, ValueError):
        known = {}
    return base64.urlsafe_b64encode(json.dumps(known or {}).encode()).decode()
