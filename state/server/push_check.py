"""Everything that can be wrong with a push to `main`. Only what changed between old and new is looked at, and measured
before it is read.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence

from schema import layout
from schema.codec import MAX_BYTES
from schema.errors import DocumentError, Problem
from schema.misplaced import misplaced
from state.server.push_rules import without_effect
from state.server.pushed import ZERO, PushByProgram, PushedFile, PushSource
from state.snapshot.document_cache import irregular, read

SHOWN = 20


def check(lines: Iterable[str], source: PushSource | None = None) -> list[str]:
    """Every problem of every push to `main` in the hook's input. Run inside the repository, if no source is given."""
    asked = source or PushByProgram()
    problems: list[str] = []
    for line in lines:
        old, new, ref = _push(line)
        if ref == layout.MAIN:
            problems.extend(str(problem) for problem in _problems(asked, old, new))
    return problems


def _push(line: str) -> tuple[str, str, str]:
    fields = line.split()
    if len(fields) != 3:
        raise RuntimeError(f"lines of `old new ref` are wanted, as git gives its pre-receive hook, not {line[:60]!r}")
    return fields[0], fields[1], fields[2]


def _problems(source: PushSource, old: str, new: str) -> Iterator[Problem]:
    if new == ZERO:
        yield Problem("main", 1, 1, "main cannot be deleted")
        return
    documents = []
    for changed in source.changes(old, new):
        if changed.blob == ZERO:
            yield from _removed(changed.path)
        elif what := misplaced(changed.path):
            yield Problem(changed.path, 1, 1, what)
        elif layout.place_on_main(changed.path) is None:
            continue
        elif not changed.mode.startswith("100"):
            yield irregular(changed.path)
        else:
            documents.append(changed)
    yield from _documents(source, documents)
    yield from without_effect(source, old, new, documents)


def _removed(path: str) -> Iterator[Problem]:
    if path == layout.SETTINGS:
        yield Problem(path, 1, 1, "without this file main is no state repository; it cannot be removed")


def _documents(source: PushSource, documents: Sequence[PushedFile]) -> Iterator[Problem]:
    measured = source.sizes([changed.blob for changed in documents])
    for changed in documents:
        if measured[changed.blob] > MAX_BYTES:
            what = f"the file has {measured[changed.blob]} bytes; at most {MAX_BYTES} are read"
            yield Problem(changed.path, 1, 1, what)
    small = [changed for changed in documents if measured[changed.blob] <= MAX_BYTES]
    found = source.contents([changed.blob for changed in small])
    for changed in small:
        yield from _document(changed.path, found[changed.blob])


def _document(path: str, content: bytes) -> Sequence[Problem]:
    place = layout.place_on_main(path)
    try:
        read(place.kind if place else "", path, content)
    except DocumentError as error:
        return error.problems
    return ()


def told(lines: Iterable[str]) -> int:
    """The exit code of the hook, its problems said on standard error."""
    try:
        problems = check(lines)
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
