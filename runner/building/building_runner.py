"""A Docker Engine's runner that makes images too: whoever asks for one sees a container like any other."""

from collections.abc import Mapping, Sequence

from runner.building.builds import Builds
from runner.contract.spec import Capabilities, Container, Image, Spec
from runner.contract.usage import Usage
from runner.docker.docker_runner import DockerRunner, boot_time


class BuildingRunner:
    def __init__(self, stages: DockerRunner) -> None:
        self.stages = stages
        self.builds = Builds(lambda: stages.client, stages.owner, stages.root, boot_time, stages.boot, stages.on_change)

    @property
    def capabilities(self) -> Capabilities:
        return self.stages.capabilities

    def resolve(self, image: str, pull: str) -> Image:
        return self.stages.resolve(image, pull)

    def create(self, spec: Spec) -> Sequence[str]:
        if not spec.build:
            return self.stages.create(spec)
        self.builds.create(spec)
        return ()

    def serve(self, container: str) -> str:
        return "" if container in self.builds else self.stages.serve(container)

    def start(self, container: str) -> None:
        self._of(container).start(container)

    def stop(self, container: str) -> None:
        self._of(container).stop(container)

    def renew(self, container: str, until: float) -> None:
        if container not in self.builds:
            self.stages.renew(container, until)

    def remove(self, container: str) -> None:
        self._of(container).remove(container)

    def _of(self, container: str) -> Builds | DockerRunner:
        return self.builds if container in self.builds else self.stages

    def containers(self) -> Mapping[str, Container]:
        return {**self.stages.containers(), **self.builds.containers()}

    def usage(self, container: str) -> Usage | None:
        return None if container in self.builds else self.stages.usage(container)

    def holds(self, container: str, process: int) -> bool:
        return container not in self.builds and self.stages.holds(container, process)

    def reap(self) -> None:
        self.stages.reap()
