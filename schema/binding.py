"""Parsed YAML -> model, with every mistake at its place in the file and in plain words.

**Keys that begin with `x-` are free** at exactly the mappings that become a model which forbids unknown keys: they are
removed before the model sees them. Mappings whose keys are data (`env`, `inputs`) keep theirs, and so do documents that
keep fields they do not know.
"""

import copy
import re
from collections import abc
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schema import names
from schema.base import Wanted
from schema.codec import KEY, ParsedText, Path, load
from schema.errors import DocumentError, Misplaced, Problem, excerpt
from schema.foreign_words import form_hint, hint, value_hint
from schema.suggest import did_you_mean

M = TypeVar("M", bound=BaseModel)

_GUESSED = 100  # so many mistakes get a nearest name: looking for one takes time

Context = Mapping[str, Any] | None
Shapes = tuple[Any, ...]
"""The types that a value at some place may become: the members of a union, one otherwise, none if unknown."""


def read(model: type[M], text: str | bytes, file: str, context: Context = None) -> M:
    """The model in a YAML text, or DocumentError with every problem."""
    return bind(model, load(text, file), context)


def bind(model: type[M], parsed: ParsedText, context: Context = None) -> M:
    """The model of a parsed document, or DocumentError with every problem, in the order of the file."""
    if parsed.value is None:
        raise DocumentError([parsed.problem((), "the file is empty; a mapping of keys to values is wanted")])
    if not isinstance(parsed.value, dict):
        what = f"a mapping of keys to values is wanted, not {excerpt(parsed.value)}"
        raise DocumentError([parsed.problem((), what)])
    if issubclass(model, Wanted):
        parsed = model.written_out(parsed)
    value = without_extensions(parsed.value, model)
    if issubclass(model, Wanted) and parsed.texts:
        value = copy.deepcopy(value)
        _keep_texts(value, parsed.texts, model)
    try:
        return model.model_validate(value, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False)
    raise DocumentError(_problems(details, model, parsed)) from None


def without_extensions(value: Any, model: type[BaseModel]) -> Any:
    """The value without the `x-` keys of mappings that become a model which forbids unknown keys.

    Few documents have one, and nodes write none: to look for a key is quick, to follow the types costs milliseconds.
    """
    return _without_extensions(value, (model,)) if _extended(value) else value


def _extended(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key.startswith("x-") or _extended(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_extended, value))


