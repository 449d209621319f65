"""Winslow's own image, built without a registry: from a base made of this host, with wheels fetched beforehand."""

import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from runner.docker.host_image import build_base
from tests.docs.pages import ROOT, blocks

OPERATING = ROOT / "docs" / "operating.md"
BASE, IMAGE = "winslow/node-test-base:2", "winslow/node-test:1"
SOURCE = (
    "pyproject.toml",
    "hatch_build.py",
    "package.json",
    "package-lock.json",
    "README.md",
    "LICENSE",
    "scripts/winslowctl",
    "scripts/winslow_controller.pth",
    "Dockerfile",
    ".dockerignore",
)
PACKAGES = ("schema", "flow", "state", "runner", "peer", "controller", "webui", "cli")
HOST = ("/usr/bin/git", "/usr/bin/ssh", "/usr/lib/git-core", "/usr/share/git-core", "/etc/ssl/certs", "/usr/lib/ssl")


@functools.cache
def image() -> str:
    """Its tag; the build is the one that docs/operating.md describes for a place without internet."""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "source"
        _source(context)
        _base(Path(folder) / "site")
        text = said("pip wheel").replace("registry.lan/python:3.11", BASE).replace("winslow/node:1", IMAGE)
        run("sh", "-ec", f"PATH={Path(sys.executable).parent}:$PATH; cd {context}; {text}", seconds=300)
    return IMAGE


def said(beginning: str) -> str:
    """The block of docs/operating.md that begins like this."""
    return next(block.text for block in blocks(OPERATING) if block.text.startswith(beginning))


def run(*command: str, seconds: float = 120) -> str:
    """What it wrote. A failure shows all of it."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _source(context: Path) -> None:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
    (context / "scripts").mkdir()
    for name in SOURCE:
        shutil.copy(ROOT / name, context / name)


def _base(site: Path) -> None:
    if subprocess.run(["docker", "image", "inspect", BASE], capture_output=True, check=False).returncode:
        run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), "pip")
        build_base(BASE, [site], [path for name in HOST if (path := Path(name)).exists()])
