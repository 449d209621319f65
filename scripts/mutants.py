"""Changes one rule at a time in a copy of the tree and says which changes no test notices.

A mutant is one changed comparison, condition, constant or sum. It is killed if a test of its package, or a short run of
the simulator, fails or hangs. What lives is printed with its place, its line before and after, and the reason where
`scripts/mutants.txt` gives one. The choice depends on the seed alone, so a run can be repeated.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from named_mutants import NAMED, NamedMutant

ROOT = Path(__file__).resolve().parent.parent
REASONS = ROOT / "scripts" / "mutants.txt"
WHERE = ("flow", "controller/journal", "state/transport/push.py", "state/server/plain.py", "schema/names.py")
PATIENCE = 5.0
"""Times as long as the tests take without a change: then a mutant hangs. In seconds it would depend on the machine."""
NAMED_PATIENCE = 1800.0
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
SUMS: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/"}


@dataclass(frozen=True)
class Mutant:
    """`text` takes the place of the bytes from `start` to `end` in `file`."""

    file: Path
    line: int
    start: int
    end: int
    text: str

    def applied(self) -> bytes:
        source = (ROOT / self.file).read_bytes()
        return source[: self.start] + self.text.encode() + source[self.end :]

    def __str__(self) -> str:
        before = (ROOT / self.file).read_bytes().splitlines()[self.line - 1].decode().strip()
        after = self.applied().splitlines()[self.line - 1].decode().strip()
        return f"{self.file}:{self.line}\n    {before}\n  → {after}"

    @property
    def key(self) -> str:
        """Its name in the list of reasons: the file and the changed line, so that a moved line keeps its reason."""
        return f"{self.file}: {self.applied().splitlines()[self.line - 1].decode().strip()}"


def mutants(file: Path) -> Iterator[Mutant]:
    source = (ROOT / file).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def between(left: ast.expr, right: ast.expr, text: str) -> Mutant:
        return Mutant(file, left.end_lineno or left.lineno, place(left)[1], place(right)[0], f" {text} ")

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                if left.end_lineno == right.lineno:
                    yield between(left, right, COMPARISONS[type(op)])
            case ast.BoolOp(op=op, values=values):
                for left, right in pairwise(values):
                    if left.end_lineno == right.lineno and not source[place(left)[1] : place(right)[0]].count(b"("):
                        yield between(left, right, "or" if isinstance(op, ast.And) else "and")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield Mutant(file, node.lineno, place(node)[0], place(operand)[0], "")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in SUMS and left.end_lineno == right.lineno:
                if not any(
                    isinstance(side, ast.Constant | ast.JoinedStr) and not _number(side) for side in (left, right)
                ):
                    yield between(left, right, SUMS[type(op)])
            case ast.Constant(value=bool() as value):
                yield Mutant(file, node.lineno, *place(node), str(not value))
            case ast.Constant(value=int() as value):
                yield Mutant(file, node.lineno, *place(node), str(value + 1))


def _number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def valid(mutant: Mutant) -> bool:
    """Whether it is still Python, and another program."""
    try:
        return ast.dump(ast.parse(mutant.applied())) != ast.dump(ast.parse((ROOT / mutant.file).read_bytes()))
    except SyntaxError:
        return False


def tests_of(file: Path) -> list[str]:
    package = file.parts[0]
    return [f"tests/unit/{package}", *(["tests/simulation"] if package in ("flow", "controller") else [])]


def named() -> Iterator[tuple[NamedMutant, Path, bytes]]:
    """The rules of `scripts/named_mutants.py`, with the changed files."""
    for each in NAMED:
        source = (ROOT / each.file).read_text()
        if source.count(each.before) != 1:
            raise SystemExit(f"{each.name}: {each.before!r} stands {source.count(each.before)} times in {each.file}")
        yield each, Path(each.file), source.replace(each.before, each.after).encode()


def killed(file: Path, changed: bytes, tests: list[str], copy: Path, most: float) -> bool:
    """Whether a test notices. A hang counts as noticed."""
    place = copy / file
    before = place.read_bytes()
    place.write_bytes(changed)
    environment = {**os.environ, "SEEDS": "6", "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=most, check=False)
    except subprocess.TimeoutExpired:
        return True
    finally:
        place.write_bytes(before)
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"the tests did not run: {done.stdout[-500:].decode(errors='replace')}")
    return done.returncode != 0


def chosen(places: list[str], sample: int, seed: int) -> list[Mutant]:
    files = [file for place in places for file in _files(Path(place))]
    found = [mutant for file in files for mutant in mutants(file) if valid(mutant)]
    random.Random(seed).shuffle(found)
    return found[:sample] if sample else found


def _files(place: Path) -> list[Path]:
    whole = ROOT / place
    return [place] if whole.is_file() else sorted(file.relative_to(ROOT) for file in whole.rglob("*.py"))


def reasons() -> dict[str, str]:
    lines = REASONS.read_text().splitlines() if REASONS.exists() else []
    return dict(line.split(" # ", 1) for line in lines if " # " in line and not line.startswith("#"))


@contextmanager
def _tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".demo", "__pycache__"), symlinks=True
        )
        yield copy


def _named() -> int:
    lived = 0
    with _tree() as copy:
        for mutant, file, changed in named():
            noticed = killed(file, changed, [mutant.tests], copy, NAMED_PATIENCE)
            lived += not noticed
            print(f"{'killed' if noticed else 'LIVES '}  {mutant.name}  ({mutant.tests})", flush=True)
    print(f"{len(NAMED) - lived} of {len(NAMED)} killed")
    return 1 if lived else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("places", nargs="*", default=list(WHERE), help="files or folders (default: %(default)s)")
    parser.add_argument("--sample", type=int, default=60, help="how many, chosen by the seed; 0 for all (default: 60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.9, help="the share that has to be killed (default: 0.9)")
    parser.add_argument("--tests", action="append", default=[], help="run these only (default: those of the package)")
    parser.add_argument("--named", action="store_true", help="only the rules that scripts/named_mutants.py lists")
    options = parser.parse_args()
    if options.named:
        return _named()
    some, known, lived, excused = chosen(options.places, options.sample, options.seed), reasons(), 0, 0
    with _tree() as copy:
        longest: dict[str, float] = {}

        def most(file: Path) -> float:
            tests = options.tests or tests_of(file)
            if str(tests) not in longest:
                began = time.monotonic()
                if killed(file, (ROOT / file).read_bytes(), tests, copy, 3600.0):
                    raise SystemExit(f"without a change, these fail: {' '.join(tests)}")
                longest[str(tests)] = PATIENCE * (time.monotonic() - began)
            return longest[str(tests)]

        for number, mutant in enumerate(some, 1):
            print(f"\r{number} of {len(some)}", end="", file=sys.stderr, flush=True)
            if killed(mutant.file, mutant.applied(), options.tests or tests_of(mutant.file), copy, most(mutant.file)):
                continue
            why = known.get(mutant.key)
            excused, lived = excused + bool(why), lived + (not why)
            print(f"\nlives: {mutant}\n    {why or 'no test notices'}", flush=True)
    counted = len(some) - excused
    print(f"\n{counted - lived} of {counted} killed, {excused} that change nothing a test could see")
    return 0 if counted == 0 or (counted - lived) / counted >= options.least else 1


if __name__ == "__main__":
    raise SystemExit(main())
