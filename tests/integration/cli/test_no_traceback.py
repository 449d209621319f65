"""No locale, environment, stray byte or broken pipe gives a traceback: the command as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'winslowctl'; from cli.main import main; main()"]


@pytest.fixture
def shell(lab: Labs, command: Callable[[Lab], Command], tmp_path: Path) -> Callable[..., tuple[int, bytes, bytes]]:
    here = lab(stage("one", "print('hello')").replace("name: one", "name: one, description: 日本語 ö"))
    command(here)

    def run(line: str, **environment: str | None) -> tuple[int, bytes, bytes]:
        """`W` is the command, whose words may hold any bytes."""
        changed = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
        done = subprocess.run(
            ["bash", "-c", f'W() {{ "$0" "$@"; }}; {line}', *COMMAND], env=changed, capture_output=True, timeout=120,
            cwd=tmp_path, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def bound(line: str, **environment: str | None) -> tuple[int, bytes, bytes]:
        words = " ".join(f"'{word}'" if " " not in word else f'"{word}"' for word in COMMAND)
        return run(line.replace("W ", f"{words} "), **environment)

    return bound


CASES: list[tuple[str, dict[str, str | None], int]] = [
    ("W ps", {"PYTHONIOENCODING": "ascii"}, 0),
    ("W describe v", {"PYTHONIOENCODING": "latin-1"}, 0),
    ("W pipelines show p -o json", {"PYTHONIOENCODING": "ascii"}, 0),
    ("W ps", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, 0),
    ("W ps", {"HOME": None, "XDG_CACHE_HOME": None}, 0),
    ("W ps", {"HOME": "/proc/nonexistent", "XDG_CACHE_HOME": None}, 0),
    ("W pause v --comment $'stray \\xff byte'", {}, 2),
    ("W projects edit v --name $'\\xff'", {}, 2),
    ("W describe $'\\xff'", {}, 2),
    ("W pause v --force", {"WINSLOW_AUTHOR": os.fsdecode(b"J\xf6rg <j@example.org>")}, 0),
    ("W ps", {"WINSLOW_REPO": os.fsdecode(b"/nowhere/\xff")}, 1),
    ("W ps >&-", {}, 0),
    ("W ps <&- 2>&-", {}, 0),
    ("W ps > /dev/full", {}, 1),
    ("W events | head -c 1; exit ${PIPESTATUS[0]}", {}, 0),
    ("W ps | true; exit ${PIPESTATUS[0]}", {}, 0),
    ("echo words | W files put - pool:a/b.txt && W files get pool:a/b.txt -o - | grep words", {}, 0),
    ("head -c 9M /dev/zero | W files put - pool:b; W files get pool:b -o - | head -c 1; exit ${PIPESTATUS[0]}", {}, 0),
    ("W files put - pool:a/ <&-", {}, 2),
    ("W validate - </dev/zero", {}, 1),
    ("W validate - < /bin/true", {}, 1),
    ("mkdir gone; cd gone; rmdir ../gone; W init x", {}, 1),
]


@pytest.mark.parametrize(("line", "environment", "code"), CASES, ids=[f"{line} {env}" for line, env, _ in CASES])
def test_N4_no_traceback(
    shell: Callable[..., tuple[int, bytes, bytes]], line: str, environment: dict[str, str | None], code: int
) -> None:
    found, out, err = shell(line, **environment)
    assert b"Traceback" not in err + out
    assert b"Exception ignored" not in err
    assert b"mistake in Winslow" not in err, err
    assert found == code, err


def test_N4_a_mistake_of_ours_is_two_lines_and_all_of_it_with_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    from cli import settings

    def broken() -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(settings, "snapshot_at", lambda at: broken())
    said = Command(may_fail=True).run("ps")
    assert (said.code, "KeyError at test_no_traceback.py" in said.err, "Traceback" in said.err) == (1, True, False)
    monkeypatch.setenv("WINSLOW_DEBUG", "1")
    assert "Traceback" in Command(may_fail=True).run("ps").err
