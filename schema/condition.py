"""Conditions of stages: comparisons, `and`, `or`, `not` over inputs and values. No calls, no arithmetic.

    inputs.tracking and stages.split.values.frames > 100
    not (inputs.kind == "night" or stages.split.values.frames < 10)

A name without a value is an error, not false; so is a comparison of a number with a text.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Scalar = str | int | float | bool

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)|(?P<sign>==|!=|<=|>=|<|>|\(|\)))"
)
INPUT = re.compile(r"inputs\.([a-z][a-z0-9_]*)")
VALUE = re.compile(r"stages\.([a-z0-9][a-z0-9._-]*?)\.values\.([A-Za-z_][A-Za-z0-9_]*)")
SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
DEEPEST = 20


class ConditionError(ValueError):
    """It cannot be read, or cannot be decided; the text says why."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar


@dataclass(frozen=True, slots=True)
class Name:
    """`inputs.NAME` or `stages.STAGE.values.KEY`."""

    text: str


@dataclass(frozen=True, slots=True)
class ConditionComparison:
    sign: str
    left: "Name | Literal"
    right: "Name | Literal"


@dataclass(frozen=True, slots=True)
class Not:
    inner: "Condition"


@dataclass(frozen=True, slots=True)
class Both:
    """Several conditions joined by `and`, or by `or`."""

    word: str
    parts: tuple["Condition", ...]


Condition = Name | Literal | ConditionComparison | Not | Both
Lookup = Callable[[str], object]
"""The value of a name; ConditionError where it has none."""


@lru_cache(1024)
def parse(text: str) -> Condition:
    """ConditionError."""
    reader = _Reader(tuple(_tokens(text)))
    found = reader.any_of(0)
    if reader.ahead is not None:
        raise ConditionError(f"{reader.ahead!r} is not expected there; join comparisons by `and` or `or`")
    return found


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ConditionError(f"{text[at : at + 20].strip()!r} is no part of a condition")
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


class _Reader:
    def __init__(self, tokens: tuple[tuple[str, str], ...]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def ahead(self) -> str | None:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def any_of(self, depth: int) -> Condition:
        return self._joined("or", lambda: self._all_of(depth))

    def _all_of(self, depth: int) -> Condition:
        return self._joined("and", lambda: self._negated(depth))

    def _joined(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self.ahead == word:
            self.at += 1
            parts.append(part())
        return parts[0] if len(parts) == 1 else Both(word, tuple(parts))

    def _negated(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise ConditionError("it is nested too deeply")
        if self.ahead == "not":
            self.at += 1
            return Not(self._negated(depth + 1))
        if self.ahead == "(":
            self.at += 1
            inner = self.any_of(depth + 1)
            if self.ahead != ")":
                raise ConditionError("a closing parenthesis is missing")
            self.at += 1
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self._operand()
        if self.ahead not in SIGNS:
            return left
        sign = self.tokens[self.at][1]
        self.at += 1
        return ConditionComparison(sign, left, self._operand())

    def _operand(self) -> Name | Literal:
        if self.at >= len(self.tokens):
            raise ConditionError("it ends where a name or a value is wanted")
        kind, text = self.tokens[self.at]
        self.at += 1
        match kind:
            case "number":
                return Literal(float(text) if set(text) & set(".eE") else int(text))
            case "text":
                return Literal(text[1:-1])
            case "name" if text in ("true", "false"):
                return Literal(text == "true")
            case "name" if INPUT.fullmatch(text) or VALUE.fullmatch(text):
                return Name(text)
        raise ConditionError(
            f"{text!r} is neither a value nor a name; write inputs.NAME, stages.STAGE.values.KEY, a number, true, "
            "false, or a text in quotes"
        )


def holds(condition: Condition, lookup: Lookup) -> bool:
    """ConditionError where a name has no value, or a value is of another kind than is needed."""
    match condition:
        case Both(word, parts):
            results = (holds(part, lookup) for part in parts)
            return all(results) if word == "and" else any(results)
        case Not(inner):
            return not holds(inner, lookup)
        case ConditionComparison(sign, left, right):
            return _compared(sign, left, right, lookup)
        case _:
            value = _value(condition, lookup)
            if not isinstance(value, bool):
                raise ConditionError(f"{written(condition)} is {_kind(value)}, where true or false is wanted")
            return value


def _compared(sign: str, left: Name | Literal, right: Name | Literal, lookup: Lookup) -> bool:
    one, two = _value(left, lookup), _value(right, lookup)
    if _kind(one) != _kind(two):
        raise ConditionError(f"{written(left)} is {_kind(one)}, and {written(right)} is {_kind(two)}")
    if sign not in ("==", "!=") and (isinstance(one, bool) or not isinstance(one, str | int | float)):
        raise ConditionError(f"{written(left)} is {_kind(one)}, which is neither less nor more than another")
    return bool(SIGNS[sign](one, two))


def _value(operand: Name | Literal, lookup: Lookup) -> object:
    return operand.value if isinstance(operand, Literal) else lookup(operand.text)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
    return "a list" if isinstance(value, list | tuple) else "no simple value"


def names(condition: Condition) -> Iterator[str]:
    """Every name in it."""
    match condition:
        case Name(text):
            yield text
        case ConditionComparison(_, left, right):
            yield from names(left)
            yield from names(right)
        case Not(inner):
            yield from names(inner)
        case Both(_, parts):
            for part in parts:
                yield from names(part)


def written(condition: Condition, lookup: Lookup | None = None) -> str:
    """As a person would write it; with the value of each name behind it, where values are given."""
    match condition:
        case Literal(value):
            return str(value).lower() if isinstance(value, bool) else repr(value)
        case Name(text):
            return f"{text} ({_shown(lookup, text)})" if lookup else text
        case ConditionComparison(sign, left, right):
            return f"{written(left, lookup)} {sign} {written(right, lookup)}"
        case Not(inner):
            return f"not ({written(inner, lookup)})"
        case Both(word, parts):
            told = ((written(part, lookup), isinstance(part, Both)) for part in parts)
            return f" {word} ".join(f"({text})" if joined else text for text, joined in told)


def _shown(lookup: Lookup, name: str) -> str:
    try:
        value = lookup(name)
    except ConditionError:
        return "no value"
    return str(value).lower() if isinstance(value, bool) else str(value)[:100]