def _without_extensions(value: Any, shapes: Shapes) -> Any:
    if isinstance(value, list):
        return [_without_extensions(item, _below(shapes, i)) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    strict = [model for model in _models(shapes) if model.model_config.get("extra") == "forbid"]
    known = {name for model in strict for name in fields(model)}
    return {
        key: _without_extensions(item, _below(shapes, key))
        for key, item in value.items()
        if not (strict and key.startswith("x-") and key not in known)
    }


# texts as they were written


def _keep_texts(value: Any, texts: Mapping[Path, str], model: type[BaseModel]) -> None:
    """A place that takes a text as well as a number holds what was written: `3.10` stays `3.10`, and `0755` `0755`."""
    for path, text in texts.items():
        holder, shapes = value, _shapes(model)
        for part in path[:-1]:
            inside = part in holder if isinstance(holder, dict) else isinstance(holder, list) and _index(part, holder)
            holder, shapes = (holder[part], _below(shapes, part)) if inside else (None, ())
        shapes = _below(shapes, path[-1]) if path else ()
        if holder is not None and {str, float} <= set(map(_hashable, shapes)):
            holder[path[-1]] = text


def _hashable(shape: Any) -> Any:
    return shape if isinstance(shape, type) else None


# which types can stand at a place


@cache
def fields(model: type[BaseModel]) -> Mapping[str, Any]:
    """The keys that a document may give, each with its type."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _one_level_deeper(model: type[BaseModel]) -> dict[str, str]:
    """The keys of the models that lie below each key of a model, with that key."""
    below = ((key, _members(_shapes(annotation))) for key, annotation in fields(model).items())
    return {name: key for key, shapes in reversed([*below]) for deeper in _models(shapes) for name in fields(deeper)}


def _members(shapes: Shapes) -> Shapes:
    """What stands in a list, where there can be one."""
    return tuple(found for shape in shapes for found in (_below_one(shape, 0) if _origin(shape) is tuple else (shape,)))


def _shapes(annotation: Any) -> Shapes:
    if hasattr(annotation, "__value__"):  # type X = ...
        return _shapes(annotation.__value__)
    if hasattr(annotation, "__metadata__"):  # Annotated[X, ...]
        return _shapes(annotation.__origin__)
    if _origin(annotation) in (Union, UnionType):
        return tuple(shape for member in get_args(annotation) for shape in _shapes(member))
    return (annotation,)


def _models(shapes: Shapes) -> list[type[BaseModel]]:
    return [shape for shape in shapes if isinstance(shape, type) and issubclass(shape, BaseModel)]


def _below(shapes: Shapes, part: str | int) -> Shapes:
    """The types of what stands under a key or an index."""
    return tuple(found for shape in shapes for found in _below_one(shape, part))


def _below_one(shape: Any, part: str | int) -> Shapes:
    if _models((shape,)):
        known = fields(shape)
        return _shapes(known[str(part)]) if part in known else ()
    origin, args = get_origin(shape), get_args(shape)
    if not args or not isinstance(origin, type):
        return ()
    if issubclass(origin, abc.Mapping):
        return _shapes(args[1])
    if origin is tuple and args[-1] is not Ellipsis:
        return _shapes(args[part]) if isinstance(part, int) and part < len(args) else ()
    return _shapes(args[0]) if issubclass(origin, abc.Collection) else ()


def _narrowed(shapes: Shapes, tag: str | int) -> Shapes:
    """The members of a union that a part of pydantic's location stands for: by class name or by discriminator."""
    return tuple(model for model in _models(shapes) if model.__name__ == tag or _literal(model, tag)) or shapes


def _literal(model: type[BaseModel], tag: str | int) -> bool:
    shapes = (shape for annotation in fields(model).values() for shape in _shapes(annotation))
    return any(_origin(shape) is Literal and tag in get_args(shape) for shape in shapes)


def _origin(annotation: Any) -> Any:
    return get_origin(annotation)


def _locate(loc: tuple[str | int, ...], model: type[BaseModel], value: Any) -> tuple[Path, Shapes]:
    """The path in the file that pydantic's location means; union members in it are no part of the file."""
    path: Path = ()
    shapes: Shapes = (model,)
    for part in loc:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and _index(part, value)
        if inside:
            path, shapes, value = (*path, part), _below(shapes, part), value[part]
        else:
            shapes = _narrowed(shapes, part)
    return path, shapes


def _index(part: str | int, value: list[Any]) -> bool:
    return isinstance(part, int) and 0 <= part < len(value)


# pydantic's errors in plain words


def _problems(details: Iterable[ErrorDetails], model: type[BaseModel], parsed: ParsedText) -> list[Problem]:
    found: dict[Path, list[str]] = {}
    wanted: dict[Path, list[str]] = {}
    shown: dict[Path, str] = {}
    for number, detail in enumerate(details):
        if _follows_from_another(detail):
            continue
        path, shapes = _place(detail, model, parsed.value)
        want = _wanted(detail)
        if want is None:
            found.setdefault(path, []).append(_sentence(detail, shapes, suggest=number < _GUESSED))
        else:
            wanted.setdefault(path, []).append(want)
            written = parsed.texts.get(path)
            given = (written or excerpt(detail["input"])) + _remedy(detail, path, number < _GUESSED)
            shown[path] = max(shown.get(path, ""), given, key=len)
    for path, wants in wanted.items():
        found.setdefault(path, []).insert(0, f"{_either(wants)} is wanted, not {shown[path]}")
    problems = [parsed.problem(path, what) for path, texts in found.items() for what in dict.fromkeys(texts)]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _follows_from_another(detail: ErrorDetails) -> bool:
    """Is a list called too short only because its entries are wrong?"""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _place(detail: ErrorDetails, model: type[BaseModel], value: Any) -> tuple[Path, Shapes]:
    """Where to report it, and the types at the mapping it is about."""
    loc = detail["loc"]
    if detail["type"] == "missing":
        return _locate(loc[:-1], model, value)
    if detail["type"] == "extra_forbidden":
        path, shapes = _locate(loc[:-1], model, value)
        return (*path, loc[-1], KEY), shapes
    path, shapes = _locate((*loc, *_deeper(detail)), model, value)
    return ((*path, KEY) if loc and loc[-1] == "[key]" else path), shapes


def _deeper(detail: ErrorDetails) -> Path:
    """Where in the model that was checked as a whole the mistake stands."""
    error = detail.get("ctx", {}).get("error")
    return error.path if isinstance(error, Misplaced) else ()


_WANTED: dict[str, str] = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen": "a list",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "none": "null",
}
_LIMITS: dict[str, str] = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
}
_FORMS: dict[str, str] = {
    names.NAME: "a name (lower-case letters, digits, '.', '_', '-', at most 63)",
    names.INPUT: "a name (lower-case letters, digits, '_', a letter first)",
    names.ENVIRONMENT: "a name (letters, digits, '_', no digit first)",
    names.TAG: "a text without commas and control characters",
    names.PINNED: "the name of a pipeline, or NAME@COMMIT,",
    names.DRAWN_ON: "inputs.NAME or stages.STAGE/PATH",
}


