"""Changes of one value in the text of a document, which leave every other character as it was: comments, order, quotes.

A text that is changed has to be one that `schema.codec.load` reads. What is put in stands on one line. A path leads
through keys and places of items, as in `ParsedText.positions`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schema.codec import Path, dump

_ONE = "x"


def changed(text: str, path: Path, value: Any) -> str:
    """With the value at the path; None takes the key away, and keys that are missing on the way are made.

    ValueError where the path leads through something that is no mapping.
    """
    node, rest = _reached(_root(text), path)
    if not isinstance(node, MappingNode):
        raise ValueError(f"{'.'.join(map(str, path))} stands in no mapping")
    key = str(rest[0])
    for inner in reversed(rest[1:]):
        value = None if value is None else {inner: value}
    at = next((at for at, (name, _) in enumerate(node.value) if name.value == key), None)
    if at is None:
        return text if value is None else _with_key(text, node, key, value)
    return _without_key(text, node, at) if value is None else _replaced(text, node.value[at], value)


def appended(text: str, path: Path, item: Mapping[str, Any]) -> str:
    """With one more mapping at the end of the list at the path, which has at least one item."""
    node = _found(_root(text), path)
    if not isinstance(node, SequenceNode) or not node.value:
        raise ValueError(f"{'.'.join(map(str, path))} is no list with items")
    end = _end(text, node.value[-1])
    if node.flow_style:
        return f"{text[:end]}, {inline(item)}{text[end:]}"
    head = re.match(r"\s*", _line_before(text, _dash(text, node.value[-1])))
    lines = dump(item).splitlines()
    indent = head[0] if head else ""
    written = "".join(f"\n{indent}{'  ' if at else '- '}{line}" for at, line in enumerate(lines))
    return _behind_line(text, end, written)


def without_item(text: str, path: Path) -> str:
    """Without one item of a list that keeps others."""
    node, place = _found(_root(text), path[:-1]), path[-1]
    if not isinstance(node, SequenceNode) or not isinstance(place, int) or not place < len(node.value) > 1:
        raise ValueError(f"{'.'.join(map(str, path))} is no item of a list with others")
    here = node.value[place]
    if node.flow_style and place:
        return text[: _end(text, node.value[place - 1])] + text[_end(text, here) :]
    if node.flow_style:
        return text[: _start(here)] + text[_start(node.value[1]) :]
    return _without_lines(text, _dash(text, here), _end(text, here))


def inline(value: Any) -> str:
    """On one line, as it may stand between brackets."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{inline(str(key))}: {inline(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(inline, value)) + "]"
        case _:
            line = dump({_ONE: [value]})
            return line[len(f"{_ONE}: [") : -2] if line.count("\n") == 1 else json.dumps(value, ensure_ascii=True)


# nodes


def _root(text: str) -> Node:
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    if node is None:
        raise ValueError("the text is empty")
    return node


def _below(node: Node, part: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        return next((value for name, value in node.value if name.value == part), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part]  # type: ignore[no-any-return]
    return None


def _reached(node: Node, path: Path) -> tuple[Node, Path]:
    """The last place on the way that is there, but never the value itself; and what is left of the path."""
    for at, part in enumerate(path[:-1]):
        found = _below(node, part)
        if found is None or (isinstance(found, ScalarNode) and not found.value):
            return node, path[at:]
        node = found
    return node, path[-1:]


def _found(node: Node, path: Path) -> Node | None:
    here: Node | None = node
    for part in path:
        here = _below(here, part) if here is not None else None
    return here


def _start(node: Node) -> int:
    return int(node.start_mark.index)


def _end(text: str, node: Node) -> int:
    """Behind its last character: without comments and line ends that the parser counts to a block."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        end = int(node.end_mark.index)
        return len(text[:end].rstrip()) if isinstance(node, ScalarNode) and node.style in ("|", ">") else end
    last = node.value[-1]
    return max(_end(text, last[0]), _end(text, last[1])) if isinstance(node, MappingNode) else _end(text, last)


def _pair_end(text: str, name: Node, value: Node) -> int:
    """Behind a pair. An empty value ends at the colon."""
    colon = text.index(":", int(name.end_mark.index)) + 1
    return max(colon, _end(text, value) if value.value else colon)


# lines


def _line_before(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 : at]


def _dash(text: str, item: Node) -> int:
    return text.rindex("-", 0, _start(item))


def _behind_line(text: str, at: int, written: str) -> str:
    """With this behind the line in which a place is, and so behind its comment."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return text[:end] + written + text[end:]


def _without_lines(text: str, start: int, end: int) -> str:
    first, after = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    return text[:first] + (text[after + 1 :] if after >= 0 else "")


# changes


def _replaced(text: str, pair: tuple[Node, Node], wanted: Any) -> str:
    name, value = pair
    colon = text.index(":", int(name.end_mark.index)) + 1
    return f"{text[:colon]} {inline(wanted)}{text[_pair_end(text, name, value) :]}"


def _with_key(text: str, node: MappingNode, key: str, value: Any) -> str:
    pair = f"{inline(key)}: {inline(value)}"
    if not node.value:
        start = _start(node) + 1
        return text[:start] + pair + text[start:]
    last = _pair_end(text, *node.value[-1])
    if node.flow_style:
        return f"{text[:last]}, {pair}{text[last:]}"
    first = node.value[0][0]
    stages = next((name for name, _ in node.value if name.value == "stages"), None)
    if first.start_mark.column == 0 and stages is not None:  # what is said of a whole pipeline stands before its stages
        return f"{text[: _start(stages)]}{pair}\n{text[_start(stages) :]}"
    return _behind_line(text, last, f"\n{' ' * first.start_mark.column}{pair}")


def _without_key(text: str, node: MappingNode, at: int) -> str:
    name, value = node.value[at]
    start, end = _start(name), _pair_end(text, name, value)
    if node.flow_style or _line_before(text, start).strip():  # in a row, or behind the dash of an item
        if at + 1 < len(node.value):
            return text[:start] + text[_start(node.value[at + 1][0]) :]
        return text[: _pair_end(text, *node.value[at - 1]) if at else start] + text[end:]
    if len(node.value) == 1:
        return f"{text[:start]}{{}}{text[end:]}"
    return _without_lines(text, start, end)
