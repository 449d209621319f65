"""I7: a program beside a running stage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schema.execution import State
from tests.integration.docker.test_node import containers, define, lab  # noqa: F401
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker


def inside(where: Lab, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "WINSLOW_REPO": str(where.remote), "XDG_CACHE_HOME": str(where.folder / "cache"),
        "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    }  # fmt: skip
    command = [sys.executable, "-m", "cli.main", "exec", *words]
    return subprocess.run(
        command,
        cwd=Path(__file__).parents[3],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_I7_a_program_runs_beside_a_stage_with_no_more_rights_and_git_says_who_ran_it(lab: Lab) -> None:  # noqa: F811
    define(lab, containers("long") + "\"import time; open('mark', 'w').write('x'); time.sleep(300)\"]}\n")
    lab.node()
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    look = "import os, sys; print(os.getuid(), os.listdir('.'), sys.stdin.read(), file=sys.stderr)"
    look += "; print('o'); sys.exit(3)"
    done = inside(lab, "v/1", "--", "python", "-c", look, given="typed")
    assert (done.returncode, done.stdout) == (3, "o\n")
    assert "64000 ['mark'] typed" in done.stderr
    log = subprocess.run(
        ["git", "-C", str(lab.remote), "log", "-1", "-p", "main"], capture_output=True, text=True, check=True
    ).stdout
    assert "Ada <ada@example.org>" in log
    assert "exec: python -c" in log
    lab.ask("request: abort\n")
    lab.until_state(State.ABORTED)
    gone = inside(lab, "v/1", "--", "true")
    assert gone.returncode == 1
    assert "nothing runs in v/1" in gone.stderr
