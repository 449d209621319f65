"""YAML text <-> plain values, with the position of every key and value.

Reads a part of YAML 1.2 whose meaning is the same to every reader: one document; `true`, `false`, `null`, whole and
decimal numbers by the core schema (`no`, `12:30:45` and dates are texts); text keys, each once. Anchors, aliases, tags,
merge keys, directives, NaN and infinities are refused, as is anything too large, too deep or too long: one pass over
the parser's events builds the value, so a text that is refused has cost no more than its length.

Writes block style with the key order given, so that `load(dump(value)).value == value`, and so that readers of
YAML 1.1 see the same types. It does not check the size of what it writes. A lone surrogate (a file name that is not
UTF-8) has no form in YAML; it is written as the six characters of its escape.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from schema.errors import DocumentError, Problem, SchemaError, excerpt

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_NODES: Final = 20_000
MAX_DIGITS: Final = 40
TOO_DEEP: Final = "nested too deep; at most {} levels are read"

KEY: Final = -1
"""The last part of a path that means the key itself: `positions[("stages", 0, "name", KEY)]`."""

Path = tuple[str | int, ...]
Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A document's value; `positions` gives line and column (from 1) of every value, and of keys under `KEY`.

    `texts` holds what was written for a number or a boolean whose value would be written otherwise: `3.10`, `0755`.
    """

    value: Any
    positions: Mapping[Path, Position]
    file: str
    texts: Mapping[Path, str] = field(default_factory=dict)

    def problem(self, path: Path, what: str) -> Problem:
        """A problem at a path, or at the nearest place above it that is in the file."""
        while path not in self.positions and path:
            path = path[:-1]
        line, column = self.positions.get(path, (1, 1))
        return Problem(self.file, line, column, what)


