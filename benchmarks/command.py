"""How long the command takes to say anything, and the hook of a bare repository to pass one request: seconds, seconds
of a processor, and how many modules are loaded, which does not depend on the machine."""

import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import floors
from benchmarks.measure import spread, timed
from schema import layout
from state.server.setup import init

FILES = {"winslow.yaml": "schema: 1\n", "projects/a/project.yaml": "pipeline: p\n"}


def measure(rounds: int) -> dict[str, object]:
    program = str(Path(sys.executable).with_name("winslowctl"))
    empty = [sys.executable, "-I", "-c", "pass"]
    with TemporaryDirectory() as folder:
        hook, line = _one_request(Path(folder))
        folder += "/lab.git"
        return {
            "floor_python": floors.python(rounds),
            "floor_python_cpu": _cpu(empty, rounds),
            "help": spread([timed(_run([program, "--help"])) for _ in range(rounds)]),
            "help_cpu": _cpu([program, "--help"], rounds),
            "help_modules": _modules([sys.executable, "-X", "importtime", program, "--help"]),
            "hook": spread([timed(_run(hook, line, folder)) for _ in range(rounds)]),
            "hook_cpu": _cpu(hook, rounds, line, folder),
        }


def _one_request(folder: Path) -> tuple[Sequence[str], str]:
    """The hook's command in a repository, and the line that git would give it."""
    author = "A <a@example.org>"
    init(folder / "lab.git", bare=True, files=FILES, author=author)

    def said(*rest: str, given: str = "") -> str:
        git = ["git", "-C", str(folder / "lab.git"), *rest]
        return subprocess.run(git, input=given, text=True, capture_output=True, check=True).stdout.strip()

    old, blob = said("rev-parse", layout.MAIN), said("hash-object", "-w", "--stdin", given="request: start\n")
    index = f"100644 {blob}\tprojects/a/requests/0001-start.yaml\n"
    said("read-tree", old)
    said("update-index", "--index-info", given=index)
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    new = said(*identity, "commit-tree", said("write-tree"), "-p", old, "-m", "start")
    return ["sh", "hooks/pre-receive"], f"{old} {new} {layout.MAIN}\n"


def _run(command: Sequence[str], given: str = "", folder: str = "/") -> Callable[[], object]:
    return lambda: subprocess.run(command, input=given, text=True, check=True, stdout=subprocess.DEVNULL, cwd=folder)


def _cpu(command: Sequence[str], rounds: int, given: str = "", folder: str = "/") -> float:
    """The least of so many rounds, with all that the command starts."""
    used = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _run(command, given, folder)()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return round(min(used), 4)


def _modules(command: Sequence[str]) -> int:
    return subprocess.run(command, text=True, check=True, capture_output=True).stderr.count("import time:")
