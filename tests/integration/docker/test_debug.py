"""I7: a look at any execution in a container that is thrown away, with an event in Git, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from schema.execution import State
from tests.integration.docker.test_node import define, lab  # noqa: F401
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
LEAVES = "import os, sys; open('left', 'w').write('x' * 5); os.makedirs('d'); open('d/e', 'w'); sys.exit(3)"


def command(where: Lab, *words: str, verb: str = "debug") -> list[str]:
    return [sys.executable, "-m", "cli.main", "--data", str(where.folder / "n1"), verb, *words]


def environment(where: Lab) -> dict[str, str]:
    return {
        **os.environ, "WINSLOW_REPO": str(where.remote), "XDG_CACHE_HOME": str(where.folder / "cache"),
        "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    }  # fmt: skip


def debug(where: Lab, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(where, *words),
        cwd=Path(__file__).parents[3],
        env=environment(where),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def begun(where: Lab, then: str) -> "subprocess.Popen[bytes]":
    """A look whose program has begun, and does that then."""
    child = subprocess.Popen(
        command(where, "v/1", "--", "python", "-c", f"print('up', flush=True); {then}"),
        cwd=Path(__file__).parents[3],
        env=environment(where),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout
    assert child.stdout.readline() == b"up\n"
    return child


def left_behind(where: Lab) -> list[str]:
    label = {"label": ["winslow.looking", "winslow.project=v"]}
    containers = docker.from_env().api.containers(all=True, filters=label)
    folder = where.folder / "n1" / "looking"
    return [*(each["Names"][0] for each in containers), *(os.listdir(folder) if folder.exists() else ())]


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)


def ended(where: Lab, more: str = "") -> None:
    program = f"image: host/python, command: [python, -c, {json.dumps(LEAVES)}]"
    define(where, f"  - {{name: one, {program}, env: {{COLOUR: green}}{more}}}\n")
    where.node()
    where.ask("request: start\n")
    where.until_state(State.FAILED)


def test_I7_a_failed_execution_is_looked_at_with_its_files_and_nothing_that_is_done_there_stays(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    look = (
        "import os; print(os.getuid(), sorted(os.listdir('.')), os.environ['COLOUR'], os.environ['WINSLOW_EXECUTION'])"
    )
    look += "; open('left', 'w'); open('new', 'w'); raise SystemExit(7)"
    for _ in range(2):
        done = debug(lab, "v/1", "--", "python", "-c", look)
        assert (done.returncode, done.stdout) == (7, "64000 ['d', 'left'] green 1\n"), done.stderr
        assert "its command was: python -c" in done.stderr
    assert left_behind(lab) == []
    log = subprocess.run(
        ["git", "-C", str(lab.remote), "log", "-1", "-p", "main"], capture_output=True, text=True, check=True
    ).stdout
    assert "Ada <ada@example.org>" in log
    assert "debug: python -c" in log
    assert len(lab.repository.fetch().projects["v"].executions) == 1
    assert debug(lab, "v/1", "--begin", "--", "python", "-c", "import os; print(os.listdir('.'))").stdout == "[]\n"
    assert debug(lab, "v/1", given="echo $COLOUR; exit 4\n").returncode == 4


def test_I7_I5_S1_a_look_gets_no_right_that_the_stage_had(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    look = (
        "import os, socket; print(os.path.exists('/run/secrets'), [n for _, n in socket.if_nameindex()]); "
        "print(open('/proc/self/status').read().split('CapEff:')[1].split()[0])"
    )
    done = debug(lab, "v/1", "--", "python", "-c", look)
    assert done.stdout == "False ['lo']\n0000000000000000\n", done.stderr


def test_I7_what_a_killed_command_began_is_removed(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    child = begun(lab, "import time; time.sleep(600)")
    assert len(left_behind(lab)) == 2
    child.send_signal(signal.SIGKILL)
    child.wait()
    until(lambda: left_behind(lab) == [])


def test_I7_a_container_that_an_engine_made_after_its_command_was_killed_goes_at_the_next_use(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    api, root = docker.from_env().api, (lab.folder / "n1" / "looking").absolute()
    labels = {"winslow.looking": "0" * 16, "winslow.looking.root": str(root), "winslow.project": "v"}
    made = api.create_container("host/python", ["true"], name=f"winslow-looking-{'0' * 16}", labels=labels)
    try:
        assert debug(lab, "v/1", "--", "python", "-c", "pass").returncode == 0
        assert left_behind(lab) == []
    finally:
        with suppress(docker.errors.NotFound):
            api.remove_container(made["Id"], force=True)


def test_I7_S1_a_look_keeps_no_log_and_no_label_of_its_image(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    child = begun(lab, "input()")
    api = docker.from_env().api
    found = api.inspect_container(api.containers(filters={"label": ["winslow.looking", "winslow.project=v"]})[0]["Id"])
    child.communicate(b"\n")
    assert found["HostConfig"]["LogConfig"]["Type"] == "none"
    held = ("repository", "node", "incarnation", "claim", "gpus", "service", "service.of")
    assert [found["Config"]["Labels"][f"winslow.{key}"] for key in held] == [""] * 7
    assert left_behind(lab) == []


def test_I7_the_guard_leaves_the_folder_where_an_engine_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.looking import guard

    monkeypatch.setattr(guard, "PATIENCE", 0.0)
    monkeypatch.setattr(guard, "removed", lambda name: False)
    monkeypatch.setattr("runner.looking.guard.os.read", lambda *_: b"")
    monkeypatch.setattr("sys.argv", ["guard", "x", str(tmp_path)])
    monkeypatch.setattr(guard, "PAUSE", 0.01)
    assert guard.main() == 1
    assert tmp_path.is_dir()


def test_I7_names_of_a_record_lead_to_no_folder() -> None:
    from cli.debug import _needs
    from cli.errors import CommandError
    from schema.execution import Needed

    class Forged:
        needs = {"../../../etc/x": (Needed(execution=1, manifest="m"),)}

    with pytest.raises(CommandError, match="cannot be the name of a stage"):
        _needs(Forged)  # type: ignore[arg-type]


def test_I7_S1_a_look_has_no_more_than_the_policy_lets_a_stage_have(tmp_path: Path) -> None:
    from cli.debug import _permitted
    from runner.contract.spec import Limits
    from runner.looking.throwaway import Inspection

    (tmp_path / "node").mkdir()
    look = Inspection({}, ["i"], {}, "{}", None, limits=Limits(memory=2**31, cpus=0.5))
    assert _permitted(tmp_path, look, "i") is look
    (tmp_path / "node" / "policy.yaml").write_text("limits: {memory: 1GiB, cpus: 2, pids: 100}\n")
    assert _permitted(tmp_path, look, "i").limits == Limits(memory=2**30, cpus=0.5, pids=100)


def test_I7_an_image_that_is_gone_is_told_with_the_remedy(lab: Lab) -> None:  # noqa: F811
    from cli.debug import _images
    from runner.contract.errors import ImageUnavailable
    from runner.looking.throwaway import _image
    from schema.execution import ImageRecord

    api, gone = docker.from_env().api, f"sha256:{'0' * 64}"
    with pytest.raises(ImageUnavailable, match=f"`docker pull nobody/x@{gone}` fetches it"):
        _image(api, [*_images(ImageRecord(ref="nobody/x:1", digest=gone))])
    with pytest.raises(ImageUnavailable, match="build or load it again"):
        _image(api, [*_images(ImageRecord(ref="nobody/x:1", id=gone))])


def test_I7_an_image_that_the_policy_takes_no_more_is_not_run(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    (lab.folder / "n1" / "node" / "policy.yaml").write_text("images: [other/*]\n")
    done = debug(lab, "v/1", "--", "true")
    assert done.returncode == 1
    assert "image host/python is not granted on this machine (policy.images)" in done.stderr
    assert left_behind(lab) == []


def test_I7_a_port_of_a_throw_away_program_is_reached_on_loopback_alone_and_ends_when_idle(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    words = ["v/1", "--image", "host/python", "--port", "8123", "--idle", "3s"]
    child = subprocess.Popen(
        command(lab, *words, "--", "python", "-m", "http.server", "8123", "--bind", "127.0.0.1", verb="open"),
        cwd=Path(__file__).parents[3],
        env=environment(lab),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr
    said = next(line for line in child.stderr if "ssh -L" in line)
    url = said.split()[1]
    assert url.startswith("http://127.0.0.1:")
    pages: list[str] = []

    def reached() -> bool:
        try:
            pages.append(urllib.request.urlopen(url, timeout=5).read().decode())
        except OSError:
            return False
        return True

    until(reached)
    assert 'href="left"' in pages[0]
    assert "nothing went through its port for 3 s" in child.stderr.read()
    child.wait()
    assert left_behind(lab) == []
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=5)
    last = ["git", "-C", str(lab.remote), "log", "-1", "-p", "main"]
    assert "open: host/python port 8123: python -m http.server" in subprocess.check_output(last, text=True)


def test_I7_an_image_that_the_policy_does_not_take_is_not_opened(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    (lab.folder / "n1" / "node" / "policy.yaml").write_text("images: [host/*]\n")
    done = subprocess.run(
        command(lab, "v/1", "--image", "evil/x", verb="open"),
        cwd=Path(__file__).parents[3],
        env=environment(lab),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "image evil/x is not granted on this machine" in done.stderr
    assert left_behind(lab) == []


def test_I7_an_image_to_open_that_is_not_here_is_named_with_what_fetches_it(lab: Lab) -> None:  # noqa: F811
    ended(lab)
    done = subprocess.run(
        command(lab, "v/1", "--image", "lab/none:1", verb="open"),
        cwd=Path(__file__).parents[3],
        env=environment(lab),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "v/1: image lab/none:1 is not on this machine: `docker pull lab/none:1`" in done.stderr
    assert "any more" not in done.stderr
    assert left_behind(lab) == []
    assert "open: lab/none:1" not in subprocess.check_output(["git", "-C", str(lab.remote), "log", "-p"], text=True)
