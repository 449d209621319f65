"""The runner of simulations: containers that take virtual time, scripted by the stage's own environment.

`FAKE_SECONDS` how long it runs (1) · `FAKE_EXIT` its exit code (0) · `FAKE_OOM=1` ends by lack of memory ·
`FAKE_OUTPUT_EVERY` seconds between lines · `FAKE_IGNORE_TERM=1` ends only by KILL, after the grace ·
`FAKE_IMAGE_MISSING=1` cannot be created · `FAKE_GPU_MEMORY` bytes that it uses of each of its GPUs.
Containers outlive controllers because the test keeps this object.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.contract.errors import EngineRefused, ImageUnavailable
from runner.contract.labels import Owner, gpu_share_of
from runner.contract.spec import Capabilities, Condition, Container, Ending, Image, Spec
from runner.contract.usage import Usage

NEVER = float("inf")


@dataclass(slots=True)
class _Box:
    """A container; what may end it, and when. The first of the three does."""

    spec: Spec
    created: Container
    seconds: float
    every: float
    started: float | None = None
    ends: float = NEVER  # by itself
    killed: float = NEVER  # by our stop
    crashed: float = NEVER  # with the machine
    until: float = NEVER  # watched
    ended: Container | None = None

    @property
    def over(self) -> float:
        return min(self.ends, self.killed, self.crashed, self.lapsed)

    @property
    def lapsed(self) -> float:
        """When its watchdog has ended it; a program that ignores TERM is killed later."""
        patience = self.spec.watched.kill_within if self.spec.watched and _ignores(self.spec) else 0.0
        return max(self.until, self.started or 0.0) + patience

    def last_output(self, now: float) -> float | None:
        if self.started is None or not self.every:
            return None
        ran = min(now, self.over) - self.started
        return self.started + self.every * int(ran / self.every) if ran >= self.every else None


class FakeRunner:
    def __init__(self, owner: Owner, clock: Callable[[], float]) -> None:
        self.owner, self.clock = owner, clock
        self._boxes: dict[str, _Box] = {}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("fake", services=True, watchdog=True)

    def resolve(self, image: str, pull: str) -> Image:
        if image.startswith("missing/"):
            raise ImageUnavailable(f"there is no image {image!r}")
        return Image(image, id="sha256:fake")

    def create(self, spec: Spec) -> Sequence[str]:
        if spec.id in self._boxes:
            return ()
        script = spec.environment
        if script.get("FAKE_IMAGE_MISSING"):
            raise ImageUnavailable(f"there is no image {spec.image!r}")
        created = Container(spec.id, spec.labels, Condition.CREATED)
        seconds, every = float(script.get("FAKE_SECONDS", 1)), float(script.get("FAKE_OUTPUT_EVERY", 0))
        until = spec.watched.until if spec.watched else NEVER
        self._boxes[spec.id] = _Box(spec, created, seconds, every, until=until)
        return ()

    def serve(self, container: str) -> str:
        """Services are ready at once."""
        return ""

    def start(self, container: str) -> None:
        box = self._mine(container)
        if box is None:
            raise EngineRefused(f"there is no container {container} to start: it was not created, or was removed")
        if box.started is None:
            box.started = self.clock()
            box.ends = box.started + box.seconds

    def stop(self, container: str) -> None:
        box = self._mine(container)
        if box is None or box.started is None or box.killed < NEVER or self.clock() >= box.over:
            return
        box.killed = self.clock() + (box.spec.grace if _ignores(box.spec) else 0.0)

    def renew(self, container: str, until: float) -> None:
        box = self._mine(container)
        if box is not None and self.clock() < box.until < until:
            box.until = until

    def remove(self, container: str) -> None:
        box = self._mine(container)
        if box is None:
            return
        if box.started is not None and self.clock() < box.over:
            raise EngineRefused(f"container {container} still runs: stop it before removing it")
        del self._boxes[container]

    def usage(self, container: str) -> Usage | None:
        return None

    def holds(self, container: str, process: int) -> bool:
        """There are no processes."""
        return False

    def reap(self) -> None:
        return None

    def containers(self) -> Mapping[str, Container]:
        now, owns = self.clock(), self.owner.owns
        return {id: box.ended or _look(box, now) for id, box in self._boxes.items() if owns(box.spec.labels)}

    def _mine(self, container: str) -> _Box | None:
        box = self._boxes.get(container)
        return box if box is not None and self.owner.owns(box.spec.labels) else None

    def in_use(self) -> dict[str, dict[str, int | None]]:
        """Which running containers use each GPU, and with which share of it."""
        now, used = self.clock(), dict[str, dict[str, int | None]]()
        for id, box in self._boxes.items():
            if box.started is not None and now < box.over:
                for gpu in box.spec.gpus:
                    used.setdefault(gpu, {})[id] = gpu_share_of(box.spec.labels)
        return used

    def gpu_memory(self, container: str) -> dict[str, int]:
        """What a running one uses of each of its GPUs, by its script."""
        spec = self._boxes[container].spec if container in self._boxes else None
        script = spec.environment.get("FAKE_GPU_MEMORY", "0") if spec else "0"
        return dict.fromkeys(spec.gpus, int(script)) if spec else {}

    def machine_reboot(self) -> None:
        """Power off and on: what ran has ended with the machine."""
        now = self.clock()
        for box in self._boxes.values():
            if box.started is not None and now < box.over:
                box.crashed = now

    def log(self, container: str) -> list[str]:
        box = self._boxes[container]
        last = box.last_output(self.clock())
        if last is None or box.started is None:
            return []
        return [f"line {number + 1}" for number in range(round((last - box.started) / box.every))]


def _ignores(spec: Spec) -> bool:
    return bool(spec.environment.get("FAKE_IGNORE_TERM"))


def _look(box: _Box, now: float) -> Container:
    until = box.until if box.until < NEVER else None
    if box.started is None:
        return replace(box.created, until=until)
    id, labels, output = box.spec.id, box.spec.labels, box.last_output(now)
    if now < box.over:
        return Container(id, labels, Condition.RUNNING, started=box.started, last_output=output, until=until)
    code, ending = _end(box)
    box.ended = Container(id, labels, Condition.EXITED, code, ending, box.started, output)
    return box.ended


def _end(box: _Box) -> tuple[int, Ending]:
    script = box.spec.environment
    if box.over == box.crashed:
        return 255, Ending.INFRASTRUCTURE
    if box.over == box.killed:
        return (137 if script.get("FAKE_IGNORE_TERM") else 143), Ending.STOPPED
    if box.over == box.lapsed:
        return (137 if script.get("FAKE_IGNORE_TERM") else 143), Ending.LAPSED
    if script.get("FAKE_OOM"):
        return 137, Ending.OOM
    return int(script.get("FAKE_EXIT", 0)), Ending.EXIT
