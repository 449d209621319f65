"""Writes into docs/acceptance.md which tests prove each row; with --check it says what is out of date and ends with 1.

A test proves a row if the row's id stands in the test's name, or in the docstring of the test or of its module.
A row that no test proves says "not yet". An id in a test that has no row is a mistake.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "acceptance.md"
ID = re.compile(r"(?<![A-Za-z0-9])(R\d{1,4}|[MFSNTGILVPBK]\d{1,2})(?![A-Za-z0-9])")
IN_NAME = re.compile(r"(?<=_)(R\d{1,4}|[MFSNTGILVPBK]\d{1,2})(?=_|$)")
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.*) \| [^|]* \|$")
NOT_YET = "not yet"


def ids_in(file: Path) -> Iterator[str]:
    """The ids that a file of tests names."""
    tree = ast.parse(file.read_text())
    yield from ID.findall(ast.get_docstring(tree) or "")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield from IN_NAME.findall(node.name)
            yield from ID.findall(ast.get_docstring(node) or "")


def proofs() -> dict[str, list[str]]:
    """For each id the files that prove it, as paths below the root."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in ("tests", "benchmarks"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for id in ids_in(file):
                found[id].add(str(file.relative_to(ROOT)))
    return {id: sorted(files) for id, files in found.items()}


def link(file: str) -> str:
    return f"[{file.removeprefix('tests/').removesuffix('.py')}](../{file})"


def written(page: str, found: dict[str, list[str]]) -> str:
    """The page with its last column as it should be."""
    lines = []
    for line in page.splitlines():
        row = ROW.match(line)
        if row:
            id, statement = row.groups()
            line = f"| {id} | {statement} | {', '.join(map(link, found.get(id, []))) or NOT_YET} |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    page, found = PAGE.read_text(), proofs()
    rows = {match[1] for line in page.splitlines() if (match := ROW.match(line))}
    unknown = sorted(set(found) - rows)
    for id in unknown:
        print(f"{id} stands in {', '.join(found[id])} and has no row in docs/acceptance.md", file=sys.stderr)
    fresh = written(page, found)
    if "--check" not in arguments:
        PAGE.write_text(fresh)
    elif fresh != page:
        print("docs/acceptance.md is out of date; run scripts/acceptance", file=sys.stderr)
        return 1
    return 1 if unknown else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
