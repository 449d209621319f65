"""Wheel and source distribution as they are published, and clean environments that they are installed in."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
HANG = 60.0
UV = str(Path(sys.executable).with_name("uv"))


def run(*command: str, cwd: Path, **environment: str) -> str:
    """What it said. A failure shows all of it."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3 * HANG,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
    return done.stdout


def built(kind: str, source: Path, folder: Path, **environment: str) -> Path:
    """`wheel` or `sdist`, from a folder with the sources."""
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder), cwd=source, **environment)
    [found] = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return found


@dataclass(frozen=True)
class Place:
    """A clean environment, and a home of its own."""

    folder: Path

    @property
    def command(self) -> str:
        return str(self.folder / "venv" / "bin" / "winslowctl")

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "DOCKER_HOST": f"unix://{self.folder}/no-engine.sock",
            "WINSLOW_AUTHOR": "Ada <ada@example.org>",
            **more,
        }

    def ask(self, *arguments: str, cwd: Path | None = None, given: str = "", **more: str) -> tuple[int, str]:
        """Exit code, and what it said."""
        done = subprocess.run(
            [self.command, *arguments],
            cwd=cwd or self.folder,
            env=self.environment(**more),
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANG,
            check=False,
        )
        return done.returncode, done.stdout

    @contextmanager
    def running(self, *arguments: str, cwd: Path | None = None, **more: str) -> Iterator["Running"]:
        log = self.folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
        with log.open("wb") as out:
            child = subprocess.Popen(
                [self.command, *arguments],
                cwd=cwd or self.folder,
                env=self.environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        try:
            yield Running(child, log)
        finally:
            child.kill()
            child.wait(HANG)


@dataclass(frozen=True)
class Running:
    child: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def until(self, word: str) -> str:
        wait(lambda: word in self.said() or self.child.poll() is not None, self.said)
        assert word in self.said(), self.said()
        return self.said()


def wait(there: Callable[[], object], told: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + HANG
    while not there():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def place(folder: Path, wheel: Path, extra: str = "") -> Place:
    made = Place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    run(UV, "venv", "--quiet", "--python", sys.executable, "venv", cwd=folder)
    wanted = f"winslow-controller{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}"
    run(UV, "pip", "install", "--quiet", "--python", "venv/bin/python", wanted, cwd=folder)
    return made


def processes_of(place: Place) -> list[int]:
    """Those that this environment's Python runs."""
    python = os.fsencode(place.folder / "venv" / "bin")
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cmdline").read_bytes().startswith(python):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
