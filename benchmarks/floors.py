"""What the tools below cannot be beaten at: `git push` of one commit, a container of Docker's SDK, a bare Python,
files that are written through."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.measure import spread, timed


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


class GitPushes:
    """Pushes of one empty commit each to a plain bare repository by path."""

    def __init__(self, folder: Path) -> None:
        self.work = f"{folder}/w"
        self.times: list[float] = []
        self.cpu: list[float] = []
        _git("init", "-q", "--bare", f"{folder}/r")
        _git("clone", "-q", f"{folder}/r", self.work)

    def once(self) -> None:
        who = ("-c", "user.name=x", "-c", "user.email=x@y")
        _git("-C", self.work, *who, "commit", "-q", "--allow-empty", "-m", "x")
        before = os.times()
        self.times.append(timed(lambda: _git("-C", self.work, "push", "-q", "origin", "HEAD:refs/heads/main")))
        after = os.times()
        self.cpu.append(after.children_user + after.children_system - before.children_user - before.children_system)


def python(rounds: int) -> dict[str, float]:
    """An interpreter that does nothing."""
    return spread([timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(rounds)])


def container(client: Any, image: str, command: list[str], rounds: int) -> dict[str, float]:
    """Create, start, wait and remove by the SDK, with the options every stage has."""

    def once() -> None:
        made = client.containers.create(image, command, network_mode="none", read_only=True, init=True)
        made.start()
        made.wait()
        made.remove()

    return spread([timed(once) for _ in range(rounds)])


def written_through(folder: Path, files: int) -> float:
    """Seconds until so many new small files and their folder are on the disk, and then one that took another's place
    there: the least that a result with its note waits for.
    """
    folder.mkdir(exist_ok=True)
    new = [folder / os.urandom(8).hex() for _ in range(files)]
    note = folder / "note"
    with ThreadPoolExecutor(files + 2) as pool:
        for path in (*new, note.with_suffix(".part")):
            path.write_bytes(os.urandom(1000))

        def wait() -> None:
            list(pool.map(_sync, (*new, note.with_suffix(".part"), folder)))
            note.with_suffix(".part").rename(note)
            _sync(folder)

        return timed(wait)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
