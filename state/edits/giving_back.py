"""What a person asks of a node for a time: to be given back to its owner, or to have drained by then."""

import io
import secrets
from datetime import UTC, datetime

from schema import layout
from schema.binding import read
from schema.node import NodeSettings
from schema.quantities import format_duration


def wish_id() -> str:
    """When it was asked, for people, and something that tells it from another wish of that second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(4)}"


def given_back(present: str | None, node: str, asked: str | None, time: float | None) -> dict[str, str | None]:
    """`present` is the text of its file on `main`; what else it says stays. `asked`: None ends it. SchemaError."""
    return _with(present, node, {"yield": _wish(asked, time)})


def drained_by(present: str | None, node: str, asked: str, time: float) -> dict[str, str | None]:
    """A drain whose time is limited: what still runs then, ends. SchemaError."""
    return _with(present, node, {"drain": True, "deadline": _wish(asked, time)})


def message(node: str, asked: str | None, time: float | None) -> str:
    if asked is None:
        return f"Let node {node} work for others again"
    return f"Give node {node} back to its owner" + (f" for {format_duration(time)}" if time else "")


def _wish(asked: str | None, time: float | None) -> dict[str, str] | None:
    return None if asked is None else {"asked": asked, **({"for": format_duration(time)} if time is not None else {})}


def _with(present: str | None, node: str, changes: dict[str, object]) -> dict[str, str | None]:
    path = layout.node(node)
    if present:
        read(NodeSettings, present, path)  # what does not parse cannot be edited, and is named with its place
    text = present or ""
    for key, value in changes.items():
        text = replaced(text, key, value)
    read(NodeSettings, text, path)
    return {path: text}


def replaced(text: str, key: str, value: object) -> str:
    """The YAML text with this key anew, or without it where that is None."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = (yaml.load(text) if text.strip() else None) or {}
    document.pop(key, None)
    if value is not None:
        document[key] = value
    if not document:
        return "{}\n"
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()
