"""The runners under one suite: how to make one, how to say what a stage does, how to let time pass."""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from flow.model.clock import VirtualClock
from runner.contract.fake import FakeRunner
from runner.contract.labels import Owner, for_claim
from runner.contract.runner import Runner
from runner.contract.spec import Container, Spec
from runner.process.process_runner import ProcessRunner

GUARD = 120.0

ENDS = "import sys; print('out'); print('err', file=sys.stderr); sys.exit({code})"
WAITS = "import time; print('up', flush=True); time.sleep(60)"
IGNORES = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
    "while True: time.sleep(0.05)"
)


@dataclass
class Bench:
    """One kind of runner. `again` is the controller's restart: another object over the same containers."""

    name: str
    root: Path
    owner: Owner
    image: str
    build: Callable[..., Runner]
    pass_time: Callable[[], None]
    now: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    runners: list[Runner] = field(default_factory=list)
    made: list[tuple[Runner, str]] = field(default_factory=list)

    def runner(self, owner: Owner | None = None, **other: Any) -> Any:
        runner = self.build(owner or self.owner, **other)
        self.runners.append(runner)
        return runner

    def again(self, runner: Runner) -> Any:
        runner.reap()
        return self.runner()

    def spec(self, script: str, owner: Owner | None = None, **other: Any) -> Spec:
        """A Python script; the environment says the same to the fake."""
        container = secrets.token_hex(8)
        labels = for_claim(owner or self.owner, claim=container, project="v", execution=1, stage="work")
        folder = self.root / "runs" / container
        workspace = self.root / "workspaces" / container
        workspace.mkdir(parents=True)
        given = {"image": self.image, "entrypoint": None, "command": ("python", "-u", "-c", script), **other}
        environment = {**fake_script(script), **other.get("environment", {})}
        given |= {"id": container, "labels": labels, "environment": environment}
        return Spec(workspace=workspace, directory=folder, **given)

    def run(self, runner: Runner, spec: Spec) -> None:
        runner.create(spec)
        self.made.append((runner, spec.id))
        runner.start(spec.id)

    def until(self, done: Callable[[], Any]) -> Any:
        """What `done` says once it is true; the time guard is real time."""
        end = time.monotonic() + GUARD
        while not (found := done()):
            assert time.monotonic() < end, "nothing happened in time"
            self.pass_time()
        return found

    def end(self, runner: Runner, container: str) -> Container:
        def ended() -> Container | None:
            found = runner.containers().get(container)
            return found if found and found.exited else None

        found: Container = self.until(ended)
        return found

    def up(self, runner: Runner, spec: Spec) -> Container:
        """Running, and past its first line."""

        def running() -> Container | None:
            found = runner.containers().get(spec.id)
            ready = found and found.running and (self.name == "fake" or "up" in log(spec))
            return found if ready else None

        found: Container = self.until(running)
        return found

    def close(self) -> None:
        for runner, container in self.made:
            _discard(runner, container)
        for runner in self.runners:
            runner.reap()


def _discard(runner: Runner, container: str) -> None:
    client = getattr(runner, "client", None)
    if client is not None:
        for found in client.api.containers(all=True, filters={"name": f"winslow-{container}"}):
            with suppress(Exception):  # what its test broke must not hide what the test says
                client.api.remove_container(found["Id"], v=True, force=True)
        for network in client.api.networks(filters={"label": f"winslow.service.of={container}"}):
            with suppress(Exception):
                client.api.remove_network(network["Id"])
    elif cancel := getattr(runner, "give_up", None):
        cancel(container)
    else:
        runner.stop(container)


def fake_script(script: str) -> Mapping[str, str]:
    if script == WAITS:
        return {"FAKE_SECONDS": "600"}
    if script == IGNORES:
        return {"FAKE_SECONDS": "600", "FAKE_IGNORE_TERM": "1"}
    return {"FAKE_EXIT": script.rpartition("sys.exit(")[2].rstrip(")") if "sys.exit(" in script else "0"}


def log(spec: Spec) -> str:
    path = spec.directory / "log"
    return path.read_text() if path.exists() else ""


def _owner() -> Owner:
    return Owner(f"r-{secrets.token_hex(4)}", "gpu-01", "i")


def fake(root: Path) -> Bench:
    clock = VirtualClock()
    boxes: dict[str, Any] = {}

    def build(owner: Owner) -> Runner:
        runner = FakeRunner(owner, clock.now)
        runner._boxes = boxes  # the containers outlive the controller
        return runner

    def pass_time() -> None:
        clock.seconds += 0.5

    return Bench("fake", root, _owner(), "host", build, pass_time, clock.now)


def process(root: Path) -> Bench:
    return Bench(
        "process", root, _owner(), "host", partial(ProcessRunner, root=root / "runs"), lambda: time.sleep(0.02)
    )


def docker(root: Path) -> Bench:
    from tests.integration.docker import engine

    engine.need()
    from runner.docker.docker_runner import DockerRunner

    root.chmod(0o755)
    return Bench(
        "docker",
        root,
        _owner(),
        engine.IMAGE,
        partial(DockerRunner, root=root / "runs"),
        lambda: time.sleep(0.02),
    )


def slurm(root: Path) -> Bench:
    from tests.integration.slurm import loopback

    loopback.need()
    from runner.slurm.slurm_runner import SlurmRunner
    from runner.slurm.submission import SlurmOptions

    root.chmod(0o755)
    build = partial(SlurmRunner, root=root / "runs", where=SlurmOptions(loopback.PARTITION))
    return Bench("slurm", root, _owner(), "host", build, lambda: time.sleep(0.05))


ALL = {"fake": fake, "process": process, "docker": docker, "slurm": slurm}
