"""Limits that an engine accepts and does not keep, as on a kernel without the memory controller."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.doctor import _docker
from runner.contract.errors import EngineFailed, EngineRefused
from runner.contract.spec import Limits
from runner.docker.docker_runner import DockerRunner
from runner.docker.host_image import build_base
from tests.contract.runners import ENDS, Bench, log
from tests.integration.docker.engine import IMAGE, private

pytestmark = [pytest.mark.docker]
MEMORY = Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")


@pytest.fixture
def loose(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerRunner]:
    """A runner over an engine that cannot limit memory."""
    if not MEMORY.exists():
        pytest.skip("only with cgroups of version 1 can one controller be taken away")
    with private(without="memory") as daemon:
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        build_base(IMAGE)
        try:
            yield bench.runner()
        finally:
            bench.close()
            bench.made.clear()


@pytest.mark.slow
def test_B6_a_limit_that_the_engine_would_discard_is_told_and_never_counts_as_kept(
    bench: Bench, loose: DockerRunner
) -> None:
    assert loose.capabilities.discards == ("memory",)
    _, verdict, text = _docker()
    assert (verdict, "it cannot limit memory" in text) == ("warn", True)
    limited = bench.spec(ENDS.format(code=0), limits=Limits(memory=256 * 2**20))
    with pytest.raises(EngineRefused, match=r"would not keep a limit .*memory limit capabilities"):
        loose.create(limited)
    assert loose.containers() == {}
    _made_before(loose, limited)
    with pytest.raises(EngineRefused, match=r"would not keep a limit .*\(Memory\)"):
        loose.create(limited)
    assert loose.containers() == {}
    free = bench.spec(ENDS.format(code=0))
    bench.run(loose, free)
    assert bench.end(loose, free.id).exit_code == 0


def _made_before(runner: DockerRunner, spec: object) -> None:
    """As by a launch that was cut off before it looked at what the engine had said."""
    runner._create(spec, {})  # type: ignore[arg-type]


def test_B6_a_registry_that_is_away_is_no_fault_of_the_image(bench: Bench) -> None:
    with pytest.raises(EngineFailed, match=r"cannot be pulled: .*connection refused.*may be away"):
        bench.runner().resolve("127.0.0.1:1/nobody:1", "always")


def test_S1_a_stage_that_names_no_limits_can_still_not_take_the_machine(bench: Bench) -> None:
    """Neither by processes nor by files in memory."""
    runner = bench.runner()
    spec = bench.spec(
        "import os\n"
        "pids = next(open(p).read().strip() for p in ('/sys/fs/cgroup/pids.max', '/sys/fs/cgroup/pids/pids.max')"
        " if os.path.exists(p))\n"
        "sizes = [os.statvfs(p).f_frsize * os.statvfs(p).f_blocks for p in ('/tmp', os.environ['HOME'])]\n"
        "print(pids, *sizes, os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'))\n"
    )
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0
    pids, *sizes, machine = (int(word) for word in log(spec).split()[2:])
    assert pids == 32768
    assert all(0.24 * machine < size < 0.26 * machine for size in sizes)
