"""L1: one suite for all. What `runner.contract.runner` promises, fake, process, Docker and Slurm keep alike."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.contract.errors import EngineFailed, EngineRefused, ImageUnavailable
from runner.contract.labels import Owner
from runner.contract.spec import Condition, Ending, Spec, Watched
from tests.contract.runners import ALL, ENDS, IGNORES, WAITS, Bench, log

KINDS = [pytest.param(name, marks=[pytest.mark.docker] if name == "docker" else []) for name in ALL]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = ALL[request.param](tmp_path)
    yield bench
    bench.close()


def real(bench: Bench, of: str) -> None:
    if bench.name == "fake":
        pytest.skip(f"the fake has no {of}")


def test_it_says_what_it_can_grant(bench: Bench) -> None:
    found = bench.runner().capabilities
    assert found.name == bench.name
    assert {found.limits, found.oom, found.isolation} == {bench.name == "docker"}
    assert found.gpus == (bench.name in ("docker", "slurm"))
    assert found.watchdog == (bench.name != "slurm")


def test_what_was_created_has_not_started(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.made.append((runner, spec.id))
    runner.create(spec)
    found = runner.containers()[spec.id]
    assert (found.condition, found.started, found.exit_code) == (Condition.CREATED, None, None)
    assert found.labels["winslow.claim"] == spec.id


def test_create_and_start_are_idempotent(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=0))
    runner.create(spec)
    bench.run(runner, spec)
    runner.start(spec.id)
    first = bench.end(runner, spec.id)
    runner.create(spec)
    runner.start(spec.id)
    assert runner.containers()[spec.id] == first
    assert bench.name == "fake" or log(spec).count("out") == 1


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_code_is_the_programs_own(bench: Bench, code: int) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=code))
    bench.run(runner, spec)
    found = bench.end(runner, spec.id)
    assert (found.exit_code, found.ending) == (code, Ending.EXIT)


def test_F19_TERM_ends_a_stage_that_listens(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.stop(spec.id)
    runner.stop(spec.id)
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.STOPPED, 143)


def test_F19_KILL_ends_one_that_does_not_after_its_grace(bench: Bench) -> None:
    runner, spec = bench.runner(), replace(bench.spec(IGNORES), grace=0.6)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.stop(spec.id)
    assert runner.containers()[spec.id].running
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.STOPPED, 137)


def test_F19_whoever_stops_again_after_a_restart_goes_on_with_the_grace(bench: Bench) -> None:
    runner, spec = bench.runner(), replace(bench.spec(IGNORES), grace=0.6)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.stop(spec.id)
    runner = bench.again(runner)

    def ended() -> bool:
        runner.stop(spec.id)
        return bool(runner.containers()[spec.id].exited)

    bench.until(ended)
    assert runner.containers()[spec.id].ending is Ending.STOPPED


def test_L5_a_stage_is_told_to_end_by_the_signal_that_it_names(bench: Bench) -> None:
    """It saves what it has and ends well; that it was told to end is known all the same."""
    if bench.name == "fake":
        pytest.skip("the fake has no signals")
    script = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "signal.signal(signal.SIGUSR1, lambda *_: (open('saved', 'w').write('it'), sys.exit(0))); "
        "print('up', flush=True); time.sleep(60)"
    )
    runner, spec = bench.runner(), bench.spec(script, signal="USR1", grace=60.0)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.stop(spec.id)
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.STOPPED, 0)
    assert (spec.workspace / "saved").read_text() == "it"


def test_stopping_what_has_ended_changes_nothing(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=3))
    bench.run(runner, spec)
    first = bench.end(runner, spec.id)
    runner.stop(spec.id)
    assert bench.again(runner).containers()[spec.id].ending is first.ending is Ending.EXIT


def test_every_line_is_in_the_log_once_with_its_stream(bench: Bench) -> None:
    real(bench, "log")
    runner, spec = bench.runner(), bench.spec("import sys\nfor i in range(300): print(i)\nsys.stderr.write('bad\\n')")
    bench.run(runner, spec)
    found = bench.end(runner, spec.id)
    lines = [line.split(" ", 2) for line in log(spec).splitlines()]
    assert [text for _, stream, text in lines if stream == "O"] == [str(i) for i in range(300)]
    assert [text for _, stream, text in lines if stream == "E"] == ["bad"]
    assert all(len(time) == 27 and time.endswith("Z") for time, _, _ in lines)
    assert found.last_output is not None


def test_a_long_line_is_split(bench: Bench) -> None:
    real(bench, "log")
    runner, spec = bench.runner(), bench.spec("print('x' * 16384); print('y' * 40000); print('end', end='')")
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    texts = [line.split(" ", 2)[2] for line in log(spec).splitlines()]
    assert [(text[:1], len(text)) for text in texts] == [
        ("x", 16384),
        ("y", 16384),
        ("y", 16384),
        ("y", 7232),
        ("e", 3),
    ]


def test_F5_a_new_runner_finds_the_running_container(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    before = bench.up(runner, spec)
    after = bench.up(bench.again(runner), spec)
    assert after.running
    assert after.started == before.started is not None


def test_F5_a_new_runner_finds_the_same_end(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=5))
    bench.run(runner, spec)
    before, text = bench.end(runner, spec.id), log(spec)
    after = bench.end(bench.again(runner), spec.id)
    assert (after.exit_code, after.ending, after.started) == (5, before.ending, before.started)
    assert log(spec) == text


def test_F5_what_ended_while_no_controller_ran_is_found(bench: Bench) -> None:
    script = "import time; time.sleep(0.5); print('late'); import sys; sys.exit(4)"
    runner, spec = bench.runner(), bench.spec(script)
    bench.run(runner, spec)
    runner = bench.again(runner)
    found = bench.end(runner, spec.id)
    assert (found.exit_code, found.ending) == (4, Ending.EXIT)
    assert bench.name == "fake" or log(spec).count("late") == 1


def test_F23_another_nodes_containers_are_not_seen(bench: Bench) -> None:
    other = Owner(bench.owner.repository, "gpu-02", "i")
    theirs, mine = bench.runner(other), bench.runner()
    spec = bench.spec(WAITS, owner=other)
    bench.run(theirs, spec)
    bench.up(theirs, spec)
    assert spec.id not in mine.containers()
    assert spec.id in theirs.containers()


def test_F23_nor_are_those_of_an_earlier_installation(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    reborn = bench.runner(Owner(bench.owner.repository, bench.owner.node, "another"))
    assert reborn.containers() == {}


def test_F23_nor_are_they_touched_by_name(bench: Bench) -> None:
    other = Owner(bench.owner.repository, "gpu-02", "i")
    theirs, mine = bench.runner(other), bench.runner()
    spec = bench.spec(WAITS, owner=other)
    bench.run(theirs, spec)
    bench.up(theirs, spec)
    mine.stop(spec.id)
    mine.remove(spec.id)
    with pytest.raises(EngineRefused):
        mine.start(spec.id)
    bench.pass_time()
    assert theirs.containers()[spec.id].running


def test_an_image_that_is_nowhere(bench: Bench) -> None:
    runner = bench.runner()
    with pytest.raises(ImageUnavailable):
        runner.resolve("missing/image:1", "never")


def test_a_removed_container_is_forgotten_and_its_log_stays(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=0))
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    runner.remove(spec.id)
    runner.remove(spec.id)
    assert spec.id not in runner.containers()
    assert bench.name == "fake" or "out" in log(spec)


def test_what_still_runs_is_not_removed(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    with pytest.raises(EngineRefused):
        runner.remove(spec.id)
    assert runner.containers()[spec.id].running


def test_what_is_gone_cannot_be_started(bench: Bench) -> None:
    runner = bench.runner()
    with pytest.raises(EngineRefused):
        runner.start("0123456789abcdef")
    runner.stop("0123456789abcdef")
    runner.remove("0123456789abcdef")
    assert runner.containers() == {}


def test_M7_a_stage_that_is_told_to_end_at_once_does(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)

    def ended() -> bool:
        runner.stop(spec.id)
        return bool(runner.containers()[spec.id].exited)

    bench.until(ended)
    assert runner.containers()[spec.id].ending is Ending.STOPPED


def test_S11_the_environment_is_the_stages_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real(bench, "environment")
    monkeypatch.setenv("CONTROLLERS_SECRET", "x")
    given = {"GIT_SSH_COMMAND": "touch /tmp/canary", "DOCKER_AUTH_CONFIG": "{}", "LD_PRELOAD": "/none.so", "A": "1"}
    if bench.name in ("process", "slurm"):  # inside a container nothing talks to an engine
        given["DOCKER_HOST"] = "unix:///nowhere"
    runner = bench.runner()
    spec = bench.spec("import json, os; print(json.dumps(dict(os.environ)))", environment=given)
    before = dict(os.environ)
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0
    assert dict(os.environ) == before
    [said] = [line.split(" ", 2)[2] for line in log(spec).splitlines() if " O " in line]
    seen = json.loads(said)
    assert given.items() <= seen.items()
    assert "CONTROLLERS_SECRET" not in seen
    own = {
        "PATH",
        "LANG",
        "LC_CTYPE",
        "HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "HOSTNAME",
        "NVIDIA_VISIBLE_DEVICES",
        "WINSLOW_RUN",
    }
    assert {name for name in seen if not name.startswith(("PYTHON", "FAKE_", "SLURM"))} <= own | given.keys()


def test_home_and_temporary_files_are_the_stages_own(bench: Bench) -> None:
    real(bench, "files")
    script = "import os, tempfile; open(os.environ['HOME'] + '/x', 'w'); tempfile.TemporaryFile(); open('kept', 'w')"
    runner, spec = bench.runner(), bench.spec(script)
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0, log(spec)
    assert (spec.workspace / "kept").exists()


def test_the_end_wakes_the_controller_also_one_that_found_the_container(bench: Bench) -> None:
    real(bench, "threads")
    script = "import time; print('up', flush=True); time.sleep(0.7)"
    runner, spec = bench.runner(), bench.spec(script)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.reap()
    woken: list[bool] = []
    again = bench.runner(on_change=lambda: woken.append(True))
    assert again.containers()[spec.id].running
    bench.until(lambda: woken)
    assert bench.end(again, spec.id).ending is Ending.EXIT


def test_R1510_it_says_what_a_running_one_uses_and_nothing_of_others(bench: Bench) -> None:
    real(bench, "use of a machine")
    runner, spec = (
        bench.runner(),
        bench.spec("x = bytearray(b'x') * 60_000_000\nwhile True: pass"),
    )
    bench.made.append((runner, spec.id))
    runner.create(spec)
    assert runner.usage(spec.id) is None or runner.usage(spec.id).memory == 0
    runner.start(spec.id)
    bench.until(lambda: (used := runner.usage(spec.id)) is not None and used.memory > 50e6 and used.cpu > 0.2)
    runner.stop(spec.id)
    assert runner.usage("nowhere") is None


def test_L6_it_knows_which_processes_of_the_machine_are_a_containers(bench: Bench) -> None:
    if not bench.runner().capabilities.processes:
        pytest.skip(f"{bench.name} runs nothing on this machine")
    starts = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WAITS!r}]); {WAITS}"
    runner, one, other = bench.runner(), bench.spec(starts), bench.spec(WAITS)
    for spec in (one, other):
        bench.run(runner, spec)
        bench.up(runner, spec)

    def held(spec: Spec) -> set[int]:
        return {int(each) for each in os.listdir("/proc") if each.isdigit() and runner.holds(spec.id, int(each))}

    bench.until(lambda: len(held(one)) >= 2 and held(other))
    assert not held(one) & held(other)
    assert os.getpid() not in held(one) | held(other)
    for spec in (one, other):
        runner.stop(spec.id)
        bench.end(runner, spec.id)
        assert held(spec) == set()
    assert not runner.holds("nowhere", os.getpid())


# -- exclusive stages ----------------------------------------------------------------------------------------------


def watching(bench: Bench) -> None:
    if not bench.runner().capabilities.watchdog:
        pytest.skip(f"{bench.name} runs no exclusive stages")


def soon(bench: Bench) -> float:
    """Seconds in which a program has surely begun."""
    return {"fake": 1.5, "process": 4.0}.get(bench.name, 8.0)


def test_F3_what_is_watched_is_killed_in_time_whatever_becomes_of_its_controller(bench: Bench) -> None:
    watching(bench)
    runner, spec = bench.runner(), bench.spec(IGNORES)
    spec = replace(spec, grace=600.0, watched=Watched(bench.now() + soon(bench), 0.5))
    bench.run(runner, spec)
    assert bench.up(runner, spec).until == pytest.approx(spec.watched.until if spec.watched else 0.0)
    runner.reap()  # nobody of the controller is left who could see to it

    def over() -> bool:
        return bench.now() > (spec.watched.until if spec.watched else 0.0) + 1.5

    bench.until(over)
    found = bench.end(bench.runner(), spec.id)
    assert (found.ending, found.exit_code) == (Ending.LAPSED, 137)


def test_F3_what_is_watched_is_told_first(bench: Bench) -> None:
    watching(bench)
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, replace(spec, grace=600.0, watched=Watched(bench.now() + soon(bench), 60.0)))
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.LAPSED, 143)


def test_F3_it_goes_on_while_that_is_renewed_and_ends_by_itself(bench: Bench) -> None:
    watching(bench)
    runner, spec = bench.runner(), bench.spec(WAITS)
    first = bench.now() + soon(bench)
    bench.run(runner, replace(spec, watched=Watched(first, 0.5)))
    runner.renew(spec.id, first + 2.0)
    bench.until(lambda: bench.now() > first + 0.8)
    found = runner.containers()[spec.id]
    assert (found.running, found.until) == (True, pytest.approx(first + 2.0))
    again = bench.again(runner)
    again.renew(spec.id, bench.now() + 60.0)
    bench.until(lambda: bench.now() > first + 2.5)
    assert again.containers()[spec.id].running
    again.stop(spec.id)
    assert bench.end(again, spec.id).ending is Ending.STOPPED


def test_F3_what_is_over_is_not_renewed_nor_begun(bench: Bench) -> None:
    watching(bench)
    runner, spec = bench.runner(), bench.spec("print('ran')")
    runner.create(replace(spec, environment={**spec.environment, "FAKE_SECONDS": "600"}, watched=Watched(1.0, 0.0)))
    bench.made.append((runner, spec.id))
    runner.renew(spec.id, bench.now() + 60.0)
    if bench.name == "docker":
        with pytest.raises(EngineFailed):
            runner.start(spec.id)
        assert runner.containers()[spec.id].condition is Condition.CREATED
    else:
        runner.start(spec.id)
        assert bench.end(runner, spec.id).ending is Ending.LAPSED
    assert log(spec) == ""


def test_F3_an_end_in_time_stays_the_end_that_it_was(bench: Bench) -> None:
    watching(bench)
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=0))
    bench.run(runner, replace(spec, watched=Watched(bench.now() + soon(bench), 0.2)))
    first = bench.end(runner, spec.id)
    assert first.started is not None
    late = first.started + soon(bench) + 1.0
    bench.until(lambda: bench.now() > late)
    found = bench.end(bench.again(runner), spec.id)
    assert (found.ending, found.exit_code) == (Ending.EXIT, 0)
