"""A driver's library without a driver: built from `nvml_double.c`, loaded by the real pynvml in other processes."""

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parent / "nvml_double.c"
ROOT = Path(__file__).parents[3]
SMALL, BIG = "GPU-5a000000-0000-4000-8000-000000000001", "GPU-b1600000-0000-4000-8000-000000000002"

PROBE = """
import json, sys, time
from runner import gpus
gpus.PACE, gpus.LIMIT = 0.0, 0.5
found = gpus.find()
for line in sys.stdin:
    verb, *held = line.split()
    begun = time.monotonic()
    look = found.look() if verb == "look" else gpus.lost(found, held)
    took = time.monotonic() - begun
    said = [g.model_dump(mode="json") for g in look] if verb == "look" else look
    print(json.dumps({"look": said, "text": found.text, "certain": found.certain, "took": took}), flush=True)
"""


@functools.cache
def built(*flags: str) -> Path:
    """The folder with the library. Without a compiler: skipped on a laptop, a failure in CI."""
    folder = Path(tempfile.mkdtemp(prefix="winslow-nvml-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / "libnvidia-ml.so.1"
    argv = ["gcc", "-shared", "-fPIC", "-w", *flags, "-Wl,-soname,libnvidia-ml.so.1", "-o", str(library), str(SOURCE)]
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        if os.environ.get("CI"):
            pytest.fail("gcc is not installed", pytrace=False)
        pytest.skip("gcc is not installed")
    return folder


class Driver:
    """What the double says. A small and a big GPU, until a test says otherwise."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.library, self.file = built(*flags), folder / "nvml.txt"
        self._said: dict[tuple[int, str], object] = {}
        self.say(count=2)
        self.say(0, uuid=SMALL, name="NVIDIA_GeForce_RTX_2080", total=8192, capability=75)
        self.say(1, uuid=BIG, name="NVIDIA_RTX_A6000", total=49140, capability=86)

    def say(self, index: int = -1, **facts: object) -> None:
        self._said |= {(index, key): value for key, value in facts.items()}
        beside = self.file.with_suffix(".new")
        beside.write_text("".join(f"{at} {key} {value}\n" for (at, key), value in self._said.items()))
        beside.replace(self.file)

    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": str(self.library), "NVML_DOUBLE": str(self.file)}


class Probe:
    """`runner.gpus` in a process that has the double for a driver, or none."""

    def __init__(self, driver: Driver | None) -> None:
        more = driver.environment() if driver else {}
        self.child = subprocess.Popen(
            [sys.executable, "-c", PROBE],
            env={**os.environ, **more},
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def look(self) -> dict[str, Any]:
        return self._ask("look")

    def lost(self, *held: str) -> list[str]:
        return list(self._ask("lost", *held)["look"])

    def health(self) -> dict[str, str]:
        return {gpu["uuid"]: gpu["health"] for gpu in self.look()["look"]}

    def _ask(self, *words: str) -> dict[str, Any]:
        assert self.child.stdin
        assert self.child.stdout
        self.child.stdin.write(" ".join(words) + "\n")
        self.child.stdin.flush()
        said: dict[str, Any] = json.loads(self.child.stdout.readline())
        return said

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
