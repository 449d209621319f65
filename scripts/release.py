"""What a release consists of, made in one folder: nothing of it is published here, unless an image is to be pushed.

The source distribution, and from it the wheel; a bill of materials (CycloneDX) of what `pip install` of that wheel
brings; with an engine also Winslow's own image; the digest of each; and notes, which are the changelog's part.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "winslow/node"
BILLS = "cyclonedx-bom==7.5.0"
"""Who writes the bill of materials, in an environment of its own."""
EXTRA = "node"
"""What a node is installed with, so that its packages are the ones that are listed."""


class NotReleased(Exception):
    """Nothing was made, or not all; the text says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    parser.add_argument("--image", action="store_true", help="build Winslow's own image too")
    parser.add_argument("--push", metavar="REGISTRY/PATH", help="and push it, as PATH:VERSION")
    parser.add_argument("--base", help="the image that Winslow's own is made from (default: the Dockerfile's)")
    given = parser.parse_args(arguments)
    try:
        release(given.to.absolute(), image=given.image or bool(given.push), push=given.push, base=given.base)
    except NotReleased as error:
        print(f"scripts/release: {error}", file=sys.stderr)
        return 1
    return 0


def release(folder: Path, *, image: bool = False, push: str | None = None, base: str | None = None) -> None:
    """NotReleased. What lies in the folder from an earlier one is replaced."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wheel = _distributions(folder)
    _bill(wheel, folder / f"{wheel.name.split('-')[0]}-{version}.cdx.json")
    digests = {file.name: _digest(file) for file in sorted(folder.iterdir())}
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))
    images = _image(version, push, base) if image else {}
    text = notes((ROOT / "CHANGELOG.md").read_text(), version)
    (folder / "RELEASE.md").write_text(f"{text}\n{table({**digests, **images})}")
    print(f"{folder}: {', '.join(sorted(file.name for file in folder.iterdir()))}", *images, sep="\n")


def notes(changelog: str, version: str) -> str:
    """The part of the changelog about this version; of one that has no part yet, what is unreleased."""
    parts = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    found = {part.split()[0].strip("[]"): part for part in parts if part.split()}
    if version not in found and "Unreleased" not in found:
        raise NotReleased(f"CHANGELOG.md has neither a part {version} nor one that is called Unreleased")
    heading, _, text = found.get(version, found.get("Unreleased", "")).partition("\n")
    return f"# {version}{'' if version in found else f' ({heading.strip()})'}\n{text.rstrip()}\n"


def table(digests: Mapping[str, str]) -> str:
    rows = "".join(f"| `{name}` | `{digest}` |\n" for name, digest in digests.items())
    return f"## Digests\n\n| what | SHA-256 |\n|---|---|\n{rows}"


def _distributions(folder: Path) -> Path:
    """The wheel is made from the source distribution, as whoever packages it elsewhere does."""
    _run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder))
    [source] = folder.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as scratch:
        shutil.unpack_archive(source, scratch, filter="data")
        [tree] = Path(scratch).iterdir()
        _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=tree)
    [wheel] = folder.glob("*.whl")
    return wheel


def _bill(wheel: Path, file: Path) -> None:
    """Of a clean environment that has the wheel and what it brings, and nothing else."""
    with tempfile.TemporaryDirectory() as scratch:
        python = Path(scratch) / "bin" / "python"
        constraints = str(ROOT / "scripts" / "constraints.txt")
        _run("uv", "venv", "--quiet", "--clear", "--python", sys.executable, scratch)
        _run("uv", "pip", "install", "--quiet", "--python", str(python), "-c", constraints, f"{wheel}[{EXTRA}]")
        tool = ("uv", "tool", "run", "--quiet", "--from", BILLS, "cyclonedx-py", "environment")
        options = ("--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml"), "--of", "JSON")
        _run(*tool, *options, "-o", str(file), str(python))


def _image(version: str, push: str | None, base: str | None) -> dict[str, str]:
    """By its name and the digest that others get it by: the registry's, else the engine's own."""
    name = f"{push or IMAGE}:{version}"
    arguments = ("--build-arg", f"BASE={base}") if base else ()
    _run("docker", "build", "--quiet", "-t", name, *arguments, ".")
    if not push:
        return {name: _run("docker", "image", "inspect", "--format", "{{.Id}}", name).strip().removeprefix("sha256:")}
    _run("docker", "push", "--quiet", name)
    told = _run("docker", "image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", name)
    [digest] = [line.partition("@sha256:")[2] for line in told.split() if line.startswith(f"{push}@")]
    return {name: digest}


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _run(*command: str, cwd: Path = ROOT) -> str:
    """What it said. NotReleased, with its last words, where it fails."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or _committed()}
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NotReleased(f"{command[0]} is not installed") from None
    if done.returncode:
        raise NotReleased(f"{' '.join(command[:4])} … failed:\n{(done.stderr or done.stdout).strip()[-3000:]}")
    return done.stdout


def _committed() -> str:
    """Seconds: two builds of one commit are the same bytes."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "0"


if __name__ == "__main__":
    sys.exit(main())
