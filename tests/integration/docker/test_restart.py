"""F18: what becomes of containers when their engine is lost, with and without live-restore, watched and not."""

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker as sdk
import pytest

from runner.errors import EngineUnavailable
from runner.hostimage import build_base
from runner.spec import Ending
from tests.contract.runners import GUARD, WAITS, Bench, log
from tests.integration.docker.engine import IMAGE

pytestmark = [pytest.mark.docker]
BOTH = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
COUNTS = "import time, sys\nprint('up')\nfor i in range(100): print(i); time.sleep(0.05)\nsys.exit(9)"


class Daemon:
    """An engine of its own, to be killed; in a network of its own, or it would take the bridge of others away."""

    def __init__(self, base: Path) -> None:
        self.base, self.host = base, f"unix://{base}/s"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        base = self.base
        argv = ["unshare", "-n", "dockerd", "--host", self.host, "--data-root", f"{base}/d", "--exec-root", f"{base}/e"]
        argv += ["--pidfile", f"{base}/p", "--iptables=false", "--bridge=none", *more]
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


@pytest.fixture
def daemon(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    base = Path(f"/var/tmp/winslow-{secrets.token_hex(3)}")
    base.mkdir()
    daemon = Daemon(base)
    try:
        daemon.start()
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        build_base(IMAGE)
        yield daemon
    finally:
        bench.close()
        bench.made.clear()
        daemon.end(signal.SIGTERM)
        subprocess.run(f"umount -q {base}/d; rm -rf {base}", shell=True, check=False)


def test_an_engine_that_was_lost_and_outlived_is_forgotten(bench: Bench) -> None:
    """As with live-restore: the container goes on, and its later end is its own."""
    runner, spec = bench.runner(), bench.spec("import time, sys; print('up'); time.sleep(1); sys.exit(137)")
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner._lost()
    assert (spec.directory / "engine.json").exists()
    assert bench.end(runner, spec.id).ending is Ending.EXIT


@pytest.mark.slow
@BOTH
def test_F18_an_engine_that_goes_down_is_infrastructure(bench: Bench, daemon: Daemon, how: signal.Signals) -> None:
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


@pytest.mark.slow
@BOTH
def test_F18_also_when_no_controller_saw_it(bench: Bench, daemon: Daemon, how: signal.Signals) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.reap()
    daemon.end(how)
    daemon.start()
    assert bench.end(bench.runner(), spec.id).ending is Ending.INFRASTRUCTURE


@pytest.mark.slow
@BOTH
def test_F18_with_live_restore_the_stage_goes_on(bench: Bench, daemon: Daemon, how: signal.Signals) -> None:
    """Its log goes on in order, nothing twice. A line that the daemon had read but not written yet dies with it."""
    daemon.end(signal.SIGTERM)
    daemon.start("--live-restore")
    runner, spec = bench.runner(), bench.spec(COUNTS)
    bench.run(runner, spec)
    before = bench.up(runner, spec)
    daemon.end(how)
    daemon.start("--live-restore")
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code, found.started) == (Ending.EXIT, 9, before.started)
    lines = [line.split(" ", 2)[2] for line in log(spec).splitlines()]
    assert (lines[0], lines[-1]) == ("up", "99")
    counted = [int(line) for line in lines[1:]]
    assert counted == sorted(set(counted))
    assert len(counted) >= 97
