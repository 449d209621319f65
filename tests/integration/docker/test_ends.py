"""F19: how containers end, told apart; and what is said when the engine is not there."""

import secrets
import signal
import subprocess
import time
from pathlib import Path

import docker as sdk
import pytest

from runner.docker import DockerRunner, engine
from runner.errors import EngineUnavailable, ImageUnavailable, Refused
from runner.hostimage import build_base
from runner.labels import Owner
from runner.spec import Ending, Limits
from tests.contract.runners import GUARD, WAITS, Bench, log
from tests.integration.docker.engine import IMAGE

pytestmark = pytest.mark.docker

EATS = "x = [bytearray(b'1' * (1 << 20)) for _ in range(400)]"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {EATS!r}]); print('fine')"
SMALL = Limits(memory=64 * 2**20)


def test_F19_out_of_memory_is_named_with_its_limit(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(EATS, limits=SMALL)
    bench.run(runner, spec)
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.OOM, 137)
    assert "64 MiB" in found.detail


def test_F19_a_child_out_of_memory_counts_though_the_stage_exits_with_0(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(CHILD, limits=SMALL)
    bench.run(runner, spec)
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.OOM, 0)
    assert "fine" in log(spec)


def test_F19_exit_137_of_the_programs_own_is_just_an_exit(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec("import sys; sys.exit(137)")
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).ending is Ending.EXIT


def test_a_program_that_the_image_lacks_is_named_in_the_log(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec("", command=("no-such-program",))
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 127
    assert "no-such-program" in log(spec)


def test_a_container_that_cannot_start_is_refused_and_leaves_nothing(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec("pass", gpus=("GPU-none",))
    runner.create(spec)
    with pytest.raises(Refused, match="cannot start"):
        runner.start(spec.id)
    assert runner.containers() == {}


def test_an_image_that_only_this_node_has_is_recorded_by_its_id(bench: Bench) -> None:
    found = bench.runner().resolve(IMAGE, "missing")
    assert found.digest is None
    assert found.id is not None
    assert found.id.startswith("sha256:")


def test_an_image_that_no_registry_gives_names_what_to_check(bench: Bench) -> None:
    with pytest.raises(ImageUnavailable, match="cannot be pulled"):
        bench.runner().resolve("localhost:1/nothing:1", "missing")


def test_the_end_of_a_container_wakes_the_controller(bench: Bench) -> None:
    woken: list[float] = []
    runner = DockerRunner(bench.owner, bench.root / "runs", on_change=lambda: woken.append(time.monotonic()))
    bench.runners.append(runner)
    spec = bench.spec("pass")
    bench.run(runner, spec)
    bench.until(lambda: woken)
    assert bench.end(runner, spec.id).ending is Ending.EXIT


def test_an_engine_that_does_not_answer_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineUnavailable, match="start it"):
        DockerRunner(Owner("r", "n", "i"), tmp_path)
    with pytest.raises(EngineUnavailable, match=r"none\.sock"):
        engine()


class Daemon:
    """An engine of its own, to be killed."""

    def __init__(self, base: Path) -> None:
        self.base, self.host = base, f"unix://{base}/s"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        base = self.base
        argv = ["dockerd", "--host", self.host, "--data-root", f"{base}/d", "--exec-root", f"{base}/e"]
        argv += ["--pidfile", f"{base}/p", "--iptables=false", "--bridge=none"]
        for stale in ("p", "e/containerd/containerd.pid"):  # a number that a zombie may still have
            (base / stale).unlink(missing_ok=True)
        with (base / "log").open("ab") as out:
            self.child = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True)
        end = time.monotonic() + GUARD
        while not self.answers():
            assert time.monotonic() < end, (base / "log").read_text()[-500:]
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            sdk.DockerClient(self.host, timeout=5).ping()
        except (sdk.errors.DockerException, OSError):
            return False
        return True

    def end(self, how: signal.Signals) -> None:
        if self.child is not None:
            self.child.send_signal(how)
            self.child.wait(GUARD)
            self.child = None


def test_an_engine_that_was_lost_and_outlived_is_forgotten(bench: Bench) -> None:
    """As with live-restore: the container goes on, and its later end is its own."""
    runner, spec = bench.runner(), bench.spec("import time, sys; print('up'); time.sleep(1); sys.exit(137)")
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner._lost()
    assert (spec.directory / "engine.json").exists()
    assert bench.end(runner, spec.id).ending is Ending.EXIT


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_F18_an_engine_that_goes_down_is_infrastructure(
    bench: Bench, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Path(f"/var/tmp/winslow-{secrets.token_hex(3)}")
    base.mkdir()
    daemon = Daemon(base)
    try:
        daemon.start()
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        build_base(IMAGE)
        runner, spec = bench.runner(), bench.spec(WAITS)
        bench.run(runner, spec)
        bench.up(runner, spec)
        daemon.end(how)
        with pytest.raises(EngineUnavailable, match="start it"):
            runner.containers()
        daemon.start()
        found = bench.end(runner, spec.id)
        assert (found.ending, bool(found.detail)) == (Ending.INFRASTRUCTURE, True)
        assert log(spec).count("up") == 1
    finally:
        bench.close()
        bench.made.clear()
        daemon.end(signal.SIGTERM)
        subprocess.run(f"umount -q {base}/d; rm -rf {base}", shell=True, check=False)
