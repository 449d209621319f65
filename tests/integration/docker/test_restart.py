"""F18: what becomes of containers when their engine is lost, with and without live-restore, watched and not."""

import signal
from collections.abc import Iterator

import pytest

from runner.contract.errors import EngineUnavailable
from runner.contract.spec import Ending
from runner.docker.host_image import build_base
from tests.contract.runners import WAITS, Bench, log
from tests.integration.docker.engine import IMAGE, Daemon, private

pytestmark = [pytest.mark.docker]
BOTH = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
SAVES = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print('up', flush=True)
time.sleep(60)
"""
COUNTS = "import time, sys\nprint('up')\nfor i in range(100): print(i); time.sleep(0.05)\nsys.exit(9)"


@pytest.fixture
def daemon(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with private() as daemon:
        try:
            monkeypatch.setenv("DOCKER_HOST", daemon.host)
            build_base(IMAGE)
            yield daemon
        finally:
            bench.close()
            bench.made.clear()


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
@pytest.mark.parametrize("watched", [True, False])
def test_B2_a_stage_that_ends_well_because_its_engine_stops_is_no_success(
    bench: Bench, daemon: Daemon, watched: bool
) -> None:
    """Also where live-restore is what the engine is started anew for."""
    runner, spec = bench.runner(), bench.spec(SAVES)
    bench.run(runner, spec)
    bench.up(runner, spec)
    if not watched:
        runner.reap()
    daemon.end(signal.SIGTERM)
    daemon.start("--live-restore")
    found = bench.end(runner if watched else bench.runner(), spec.id)
    assert (found.ending, found.exit_code) == (Ending.INFRASTRUCTURE, 0)


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
