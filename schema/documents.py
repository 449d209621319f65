"""Reading and writing any document: text on one side, frozen models on the other."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from schema import codec
from schema.base import KEPT, Wanted
from schema.binding import read
from schema.comment import Comment
from schema.execution import ArtifactList, Execution, Tombstone
from schema.flag import Flag
from schema.node import Inventory, NodeSettings, Settings
from schema.pipeline import Pipeline
from schema.project import Project
from schema.reply import Reply
from schema.request import Request
from schema.trigger import Trigger

Model = TypeVar("Model", bound=BaseModel)

KINDS: dict[str, type[BaseModel]] = {
    "settings": Settings,
    "pipeline": Pipeline,
    "project": Project,
    "request": Request,
    "comment": Comment,
    "node": NodeSettings,
    "trigger": Trigger,
    "reply": Reply,
    "execution": Execution,
    "definition": Pipeline,
    "tombstone": Tombstone,
    "flag": Flag,
    "inventory": Inventory,
}
"""The model of each kind of place (`schema.layout`)."""

ALWAYS = frozenset({"version", "state", "reason", "seq", "verdict", "schema", "drain", "epoch"})
"""Fields that are written even where they hold their default: people look for them."""


def parse(kind: str, text: str | bytes, file: str) -> BaseModel:
    """The document of that kind. DocumentError names every mistake as `file:line:col: what`."""
    return read(KINDS[kind], text, file, KEPT if kind == "definition" else None)


def render(document: BaseModel) -> str:
    """The text of a document: the same for equal documents, defaults left out, unknown fields kept."""
    if isinstance(document, ArtifactList):
        return json.dumps(document.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"
    fields = tidy(document)
    return codec.dump(fields)


def tidy(document: BaseModel) -> dict[str, Any]:
    """Plain values by the names people write, without what says nothing."""
    keep_reason = isinstance(document, Execution)
    full = document.model_dump(mode="json", by_alias=True)
    spoken = document.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(document, Wanted):
        return spoken
    always = ALWAYS if keep_reason else ALWAYS - {"reason"}
    if keep_reason:
        spoken["claim"] = _whole(full["claim"])
    return _ordered(full, spoken, always)


def _whole(claim: dict[str, Any]) -> dict[str, Any]:
    """Holder and observers act on its numbers, never on later defaults; what only exclusive claims have stays out."""
    return {**claim, "lease": {name: value for name, value in claim["lease"].items() if value is not None}}


def _ordered(full: Mapping[str, Any], spoken: Mapping[str, Any], always: frozenset[str]) -> dict[str, Any]:
    return {key: spoken.get(key, value) for key, value in full.items() if key in spoken or key in always}
