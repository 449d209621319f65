"""Stand-ins for the public images that the pages build on, made of this host's programs."""

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.integration.docker.engine import IMAGE, need

JRE = "winslow/test-jre:1"
MODULES = "java.base,java.logging"
DOCKERFILE = f"FROM {IMAGE}\nCOPY java /opt/java\nENV PATH=/opt/java/bin:/usr/local/bin:/usr/bin:/bin\n"


def engine() -> str:
    """Its address."""
    kept = os.environ.get("DOCKER_HOST")
    try:
        return need()
    finally:
        os.environ.pop("DOCKER_HOST") if kept is None else os.environ.update(DOCKER_HOST=kept)


def stand_ins() -> dict[str, str]:
    return {"python:3.11-slim": IMAGE, "eclipse-temurin:17-jre": jre()}


@functools.cache
def jre() -> str:
    """A runtime that jlink cuts out of this machine's JDK."""
    host = {**os.environ, "DOCKER_HOST": engine()}
    if shutil.which("jlink") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no JDK here: install default-jdk-headless")
    known = subprocess.run(["docker", "image", "inspect", JRE], capture_output=True, env=host, check=False)
    if known.returncode:
        with tempfile.TemporaryDirectory() as folder:
            cut = ["jlink", "--add-modules", MODULES, "--strip-debug", "--no-man-pages", "--output", f"{folder}/java"]
            subprocess.run(cut, check=True, timeout=120, capture_output=True)
            (Path(folder) / "Dockerfile").write_text(DOCKERFILE)
            build = ["docker", "build", "-q", "-t", JRE, folder]
            subprocess.run(build, check=True, timeout=120, capture_output=True, env=host)
    return JRE


def remove_containers(folder: Path) -> None:
    for run in folder.glob("*/runs/*"):
        remove = ["docker", "rm", "-fv", f"winslow-{run.name}"]
        subprocess.run(remove, capture_output=True, env={**os.environ, "DOCKER_HOST": engine()}, check=False)
