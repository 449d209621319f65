"""Holds the tree to its own rules; prints each breach and ends with 1 if there is one.

A public class name is defined once in the product, so that a name means one thing. A folder of the product holds at
most fourteen modules beside its `__init__`, whose docstring says what the folder is for. Each named mutant still stands
in the file that it changes.
"""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from named_mutants import NAMED

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("schema", "flow", "state", "runner", "peer", "controller", "webui", "cli")
MOST = 14
# One noun or verb a file: a longer list is easier to read than folders that group it.
LONG = frozenset({"cli", "schema", "runner/store", "webui/pages", "webui/api", "webui/views"})
# An answer of the API is named as the document it shows.
TWICE = frozenset[str]()


def product() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split() if name.split("/")[0] in PACKAGES and (ROOT / name).exists()]


def stale_mutants() -> Iterator[str]:
    for each in NAMED:
        found = (ROOT / each.file).read_text().count(each.before)
        if found != 1:
            yield f"mutant {each.name!r}: {each.before!r} stands {found} times in {each.file}; name what it changes now"


def breaches(files: list[Path]) -> Iterator[str]:
    places: dict[str, list[str]] = defaultdict(list)
    sizes = Counter(file.parent for file in files if file.name != "__init__.py")
    for file in files:
        tree = ast.parse((ROOT / file).read_text())
        if file.name == "__init__.py" and sizes[file.parent] and not ast.get_docstring(tree):
            yield f"{file}: say in a docstring what this folder is for"
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{file}:{node.lineno}")
    for name, found in sorted(places.items()):
        if len(found) > 1 and name not in TWICE:
            yield f"class {name} is defined more than once: {', '.join(found)}; give each its own name"
    for folder, size in sorted(sizes.items()):
        if size > MOST and str(folder) not in LONG:
            yield f"{folder}/ holds {size} modules (at most {MOST}); group them by subject"


def main() -> int:
    found = [*breaches(product()), *stale_mutants()]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
