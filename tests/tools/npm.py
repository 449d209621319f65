"""Programs from npm, fetched by the hashes of a lock, once for each lock. No network where they were fetched before."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent / "npm"
"""What tests run that the page does not need."""


def modules(source: Path = TOOLS) -> Path:
    """The folder `node_modules` of what the lock in `source` names. A failure in CI, elsewhere skipped."""
    if shutil.which("npm") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no npm: install Node.js")
    lock = (source / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "winslow-tests"
    folder = cache / f"npm-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not folder.exists():
        _fetch(source, cache, folder)
    return folder / "node_modules"


def _fetch(source: Path, cache: Path, folder: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    part = cache / f"part-{os.getpid()}"
    part.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, part)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=part, check=True, timeout=300)
    try:
        part.rename(folder)
    except OSError:  # another test was quicker
        shutil.rmtree(part)
