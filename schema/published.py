"""JSON Schemas of the documents that people write, for editors and for GitLab's web IDE.

`python -m schema.published` prints where they belong and what is out of date; `--write` makes them, `--check` fails
when one is not current. They lie in `docs/schemas/`. (The only module here that touches files, as a program.)
"""

import json
import sys

from pydantic import BaseModel

from schema.comment import Comment
from schema.node import NodeSettings, Settings
from schema.pipeline import Pipeline
from schema.project import Project
from schema.request import Request

PUBLISHED: dict[str, type[BaseModel]] = {
    "pipeline": Pipeline,
    "project": Project,
    "request": Request,
    "comment": Comment,
    "node": NodeSettings,
    "winslow": Settings,
}
FOLDER = "docs/schemas"


def text(name: str) -> str:
    """The JSON Schema of one document type. Keys that begin with `x-` are free."""
    body = PUBLISHED[name].model_json_schema(by_alias=True)
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"winslow-{name}.schema.json",
        **body,
        "patternProperties": {"^x-": {}},
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def paths() -> dict[str, str]:
    return {f"{FOLDER}/{name}.schema.json": text(name) for name in PUBLISHED}


def main(arguments: list[str]) -> int:
    stale = [path for path, wanted in paths().items() if _current(path) != wanted]
    if "--write" in arguments:
        for path in stale:
            with open(path, "w", encoding="utf-8") as file:
                file.write(paths()[path])
        return 0
    for path in stale:
        print(f"{path} is out of date; `python -m schema.published --write` makes it anew", file=sys.stderr)
    return 1 if stale and "--check" in arguments else 0


def _current(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
