"""JSON Schemas of the documents that people write, for editors and for GitLab's web IDE.

`python -m schema.published` prints where they belong and what is out of date; `--write` makes them, `--check` fails
when one is not current. They lie in `docs/schemas/`. (The only module here that touches files, as a program.)
"""

import json
import sys
from typing import Any, get_args

from pydantic import BaseModel

from schema import meaning
from schema.comment import Comment
from schema.node import NodeSettings, Settings
from schema.pipeline import Pipeline
from schema.project import Project
from schema.request import Request
from schema.trigger import Trigger

PUBLISHED: dict[str, type[BaseModel]] = {
    "pipeline": Pipeline,
    "project": Project,
    "request": Request,
    "comment": Comment,
    "node": NodeSettings,
    "trigger": Trigger,
    "winslow": Settings,
}
PLACES = {
    "pipeline": "pipelines/<pipeline>.yaml",
    "project": "projects/<project>/project.yaml",
    "request": "projects/<project>/requests/<number>-<kind>.yaml",
    "comment": "projects/<project>/comments/<number>.yaml",
    "node": "nodes/<node>.yaml",
    "trigger": "triggers/<trigger>.yaml",
    "winslow": "winslow.yaml",
}
FOLDER = "docs/schemas"


def text(name: str) -> str:
    """The JSON Schema of one document type."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def schema(name: str) -> dict[str, Any]:
    """What `winslowctl validate` asks of a document, as far as a JSON Schema can say it; each field with its meaning.

    Keys that begin with `x-` are free where a model stands; a map takes no key that is no name.
    """
    model = PUBLISHED[name]
    body = model.model_json_schema(by_alias=True)
    definitions = body.get("$defs", {})
    for each in _models(model):
        described = body if each is model else definitions.get(each.__name__)
        if described is not None:
            _describe(described, each)
    if "templates" in body["properties"]:
        _parts_of_stages(body)
    _close_maps(body)
    about = {"title": f"Winslow: {PLACES[name]}", "description": f"{PLACES[name]} of a state repository"}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"winslow-{name}.schema.json"}
    return {**head, **body, **about}


def _models(annotation: Any) -> set[type[BaseModel]]:
    """All that may stand at or below a place."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        below = (_models(field.annotation) for field in annotation.model_fields.values())
        return {annotation}.union(*below)
    return set().union(*map(_models, get_args(annotation)))


def _describe(body: dict[str, Any], model: type[BaseModel]) -> None:
    words = meaning.of(model)
    body["title"] = meaning.name_of(model)
    body["patternProperties"] = {"^x-": {}}
    for key, field in body["properties"].items():
        field.pop("title", None)
        field["description"] = words[key]


def _parts_of_stages(body: dict[str, Any]) -> None:
    """`default` and `templates` hold keys of a stage, of which none has to be there."""
    stage = body["$defs"]["Stage"]
    body["$defs"]["StagePart"] = {key: stage[key] for key in stage if key != "required"} | {"title": "Part of a stage"}
    part = {"$ref": "#/$defs/StagePart"}
    default, templates = body["properties"]["default"], body["properties"]["templates"]
    body["properties"]["default"] = {"allOf": [part], "default": {}, "description": default["description"]}
    templates["patternProperties"] = dict.fromkeys(templates["patternProperties"], part)


def _close_maps(node: Any) -> None:
    if isinstance(node, dict):
        if "patternProperties" in node and "properties" not in node:
            node["additionalProperties"] = False
        for inner in node.values():
            _close_maps(inner)
    elif isinstance(node, list):
        for inner in node:
            _close_maps(inner)


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
