"""F19: how containers end, told apart; and what is said when the engine is not there."""

import json
import secrets
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import docker as sdk
import pytest
from docker.errors import APIError

from runner.contract.errors import EngineRefused, EngineUnavailable
from runner.contract.labels import Owner
from runner.contract.spec import Ending, Limits
from runner.docker.docker_runner import DockerRunner, engine
from tests.contract.runners import IGNORES, WAITS, Bench, log
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


SAVES = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))
print('up', flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("watched", [True, False])
def test_B2_who_stops_a_container_outside_winslow_makes_no_success_of_it(bench: Bench, watched: bool) -> None:
    runner, spec = bench.runner(), bench.spec(SAVES)
    bench.run(runner, spec)
    bench.up(runner, spec)
    client = runner.client
    if not watched:
        runner.reap()
    client.api.stop(f"winslow-{spec.id}", timeout=10)
    found = bench.end(runner if watched else bench.runner(), spec.id)
    assert (found.ending, found.exit_code) == (Ending.INFRASTRUCTURE, 0)
    assert "signal TERM" in found.detail
    assert "saved" in log(spec)


def test_B2_a_container_that_somebody_started_again_is_of_no_use(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec("import time; print('up', flush=True); time.sleep(0.5)")
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.client.api.restart(f"winslow-{spec.id}", timeout=0)
    found = bench.end(runner, spec.id)
    assert (found.ending, "a second time" in found.detail) == (Ending.INFRASTRUCTURE, True)


def test_B2_an_end_is_judged_once(bench: Bench) -> None:
    """A boot of the machine after it, while what it left is gathered, changes nothing."""
    runner, spec = bench.runner(), bench.spec("pass")
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).ending is Ending.EXIT
    again = bench.again(runner)
    again.boot = "another"
    assert bench.end(again, spec.id).ending is Ending.EXIT


def test_a_renamed_container_is_the_same(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.client.api.rename(f"winslow-{spec.id}", f"mine-{spec.id}")
    again = bench.again(runner)
    assert again.containers()[spec.id].running
    again.create(spec)
    again.start(spec.id)
    again.stop(spec.id)
    assert bench.end(again, spec.id).ending is Ending.STOPPED
    again.remove(spec.id)
    wanted = {"label": f"winslow.claim={spec.id}"}
    assert again.client.api.containers(all=True, filters=wanted) == []


def test_also_one_that_an_older_version_made(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    (spec.directory / "container.json").unlink()
    runner.client.api.rename(f"winslow-{spec.id}", f"mine-{spec.id}")
    again = bench.again(runner)
    again.stop(spec.id)
    assert bench.end(again, spec.id).ending is Ending.STOPPED
    again.remove(spec.id)


def test_B4_one_by_one_where_the_list_of_containers_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    broken = APIError("500", response=SimpleNamespace(status_code=500, url="", reason=""), explanation="layer missing")
    monkeypatch.setattr(runner.client.api, "containers", Mock(side_effect=broken))
    assert runner.containers()[spec.id].running
    runner.stop(spec.id)
    assert bench.end(runner, spec.id).ending is Ending.STOPPED
    runner.remove(spec.id)
    assert runner.containers() == {}


def test_B4_a_stage_is_stopped_though_the_engine_cannot_describe_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    broken = APIError("500", response=SimpleNamespace(status_code=500, url="", reason=""), explanation="no")
    with monkeypatch.context() as patch:
        patch.setattr(runner.client.api, "inspect_container", Mock(side_effect=broken))
        runner.stop(spec.id)
    assert bench.end(runner, spec.id).ending is Ending.STOPPED


def test_B6_a_tag_that_moves_before_the_container_is_made_changes_nothing(bench: Bench) -> None:
    runner, tag = bench.runner(), f"winslow/test-{secrets.token_hex(3)}:1"
    client = runner.client
    client.api.tag(IMAGE, *tag.split(":"))
    found = runner.resolve(tag, "missing")
    client.images.build(fileobj=BytesIO(f"FROM {IMAGE}\nENV OTHER=1\n".encode()), tag=tag, rm=True)
    spec = bench.spec("import os; print(os.environ.get('OTHER'))", image=tag, image_id=found.id)
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    assert "O None" in log(spec)
    runner.remove(spec.id)
    client.images.remove(tag)


@pytest.mark.parametrize("answers", [True, False])
def test_a_log_that_cannot_be_had_is_no_silence(bench: Bench, monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    """A stream that is half open looks like a stage that says nothing, and `idle_timeout` would end it."""
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    said = bench.up(runner, spec).last_output
    assert said is not None
    if not answers:
        monkeypatch.setattr("runner.docker.engine.ContainerLog.newest", Mock(side_effect=OSError("stalled")))
    runner._followers[spec.id].moved -= 3600
    found = runner.containers()[spec.id].last_output
    assert found is not None
    assert (found == said) == answers


def test_a_stage_has_a_name_and_leaves_no_core(bench: Bench) -> None:
    script = "import getpass, resource; print(getpass.getuser(), resource.getrlimit(resource.RLIMIT_CORE))"
    runner, spec = bench.runner(), bench.spec(script)
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    assert "O winslow (0, 0)" in log(spec)


def test_a_password_of_a_proxy_reaches_no_stage(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    proxies = {"default": {"httpProxy": "http://ada:secret@proxy:3128"}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"proxies": proxies}))
    runner, spec = bench.runner(), bench.spec("import os; print(dict(os.environ))")
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    assert "secret" not in log(spec)


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
    with pytest.raises(EngineRefused, match="cannot give GPUs: install nvidia-container-toolkit"):
        runner.start(spec.id)
    assert runner.containers() == {}


def test_an_image_that_only_this_node_has_is_recorded_by_its_id(bench: Bench) -> None:
    found = bench.runner().resolve(IMAGE, "missing")
    assert found.digest is None
    assert found.id is not None
    assert found.id.startswith("sha256:")


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


def test_F19_a_paused_container_is_stopped_too(bench: Bench) -> None:
    runner, spec = bench.runner(), replace(bench.spec(IGNORES), grace=0.5)
    bench.run(runner, spec)
    bench.up(runner, spec)
    runner.client.api.pause(f"winslow-{spec.id}")
    assert runner.containers()[spec.id].running
    runner.stop(spec.id)
    assert bench.end(runner, spec.id).ending is Ending.STOPPED


def test_a_container_that_cannot_be_looked_at_is_not_taken_for_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, spec = bench.runner(), bench.spec("pass")
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    runner = bench.again(runner)

    def broken(*_: object) -> None:
        raise sdk.errors.APIError("500 Server Error", explanation="the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(runner.client.api, "inspect_container", broken)
        found = runner.containers()[spec.id]
        assert (found.running, "disk is full" in found.detail) == (True, True)
    assert bench.end(runner, spec.id).ending is Ending.EXIT


def test_a_dockerfile_builds_upon_the_image_of_this_hosts_python(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "ARG BASE=python:3.11-slim\nFROM $BASE\nCOPY part.py /app/\nENV PYTHONPATH=/app:/opt/site\n"
        "RUN python -c 'import part, ssl, sqlite3' && python3 -m compileall -q /app\n"
    )
    (tmp_path / "part.py").write_text("print('part')")
    tag = f"winslow/test-{secrets.token_hex(3)}:1"
    client = bench.runner().client
    client.images.build(path=str(tmp_path), tag=tag, buildargs={"BASE": IMAGE}, network_mode="none", rm=True)
    runner, spec = bench.runner(), bench.spec("", image=tag, command=("python3", "-m", "part"))
    bench.run(runner, spec)
    found = bench.end(runner, spec.id)
    runner.remove(spec.id)
    client.images.remove(tag)
    assert (found.exit_code, "O part" in log(spec)) == (0, True)
