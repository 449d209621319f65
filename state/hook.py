"""The pre-receive hook of a bare state repository: a push to `main` has to validate, or nothing of it lands.

`python -m state.hook` runs inside the repository, with git's quarantine in its environment: `old new ref` lines on
standard input, problems as `file:line:col: what` on standard error, exit code 1 if there are any.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flow.interpolate import mistakes
from schema import layout
from schema.codec import MAX_BYTES
from schema.documents import parse
from schema.errors import DocumentError
from schema.pipeline import Pipeline

ZERO = "0" * 40
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Changed:
    mode: str
    blob: str
    path: str


def check(lines: Iterable[str]) -> list[str]:
    """Every problem of every push to `main` in the hook's input."""
    problems: list[str] = []
    for line in lines:
        old, new, ref = line.split()
        if ref != layout.MAIN:
            continue
        if new == ZERO:
            problems.append("main cannot be deleted")
            continue
        for changed in _changes(old, new):
            problems.extend(_problems(changed))
    return problems


def _changes(old: str, new: str) -> Iterator[Changed]:
    base = old if old != ZERO else _git("hash-object", "-t", "tree", "/dev/null").strip()
    listing = _git("diff-tree", "-r", "-z", "--no-renames", base, new)
    fields = listing.split("\0")
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, blob, kind = head.lstrip(":").split(" ")
        if kind != "D":
            yield Changed(mode, blob, path)


def _problems(changed: Changed) -> list[str]:
    place = layout.place_on_main(changed.path)
    if place is None:
        return _misplaced(changed)
    if changed.mode not in ("100644", "100755"):
        return [f"{changed.path}:1:1: a regular file is wanted here"]
    size = int(_git("cat-file", "-s", changed.blob))
    if size > MAX_BYTES:
        return [f"{changed.path}:1:1: the file has {size} bytes; at most {MAX_BYTES} are read"]
    try:
        document = parse(place.kind, _bytes("cat-file", "blob", changed.blob), changed.path)
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    if isinstance(document, Pipeline):
        return _of_pipeline(changed.path, place.owner, document)
    return []


def _misplaced(changed: Changed) -> list[str]:
    """Files that look as if they were meant for Winslow, but would never be read."""
    first = changed.path.split("/")[0]
    if first in ("pipelines", "nodes") and changed.path.endswith((".yaml", ".yml")):
        return [f"{changed.path}:1:1: not a name that is read: lower-case letters, digits, . _ - and the ending .yaml"]
    return []


def _of_pipeline(path: str, name: str, pipeline: Pipeline) -> list[str]:
    problems = [f"{path}:1:1: stage {stage!r}: {what}" for stage, what in mistakes(pipeline)]
    if pipeline.name != name:
        problems.append(f"{path}:1:1: its name is {pipeline.name!r}, its file says {name!r}")
    return problems


def _bytes(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], capture_output=True, check=False, env=os.environ)
    if done.returncode != 0:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _git(*arguments: str) -> str:
    return _bytes(*arguments).decode(errors="replace")


def main() -> int:
    problems = check(sys.stdin)
    if not problems:
        return 0
    print("main was not changed; mend this and push again:", file=sys.stderr)
    for problem in problems[:SHOWN]:
        print(f"  {problem}", file=sys.stderr)
    if len(problems) > SHOWN:
        print(f"  … and {len(problems) - SHOWN} more", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
