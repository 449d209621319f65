"""An engine and a base image for tests. Without an engine they are skipped on a laptop, and fail in CI."""

import functools
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "docker-engine"
IMAGE = "winslow/test-base:1"


@functools.cache
def address() -> str:
    """`unix://…`, or a text that starts with `!` and says why there is none."""
    done = subprocess.run([SCRIPT, "start"], capture_output=True, text=True, timeout=90, check=False)
    return done.stdout.strip().removeprefix("DOCKER_HOST=") if done.returncode == 0 else f"!{done.stderr.strip()}"


def need() -> str:
    """The address, put where the SDK looks for it; the image is there afterwards."""
    found = address()
    if found.startswith("!"):
        if os.environ.get("CI"):
            pytest.fail(found[1:], pytrace=False)
        pytest.skip(found[1:])
    os.environ["DOCKER_HOST"] = found
    _image()
    return found


@functools.cache
def _image() -> None:
    from runner.hostimage import build_base

    known = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if known.returncode:
        build_base(IMAGE)
