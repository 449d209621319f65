"""What forks the shims: a stage begins once, whoever is killed between the word to start and its beginning."""

import os
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.contract.errors import EngineFailed
from runner.contract.spec import Ending, Spec
from runner.process import shim, supervisor
from runner.process.process_runner import ProcessRunner
from runner.process.supervisor import ShimServer
from tests.contract.runners import ENDS, WAITS, Bench, log, process

TELLS = "import os; open('ran', 'a').write('x')"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = process(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def server() -> Iterator[ShimServer]:
    server = ShimServer()
    yield server
    server.close()


def told_to_start(bench: Bench, script: str) -> Spec:
    """As a controller leaves a run that was killed before it asked for a shim."""
    spec = bench.spec(script)
    bench.runner().create(spec)
    shim.note(str(spec.directory), "launched", {})
    return spec


def ran(spec: Spec) -> str:
    path = spec.workspace / "ran"
    return path.read_text() if path.exists() else ""


def fork_and_wait(server: ShimServer, spec: Spec) -> None:
    handle = server.fork(spec.directory)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(60_000), "the shim does not end"
    os.close(handle)


def process_of(server: ShimServer) -> int:
    server.start()
    assert server._process is not None
    return server._process.pid


def test_F5_a_shim_that_comes_after_its_run_was_given_up_begins_nothing(bench: Bench, server: ShimServer) -> None:
    spec = told_to_start(bench, TELLS)
    assert bench.runner().containers()[spec.id].ending is Ending.INFRASTRUCTURE
    fork_and_wait(server, spec)
    assert ran(spec) == ""
    assert bench.runner().containers()[spec.id].ending is Ending.INFRASTRUCTURE


def test_F5_a_run_whose_shim_has_begun_is_not_given_up(bench: Bench, server: ShimServer) -> None:
    spec = told_to_start(bench, WAITS)
    os.close(server.fork(spec.directory))
    bench.until(lambda: (spec.directory / "shim.json").exists())
    runner = bench.runner()
    assert runner.containers()[spec.id].running
    runner.stop(spec.id)
    assert bench.end(runner, spec.id).ending is Ending.STOPPED


def test_F5_of_two_shims_for_one_run_one_begins(bench: Bench, server: ShimServer) -> None:
    spec = told_to_start(bench, TELLS)
    handles = [server.fork(spec.directory) for _ in range(4)]
    bench.end(bench.runner(), spec.id)
    for handle in handles:
        assert select.select([handle], [], [], 60)[0]
        os.close(handle)
    assert ran(spec) == "x"


def test_F5_a_run_between_two_looks_is_looked_at_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shim begins just after this controller has seen nothing of it."""
    spec = told_to_start(bench, WAITS)
    runner = bench.runner()
    assert isinstance(runner, ProcessRunner)

    def begins(directory: Path) -> bool:
        shim.first(str(directory), {"pid": os.getpid(), "start": shim.start_time(os.getpid()), "boot": runner.boot})
        return False

    monkeypatch.setattr(runner._shims, "beginning", begins)
    assert runner.containers()[spec.id].running


def test_a_server_that_was_killed_is_started_anew(bench: Bench) -> None:
    runner = bench.runner()
    for code in (3, 4):
        spec = bench.spec(ENDS.format(code=code))
        runner.create(spec)
        os.kill(process_of(runner._shims.server), signal.SIGKILL)
        bench.run(runner, spec)
        assert bench.end(runner, spec.id).exit_code == code


def test_F5_a_stage_outlives_the_server_that_forked_it(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec("print('up', flush=True); import time; time.sleep(1)")
    bench.run(runner, spec)
    bench.up(runner, spec)
    os.kill(process_of(runner._shims.server), signal.SIGKILL)
    assert bench.end(runner, spec.id).exit_code == 0


def test_the_server_ends_with_its_controller(server: ShimServer) -> None:
    handle = os.pidfd_open(process_of(server))
    assert server._socket is not None
    server._socket.close()
    assert select.select([handle], [], [], 60)[0]
    os.close(handle)


def test_ended_shims_are_waited_for(bench: Bench, server: ShimServer) -> None:
    fork_and_wait(server, told_to_start(bench, TELLS))
    children = Path(f"/proc/{process_of(server)}/task/{process_of(server)}/children")
    bench.until(lambda: children.read_text() == "")


def test_what_goes_wrong_in_a_shim_stands_in_its_folder(bench: Bench, server: ShimServer) -> None:
    spec = told_to_start(bench, TELLS)
    (spec.directory / "order").write_bytes(b"no order")
    fork_and_wait(server, spec)
    found = bench.runner().containers()[spec.id]
    assert found.ending is Ending.INFRASTRUCTURE
    assert "its shim failed" in found.detail


def test_a_shim_has_a_session_and_a_name_of_its_own(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    pid = os.getsid(runner._shims.server._process.pid)
    [found] = [int(name) for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    assert os.getsid(found) == found != pid
    assert Path(f"/proc/{found}/comm").read_text().strip() == f"shim-{spec.id}"[:15]
    files = {os.readlink(each) for each in Path(f"/proc/{found}/fd").iterdir()}
    assert not any("pidfd" in each or "socket" in each for each in files)
    runner.stop(spec.id)
    bench.end(runner, spec.id)
    assert log(spec)


def test_a_server_that_cannot_fork_says_why(server: ShimServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: ShimServer, asked: socket.socket, directory: Path) -> tuple[str, list[int]]:
        return "Resource temporarily unavailable", []

    monkeypatch.setattr(ShimServer, "_ask", refuse)
    with pytest.raises(EngineFailed, match="no shim can be started for a stage: Resource temporarily unavailable"):
        server.fork(Path("/nowhere"))


def test_a_server_that_does_not_start_is_named(server: ShimServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SERVER", "/nowhere/shim_server.py")
    with pytest.raises(EngineFailed, match="no shim can be started"):
        server.fork(Path("/nowhere"))
