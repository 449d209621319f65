"""The runner of simulations: containers that take virtual time, scripted by the stage's own environment.

`FAKE_SECONDS` how long it runs (1) · `FAKE_EXIT` its exit code (0) · `FAKE_OOM=1` ends by lack of memory ·
`FAKE_OUTPUT_EVERY` seconds between lines · `FAKE_IGNORE_TERM=1` ends only by KILL, after the grace ·
`FAKE_IMAGE_MISSING=1` cannot be created. Containers outlive controllers because the test keeps this object.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runner.errors import ImageUnavailable
from runner.labels import Owner
from runner.spec import Capabilities, Condition, Container, Ending, Image, Spec


@dataclass
class _Box:
    spec: Spec
    started: float | None = None
    ends: float = 0.0  # when it ends by itself
    killed: float | None = None  # when our stop ends it
    crashed: float | None = None  # when the machine went down under it


class FakeRunner:
    def __init__(self, owner: Owner, clock: Callable[[], float]) -> None:
        self.owner, self.clock = owner, clock
        self._boxes: dict[str, _Box] = {}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("fake")

    def resolve(self, image: str, pull: str) -> Image:
        if image.startswith("missing/"):
            raise ImageUnavailable(f"there is no image {image!r}")
        return Image(image, id="sha256:fake")

    def create(self, spec: Spec) -> None:
        if spec.environment.get("FAKE_IMAGE_MISSING"):
            raise ImageUnavailable(f"there is no image {spec.image!r}")
        self._boxes.setdefault(spec.id, _Box(spec))

    def start(self, container: str) -> None:
        box = self._boxes[container]
        if box.started is None:
            box.started = self.clock()
            box.ends = box.started + float(box.spec.environment.get("FAKE_SECONDS", "1"))

    def stop(self, container: str) -> None:
        box = self._boxes.get(container)
        if box is None or box.started is None or box.killed is not None or self._over(box):
            return
        stubborn = box.spec.environment.get("FAKE_IGNORE_TERM")
        box.killed = self.clock() + (box.spec.grace if stubborn else 0.0)

    def remove(self, container: str) -> None:
        self._boxes.pop(container, None)

    def reap(self) -> None:
        return None

    def containers(self) -> Mapping[str, Container]:
        return {id: self._look(id, box) for id, box in self._boxes.items() if self.owner.owns(box.spec.labels)}

    def machine_reboot(self) -> None:
        """Power off and on: what ran has ended with the machine."""
        for box in self._boxes.values():
            if box.started is not None and not self._over(box):
                box.crashed = self.clock()

    def log(self, container: str) -> list[str]:
        box = self._boxes[container]
        if box.started is None:
            return []
        last = self._last_output(box)
        every = float(box.spec.environment.get("FAKE_OUTPUT_EVERY", "0"))
        count = int((last - box.started) / every) if last is not None and every else 0
        return [f"line {number + 1}" for number in range(count)]

    def _over(self, box: _Box) -> bool:
        return self.clock() >= min(self._ends(box))

    @staticmethod
    def _ends(box: _Box) -> list[float]:
        return [box.ends] + [time for time in (box.killed, box.crashed) if time is not None]

    def _last_output(self, box: _Box) -> float | None:
        every = float(box.spec.environment.get("FAKE_OUTPUT_EVERY", "0"))
        if box.started is None or not every:
            return None
        ran = min(self.clock(), *self._ends(box)) - box.started
        return box.started + every * int(ran / every) if ran >= every else None

    def _look(self, id: str, box: _Box) -> Container:
        if box.started is None:
            return Container(id, box.spec.labels, Condition.CREATED)
        output = self._last_output(box)
        if not self._over(box):
            return Container(id, box.spec.labels, Condition.RUNNING, started=box.started, last_output=output)
        code, ending = self._end(box)
        return Container(id, box.spec.labels, Condition.EXITED, code, ending, box.started, output)

    def _end(self, box: _Box) -> tuple[int, Ending]:
        first = min(self._ends(box))
        environment = box.spec.environment
        if first == box.crashed:
            return 255, Ending.INFRASTRUCTURE
        if first == box.killed:
            return (137 if environment.get("FAKE_IGNORE_TERM") else 143), Ending.STOPPED
        if environment.get("FAKE_OOM"):
            return 137, Ending.OOM
        return int(environment.get("FAKE_EXIT", "0")), Ending.EXIT
