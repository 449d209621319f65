"""Draining a node as people do it: one value of `nodes/<node>.yaml`, everything else in it as it was."""

from typing import Any

from flow.model.snapshot import Snapshot
from schema import layout
from schema.binding import read
from schema.node import NodeSettings
from schema.suggest import did_you_mean
from state.contract.commit_message import clean, said
from state.contract.errors import StateError
from state.edits.giving_back import replaced


class CannotDrain(StateError):
    """There is no such node, or it is so already; the text says which."""


def check(found: Snapshot, node: str, drain: bool) -> None:
    """CannotDrain."""
    check_known(found, node)
    if (node in found.nodes and found.nodes[node].drain) is drain:
        raise CannotDrain(f"node {node!r} {'drains' if drain else 'takes work'} already")


def check_known(found: Snapshot, node: str) -> None:
    """CannotDrain."""
    known = {*found.inventories, *found.nodes}
    if node not in known:
        hint = did_you_mean(node, known) or "; `winslowctl nodes` lists them"
        raise CannotDrain(f"there is no node {node[:80]!r}{hint}")


def files(present: str | None, node: str, drain: bool) -> dict[str, str | None]:
    """`present` is the text of its file on `main`. SchemaError where the file cannot be read."""
    path = layout.node(node)
    if present:
        read(NodeSettings, present, path)  # what does not parse cannot be edited, and is named with its place
    text = edited(present, {"drain": drain}) if present else f"drain: {str(drain).lower()}\n"
    if "deadline" in text:  # one of an earlier drain would end everything at once
        text = replaced(text, "deadline", None)
    read(NodeSettings, text, path)
    return {path: text}


def message(node: str, drain: bool, reason: str = "") -> str:
    subject = f"{'Drain' if drain else 'End the drain of'} node {node}"
    return f"{subject}\n\n{said(clean(reason))}\n" if reason.strip() else subject


def edited(text: str, changes: dict[str, Any]) -> str:
    """The YAML text with some values changed, byte for byte the same elsewhere."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    if document is None:
        document = {}
    for key, value in changes.items():
        if isinstance(value, dict):
            document.setdefault(key, {}).update(value)
        else:
            document[key] = value
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()
