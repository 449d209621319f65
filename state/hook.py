"""The pre-receive hook of a bare state repository: a push to `main` has to validate, or nothing of it lands.

`python -m state.hook` runs inside the repository, with git's quarantine in its environment: `old new ref` lines on
standard input, problems as `file:line:col: what` on standard error, exit code 1 if there are any. Only what changed
between old and new is looked at, and measured before it is read.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schema import layout
from schema.codec import MAX_BYTES
from schema.errors import DocumentError, Problem
from state.parsed import irregular, read

ZERO = "0" * 40
SHOWN = 20
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Changed:
    mode: str
    blob: str
    path: str


def check(lines: Iterable[str]) -> list[str]:
    """Every problem of every push to `main` in the hook's input. Run inside the repository."""
    problems: list[str] = []
    for line in lines:
        old, new, ref = _push(line)
        if ref == layout.MAIN:
            problems.extend(str(problem) for problem in _problems(old, new))
    return problems


def _push(line: str) -> tuple[str, str, str]:
    fields = line.split()
    if len(fields) != 3:
        raise RuntimeError(f"lines of `old new ref` are wanted, as git gives its pre-receive hook, not {line[:60]!r}")
    return fields[0], fields[1], fields[2]


def _problems(old: str, new: str) -> Iterator[Problem]:
    if new == ZERO:
        yield Problem("main", 1, 1, "main cannot be deleted")
        return
    documents = []
    for changed in _changes(old, new):
        if changed.blob == ZERO:
            yield from _removed(changed.path)
        elif layout.place_on_main(changed.path) is None:
            yield from _misplaced(changed.path)
        elif not changed.mode.startswith("100"):
            yield irregular(changed.path)
        else:
            documents.append(changed)
    yield from _documents(documents)


def _changes(old: str, new: str) -> Iterator[Changed]:
    base = old if old != ZERO else _git(["hash-object", "-t", "tree", "--stdin"]).decode().strip()
    fields = _git(["diff-tree", "-r", "-z", "--no-renames", base, new]).decode(errors="replace").split("\0")
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, blob, _ = head.lstrip(":").split(" ")
        yield Changed(mode, blob, path)


def _removed(path: str) -> Iterator[Problem]:
    if path == layout.SETTINGS:
        yield Problem(path, 1, 1, "without this file main is no state repository; it cannot be removed")


def _misplaced(path: str) -> Iterator[Problem]:
    """Files that look as if they were meant for Winslow, but would never be read."""
    if path.split("/")[0] in ("pipelines", "nodes") and path.endswith(_SUFFIXES):
        yield Problem(path, 1, 1, "not a name that is read: lower-case letters, digits, . _ - and the ending .yaml")


def _documents(documents: Sequence[Changed]) -> Iterator[Problem]:
    sizes = _sizes([changed.blob for changed in documents])
    for changed in documents:
        if sizes[changed.blob] > MAX_BYTES:
            what = f"the file has {sizes[changed.blob]} bytes; at most {MAX_BYTES} are read"
            yield Problem(changed.path, 1, 1, what)
    small = [changed for changed in documents if sizes[changed.blob] <= MAX_BYTES]
    contents = _contents([changed.blob for changed in small])
    for changed in small:
        yield from _document(changed.path, contents[changed.blob])


def _document(path: str, content: bytes) -> Sequence[Problem]:
    place = layout.place_on_main(path)
    try:
        read(place.kind if place else "", path, content)
    except DocumentError as error:
        return error.problems
    return ()


# git, with the quarantine of the push in its environment


def _sizes(blobs: Sequence[str]) -> dict[str, int]:
    out = _git(["cat-file", "--batch-check=%(objectname) %(objectsize)"], "\n".join(blobs)).decode()
    return {oid: int(size) for oid, size in (line.split() for line in out.splitlines())}


def _contents(blobs: Sequence[str]) -> dict[str, bytes]:
    out, found, at = _git(["cat-file", "--batch=%(objectname) %(objectsize)"], "\n".join(blobs)), {}, 0
    while at < len(out):
        end = out.index(b"\n", at)
        oid, size = out[at:end].decode().split()
        found[oid] = out[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)
    return found


def _git(arguments: Sequence[str], given: str = "") -> bytes:
    done = subprocess.run(["git", *arguments], input=given.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def main() -> int:
    try:
        problems = check(sys.stdin)
    except RuntimeError as error:
        print(f"the push could not be checked, so it is refused: {error}", file=sys.stderr)
        return 1
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