def _wanted(detail: ErrorDetails) -> str | None:
    """What should stand there, where the sentence is `… is wanted, not …`."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _LIMITS:
        return _LIMITS[kind].format_map(context)
    if kind == "string_pattern_mismatch":
        return _FORMS.get(context["pattern"], f"a text of the form {context['pattern']}")
    if kind in ("literal_error", "enum"):
        permitted = _permitted(context["expected"])
        return permitted[0] if len(permitted) == 1 else f"one of {', '.join(permitted)}"
    if kind.endswith(("_type", "_parsing", "_from_float", "_number", "_attributes_type", "_required", "_parsing_size")):
        return _WANTED.get(kind.split("_")[0])
    return None


def _permitted(expected: str) -> list[str]:
    """The values in pydantic's `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", expected) or re.split(r", | or ", expected)


def _either(wants: list[str]) -> str:
    distinct = [want for want in dict.fromkeys(wants) if want != "a whole number" or "a number" not in wants]
    return " or ".join([", ".join(distinct[:-1]), distinct[-1]] if len(distinct) > 1 else distinct)


def _remedy(detail: ErrorDetails, path: Path, suggest: bool) -> str:
    """What to do, where it can be guessed."""
    given, kind = detail["input"], detail["type"]
    if kind == "string_type" and isinstance(given, bool | int | float):
        return "; quote it"
    if suggest and kind in ("literal_error", "enum") and isinstance(given, str):
        return value_hint(given, _permitted(detail["ctx"]["expected"]))
    if kind == "string_type" and given is None and path[-2:-1] in (("env",), ("inputs",)):
        return '; "" is the empty text'
    return form_hint(path[-1], given) if path and suggest else ""


_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "too_short": lambda context: f"too few entries: at least {context['min_length']}, not {context['actual_length']}",
    "too_long": lambda context: f"too many entries: at most {context['max_length']}",
    "value_error": lambda context: str(context["error"]),
    "assertion_error": lambda context: str(context["error"]),
    "union_tag_invalid": lambda context: (
        f"{context['discriminator']}: one of {', '.join(_permitted(context['expected_tags']))} is wanted, "
        f"not {excerpt(context['tag'])}{did_you_mean(str(context['tag']), _permitted(context['expected_tags']))}"
    ),
    "union_tag_not_found": lambda context: f"the key {context['discriminator']} is missing",
}


def _sentence(detail: ErrorDetails, shapes: Shapes, *, suggest: bool) -> str:
    kind = detail["type"]
    if kind == "missing":
        return f"the key {excerpt(str(detail['loc'][-1]))} is missing"
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        return f"unknown key {excerpt(key)}{hint(key, _models(shapes), _one_level_deeper) if suggest else ''}"
    if kind in _SENTENCES:
        return _SENTENCES[kind](detail.get("ctx", {}))
    message = detail["msg"].removeprefix("Value error, ")
    rest = message.removeprefix("Input should be ")
    return message if rest == message else f"{rest} is wanted, not {excerpt(detail['input'])}"