def load(
    text: str | bytes,
    file: str,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> ParsedText:
    """The document in `text`; DocumentError if there is none. The value of an empty file is None."""
    clean = _decoded(text, file, max_bytes)
    builder = _Builder(file, max_depth, max_nodes)
    try:
        for event in yaml.parse(clean, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # libyaml looks ahead, and finds it before its first event
            where = _place(clean, _too_deep(clean, max_depth))
            raise DocumentError([Problem(file, *where, TOO_DEEP.format(max_depth))]) from None
        raise DocumentError([_syntax_problem(error, clean, file)]) from None
    except yaml.YAMLError as error:
        raise DocumentError([Problem(file, 1, 1, f"not readable as YAML: {error}")]) from None
    return ParsedText(builder.root, builder.positions, file, builder.texts)


# text

_NOT_YAML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def _decoded(text: str | bytes, file: str, max_bytes: int) -> str:
    if len(text) > max_bytes or (isinstance(text, str) and len(text.encode("utf-8", "replace")) > max_bytes):
        raise DocumentError([Problem(file, 1, 1, f"the file is too large; at most {max_bytes:,} bytes are read")])
    if isinstance(text, bytes):
        text = _utf8(text, file)
    text = text.removeprefix("\ufeff")
    strange = _NOT_YAML.search(text)
    if strange:
        line, column = _place(text, strange.start())
        what = f"the character U+{ord(strange[0]):04X} is not allowed in a document; write it as an escape in quotes"
        raise DocumentError([Problem(file, line, column, what)])
    return text


def _utf8(raw: bytes, file: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line, column = _place(raw[: error.start].decode(), error.start)
        what = f"the byte 0x{raw[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise DocumentError([Problem(file, line, column, what)]) from None


def _place(text: str, offset: int) -> Position:
    lines = re.split("\r\n|\r|\n", text[:offset])
    return len(lines), len(lines[-1].removeprefix("\ufeff")) + 1


# events -> value


@dataclass(slots=True)
class _Frame:
    """A container that is still open; `key` waits for its value."""

    container: Any
    path: Path
    key: str | None = None


class _Builder:
    """Takes the events of one document, one after the other."""

    def __init__(self, file: str, max_depth: int, max_nodes: int) -> None:
        self.root: Any = None
        self.positions: dict[Path, Position] = {}
        self.texts: dict[Path, str] = {}
        self._file = file
        self._max_depth = max_depth
        self._max_nodes = max_nodes
        self._open: list[_Frame] = []
        self._documents = 0
        self._nodes = 0

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            self._scalar(event)
        elif kind is MappingStartEvent:
            self._start(event, {})
        elif kind is SequenceStartEvent:
            self._start(event, [])
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._open.pop()
        elif kind is AliasEvent:
            name = excerpt("*" + event.anchor)
            self._refuse(
                event, f"the alias {name} is not allowed; repeat the value, or quote a text that begins with *"
            )
        elif kind is DocumentStartEvent:
            self._document(event)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(event, "a second document begins here; one file holds one document")
        if event.version or event.tags:
            self._refuse(event, "a line that begins with % (a YAML directive) is not allowed; remove it")

    def _scalar(self, event: Any) -> None:
        self._check(event)
        plain = event.implicit[0]
        frame = self._open[-1] if self._open else None
        if frame is not None and frame.key is None and type(frame.container) is dict:
            self._key(frame, event, plain)
            return
        value = self._resolved(event) if plain else event.value
        path = self._place(event, value)
        if type(value) in _SPOKEN and event.value != _SPOKEN[type(value)](value):
            self.texts[path] = event.value

    def _start(self, event: Any, container: dict[str, Any] | list[Any]) -> None:
        self._check(event)
        if len(self._open) >= self._max_depth:
            self._refuse(event, TOO_DEEP.format(self._max_depth))
        frame = self._open[-1] if self._open else None
        if frame is not None and frame.key is None and type(frame.container) is dict:
            self._refuse(event, "a key must be a text; quote it if it begins with [ or {")
        self._open.append(_Frame(container, self._place(event, container)))

    def _place(self, event: Any, value: Any) -> Path:
        path: Path = ()
        if not self._open:
            self.root = value
        else:
            frame = self._open[-1]
            if frame.key is None:
                path = (*frame.path, len(frame.container))
                frame.container.append(value)
            else:
                path = (*frame.path, frame.key)
                frame.container[frame.key] = value
                frame.key = None
        self.positions[path] = _position(event)
        return path

    def _key(self, frame: _Frame, event: Any, plain: bool) -> None:
        key = event.value
        if plain and key == "<<":
            self._refuse(event, "the merge key << is not allowed; write the keys out")
        if plain and not isinstance(self._resolved(event), str):
            hint = f'quote it: "{key}"' if key and len(key) <= MAX_DIGITS else "quote it"
            self._refuse(event, f"a key must be a text, not {excerpt(key) if key else 'empty'}; {hint}")
        if key in frame.container:
            first = self.positions[(*frame.path, key, KEY)][0]
            self._refuse(event, f"the key {excerpt(key)} is given twice (first in line {first}); remove one")
        frame.key = key
        self.positions[(*frame.path, key, KEY)] = _position(event)

    def _check(self, event: Any) -> None:
        if event.anchor is not None:
            name = excerpt("&" + event.anchor)
            self._refuse(
                event, f"the anchor {name} is not allowed; repeat the value, or quote a text that begins with &"
            )
        if event.tag is not None:
            self._refuse(event, f"the tag {excerpt(event.tag)} is not allowed; remove it, or quote a text with !")
        self._nodes += 1
        if self._nodes > self._max_nodes:
            self._refuse(event, f"too many keys and values; at most {self._max_nodes:,} are read")

    def _resolved(self, event: Any) -> Any:
        text = event.value
        if text and text[0] not in _SPECIAL:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text):
            return self._number(event, text)
        if _NOT_FINITE.fullmatch(text):
            self._refuse(event, f"{excerpt(text)} is not a number a document can hold; leave it out, or quote the text")
        return text

    def _number(self, event: Any, text: str) -> int | float:
        if len(text) > MAX_DIGITS:
            self._refuse(event, f"a number has at most {MAX_DIGITS} digits; quote it if it is a text")
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        number = float(text)
        if not math.isfinite(number):
            self._refuse(event, f"the number {excerpt(text)} is too large; quote it if it is a text")
        return number

    def _refuse(self, event: Any, what: str) -> NoReturn:
        line, column = _position(event)
        raise DocumentError([Problem(self._file, line, column, what)])


_SPOKEN: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: lambda value: _decimal(value),
}
"""How a value is written."""
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_SPECIAL = frozenset("tTfFnN~-+.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def _position(event: Any) -> Position:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


# the parser's complaints

_AT_PROBLEM = {
    "mapping values are not allowed in this context": "a ':' cannot stand here; check indentation, or quote the text",
    "block sequence entries are not allowed in this context": "no list item can begin here; give it its own line",
    "did not find expected key": "this does not continue the mapping; check indentation, quotes, brackets",
    "did not find expected '-' indicator": "this does not continue the list above it; check the indentation",
    "did not find expected <document start>": "the document has ended above; check brackets and quotes",
    "did not find expected node content": "a value is missing here",
    "found unknown escape character": "unknown escape; write \\\\ for a backslash, or use single quotes",
    "found invalid Unicode character escape code": "this escape is no Unicode character",
    "did not find expected hexdecimal number": "this escape needs hexadecimal digits",
    "found unexpected document indicator": "a document marker inside a quoted text; indent it",
}
_AT_CONTEXT = {
    "could not find expected ':'": "a ':' is missing behind this key",
    "found unexpected end of stream": "this quoted text has no end",
    "did not find expected ',' or ']'": "this list has no end; a ',' or ']' is missing",
    "did not find expected ',' or '}'": "this mapping has no end; a ',' or '}' is missing",
}
_BY_CONTEXT = {
    "while scanning an alias": "a text that begins with * must be quoted",
    "while scanning an anchor": "a text that begins with & must be quoted",
    "while scanning a tag": "a text that begins with ! must be quoted",
    "while parsing a tag": "a text that begins with ! must be quoted",
    "while scanning a directive": "a line that begins with % (a YAML directive) is not allowed",
    "while scanning a block scalar": "after | or > only - or + and an indentation may stand; quote the text otherwise",
}

_CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)


def _too_deep(text: str, most: int) -> int:
    """Where more brackets are open than may be, taking those in texts for brackets as well."""
    open_now = 0
    for at, character in enumerate(text):
        open_now += (character in "[{") - (character in "]}")
        if open_now > most:
            return at
    return 0


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    conflict = _CONFLICT.search(text)
    if conflict:
        return Problem(file, *_place(text, conflict.start()), "an unresolved merge conflict; choose one side")
    mark, what = error.problem_mark, str(error.problem or "not readable as YAML")
    if error.context_mark is not None and error.context in _BY_CONTEXT and "tab" not in what:
        mark, what = error.context_mark, _BY_CONTEXT[str(error.context)]
    elif error.context_mark is not None and what in _AT_CONTEXT:
        mark, what = error.context_mark, _AT_CONTEXT[what]
    elif "tab" in what:
        what = "a tab cannot indent; use spaces"
    elif what == "found character that cannot start any token":
        what = _cannot_start(text[mark.index : mark.index + 1] if mark else "")
    else:
        what = _AT_PROBLEM.get(what, what)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(file, line, column, what)


def _cannot_start(character: str) -> str:
    if character == "\t":
        return "a tab cannot indent; use spaces"
    return f"a text that begins with {character} must be quoted"


# value -> text

_FLOW_WIDTH = 100
_LONGEST_KEY = 900  # readers look no further than 1024 characters for the ':' of a key

_MIDDLE = r"\w./@+=~*()\-"
_BEGIN = r"(?:[^\W\d]|/|--?(?=[^\W\d])|\.{1,2}/|[0-9])"
_PLAIN_IN_FLOW = re.compile(rf"{_BEGIN}(?:[{_MIDDLE}]|[ :](?=[{_MIDDLE}]))*")
_PLAIN_IN_BLOCK = re.compile(rf"{_BEGIN}(?:[{_MIDDLE},;'\"!?\[\]{{}}$&|<>%^]|[ :](?=[{_MIDDLE}]))*")
_LIKE_A_NUMBER = re.compile(r"0[xobXOB]|[0-9._]+[eE][-+0-9]|[^A-Za-z]*$|[^:]*:")
_LIKE_A_WORD = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
_UNPRINTABLE = re.compile(r"[^ !#-\[\]-~]")
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def dump(value: Mapping[str, Any]) -> str:
    """The mapping as block-style YAML. SchemaError for what no document can hold (NaN, keys that are no texts, …)."""
    if not value:
        return "{}\n"
    lines: list[str] = []
    _write_mapping(lines, value, "", 1)
    return "\n".join(lines) + "\n"


def _write_mapping(lines: list[str], value: Mapping[str, Any], indent: str, depth: int) -> None:
    for key, item in value.items():
        if not isinstance(key, str):
            raise SchemaError(f"a key must be a text, not {excerpt(key)}")
        written = _text(key, _PLAIN_IN_FLOW)
        if len(written) > _LONGEST_KEY:
            lines.append(f"{indent}? {written}")
            written = ""
        _write(lines, f"{indent}{written}:", item, indent, depth)


def _write(lines: list[str], head: str, value: Any, indent: str, depth: int) -> None:
    if isinstance(value, str):
        if "\n" in value and _fits_literal(value):
            _write_literal(lines, head, value, indent + "  ")
        else:
            lines.append(f"{head} {_text(value, _PLAIN_IN_BLOCK)}")
    elif isinstance(value, Mapping | list | tuple) and value:
        _write_container(lines, head, value, indent, depth + 1)
    else:
        lines.append(f"{head} {_atom(value)}")


def _write_container(
    lines: list[str], head: str, value: Mapping[str, Any] | Sequence[Any], indent: str, depth: int
) -> None:
    if depth > MAX_DEPTH:
        raise SchemaError(f"nested too deep; at most {MAX_DEPTH} levels are written")
    inner = indent + "  "
    flow = None if isinstance(value, Mapping) else _flow(value)
    if flow is not None and len(head) + len(flow) < _FLOW_WIDTH:
        lines.append(f"{head} {flow}")
        return
    first = len(lines)
    if not head.endswith("-"):
        lines.append(head)
    if isinstance(value, Mapping):
        _write_mapping(lines, value, inner, depth)
    else:
        for item in value:
            _write(lines, f"{inner}-", item, inner, depth)
    if head.endswith("-"):
        lines[first] = f"{head} {lines[first][len(inner) :]}"


def _write_literal(lines: list[str], head: str, text: str, indent: str) -> None:
    body = text.removesuffix("\n")
    chomp = "-" if body == text else "+" if body.endswith("\n") else ""
    lines.append(f"{head} |{chomp}")
    lines.extend(f"{indent}{line}" if line else "" for line in body.split("\n"))


def _fits_literal(text: str) -> bool:
    return text[0] not in " \t\n" and text.replace("\n", "").replace("\t", "").isprintable()


def _flow(items: Sequence[Any]) -> str | None:
    """`[a, b]`, or None if an item is a container or the line gets long."""
    parts, width = [], 0
    for item in items:
        if isinstance(item, Mapping | list | tuple):
            return None
        part = _text(item, _PLAIN_IN_FLOW) if isinstance(item, str) else _atom(item)
        width += len(part) + 2
        if width > _FLOW_WIDTH:
            return None
        parts.append(part)
    return f"[{', '.join(parts)}]"


def _atom(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) < 10 ** (MAX_DIGITS - 1):
            return int.__repr__(value)
        case float() if math.isfinite(value):
            return _decimal(value)
        case Mapping():
            return "{}"
        case list() | tuple():
            return "[]"
    raise SchemaError(f"a document cannot hold {_named(value)}")


def _decimal(value: float) -> str:
    text = float.__repr__(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _named(value: Any) -> str:
    if isinstance(value, int):
        return f"a number of more than {MAX_DIGITS - 1} digits"
    return excerpt(value) if isinstance(value, float) else f"a value of type {type(value).__name__}"


def _text(text: str, plain: re.Pattern[str]) -> str:
    if plain.fullmatch(text) and not _misread(text):
        return str(text)
    return f'"{_UNPRINTABLE.sub(_escaped, text)}"'


def _misread(text: str) -> bool:
    """Would a reader of YAML 1.1 or 1.2 take this plain text for something else?"""
    if text[0] in "0123456789":
        return _LIKE_A_NUMBER.match(text) is not None
    return text.lower() in _LIKE_A_WORD


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return f"\\\\u{code:04x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
