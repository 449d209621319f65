"""Field tables and verbs of docs/reference.md, made from the code. `python docs/generate.py --write` renews them.

Between `<!-- fields: NAME -->` and `<!-- end -->` stands the table of that model; the rest of the page is written by
hand. What a field means is said in `schema/meaning.py`, and a field without a word is an error.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cli import config_file
from cli.main import HELP
from schema import meaning
from schema.quantities import format_duration, format_size
from webui.access import config

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import generate_commands  # noqa: E402

MODELS = {**meaning.MODELS, **config.MODELS, **config_file.MODELS}
MEANING = {**meaning.MEANING, **config.MEANING, **config_file.MEANING}
PAGE = Path(__file__).parent / "reference.md"
SECTION = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(name: str) -> str:
    rows = [f"| `{key}` | {_type(field)} | {_default(field)} | {_meaning(name, key)} |" for key, field in fields(name)]
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def fields(name: str) -> Iterator[tuple[str, FieldInfo]]:
    """As people write them."""
    for key, field in MODELS[name].model_fields.items():
        yield field.alias or key, field


def _meaning(model: str, key: str) -> str:
    try:
        return MEANING[model][key]
    except KeyError:
        raise LookupError(f"say in MEANING of schema/meaning.py what {model}.{key} is") from None


def _type(field: FieldInfo) -> str:
    if _is_duration(field):
        return "duration"
    if any("parse_size" in repr(meta) for meta in _metadata(field)):
        return "size"
    return _spoken(field.annotation).replace("|", r"\|")


def _metadata(field: FieldInfo) -> list[Any]:
    """Of the field, and of the parts of `X | None`."""
    inner = [meta for part in get_args(field.annotation) for meta in getattr(part, "__metadata__", ())]
    return [*field.metadata, *inner]


def _is_duration(field: FieldInfo) -> bool:
    return any("parse_duration" in repr(meta) for meta in _metadata(field))


def _spoken(kind: Any) -> str:
    origin, parts = get_origin(kind), [part for part in get_args(kind) if part is not type(None)]
    text = str(origin)
    if text == "typing.Literal":
        return " ".join(f"`{part}`" for part in parts)
    if text in ("typing.Union", "<class 'types.UnionType'>"):
        words = list(dict.fromkeys(_spoken(part) for part in parts))
        return "value" if {"text", "number", "boolean"} <= set(words) else " or ".join(words)
    if text == "typing.Annotated" or hasattr(kind, "__metadata__"):
        return _spoken(kind.__origin__)
    if origin is tuple:
        return f"list of {_spoken(parts[0])}"
    if origin is dict:
        return f"map of {_spoken(parts[1])}"
    return _word(kind)


def _word(kind: Any) -> str:
    words = {str: "text", int: "whole number", float: "number", bool: "boolean"}
    if kind in words:
        return words[kind]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.__name__
    members = getattr(kind, "__members__", None)
    if members and len(members) <= 8:
        return " ".join(f"`{member.value}`" for member in members.values())
    return "a reason code" if members else "any"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if _is_duration(field) and isinstance(value, float):
        return f"`{format_duration(value)}`"
    if _type(field) == "size" and value:
        return f"`{format_size(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`" if value else ""
    if value in (None, "", {}) or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def renewed(page: str) -> str:
    return generate_commands.renewed(SECTION.sub(lambda match: match[1] + table(match[2]) + match[3], page))


def main(arguments: list[str]) -> int:
    made = {PAGE: renewed(PAGE.read_text()), Path(HELP): generate_commands.help_text()}
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if "--write" in arguments:
            path.write_text(made[path])
        else:
            print(f"{path.name} is out of date; `python docs/generate.py --write` renews it", file=sys.stderr)
    return int(bool(stale) and "--write" not in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
