"""Verb `explain`: what a field of a document means, from the schema itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from cli import output
from cli.errors import CommandError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

TOPS = {
    "settings": "Settings", "pipeline": "Pipeline", "project": "Project", "request": "Request", "comment": "Comment",
    "node": "NodeSettings", "reply": "Reply", "execution": "Execution", "inventory": "Inventory",
    "heartbeat": "Heartbeat", "trigger": "Trigger", "artifacts": "ArtifactList", "deleted": "Tombstone",
    "policy": "Policy",
}  # fmt: skip
PLACES = {
    "settings": "winslow.yaml on main",
    "pipeline": "pipelines/<pipeline>.yaml on main",
    "project": "projects/<project>/project.yaml on main",
    "request": "projects/<project>/requests/<number>-<kind>.yaml on main",
    "comment": "projects/<project>/comments/<number>.yaml on main",
    "node": "nodes/<node>.yaml on main, optional",
    "trigger": "triggers/<trigger>.yaml on main",
    "reply": "projects/<project>/replies/<request> on winslow/state",
    "execution": "projects/<project>/executions/<number>-<stage>.yaml on winslow/state",
    "inventory": "inventory/<node>.yaml on winslow/state",
    "heartbeat": "refs/winslow/nodes/<node>",
    "artifacts": "projects/<project>/artifacts/<number>-<stage>.json on winslow/state",
    "deleted": "projects/<project>/deleted.yaml on winslow/state",
    "policy": "/etc/winslow/policy.yaml of a node's machine, or what `node --policy` names",
}
OTHERS = {
    "winslow.yaml": "settings", "winslow": "settings", "pipelines": "pipeline", "projects": "project",
    "requests": "request", "nodes": "node", "triggers": "trigger", "replies": "reply", "executions": "execution",
    "policy.yaml": "policy",
}  # fmt: skip


def add_to(app: typer.Typer) -> None:
    app.command()(explain)


def explain(
    field: Annotated[
        str, typer.Argument(metavar="[FIELD]", help="a kind of document, and keys behind dots: pipeline.stages.retry")
    ] = "",
) -> None:
    """What a document or a field of it holds: its type, its default, what it means, and what is below it.

    A word alone, or the end of a path, is looked for in all of them. Without one, the kinds of documents.
    Example: winslowctl explain pipeline.stages.retry     winslowctl explain timeout
    """
    if not field:
        rows = [{"kind": kind, "place": PLACES[kind]} for kind in TOPS]
        if not output.for_programs(rows):
            output.table(("KIND", "PLACE"), [[output.shown(row["kind"]), output.shown(row["place"])] for row in rows])
        return
    first, *rest = field.replace("/", ".").replace("[]", "").split(".")
    first = OTHERS.get(first, first)
    if first in TOPS:
        _explain(first, TOPS[first], rest)
    else:
        _look_for(".".join([first, *rest]))


def _explain(path: str, model: str, rest: list[str]) -> None:
    """Walk down the keys; the last one is told in full."""
    from schema.meaning import MEANING

    told: dict[str, Any] | None = None
    for key in rest:
        fields = dict(_fields(model))
        if key not in fields:
            raise CommandError(_unknown(path, key, list(fields)))
        path, told = f"{path}.{key}", _told(f"{path}.{key}", fields[key], MEANING[model][key])
        below = _below(fields[key])
        if below is None:
            if key != rest[-1]:
                raise CommandError(f"{path} has nothing below it; it is {told['type']}")
            model = ""
        else:
            model = below
    _show(path, told, [_told(key, field, MEANING[model][key]) for key, field in _fields(model)] if model else [])


def _unknown(path: str, key: str, known: list[str]) -> str:
    from schema.suggest import did_you_mean

    return f"{path} has no field {key[:60]!r}{did_you_mean(key, known)}; it has {', '.join(known)}"


def _fields(model: str) -> "Iterator[tuple[str, FieldInfo]]":
    """As people write them."""
    from schema.meaning import MODELS

    for name, field in MODELS[model].model_fields.items():
        yield field.alias or name, field


def _told(path: str, field: "FieldInfo", meaning: str) -> dict[str, Any]:
    default = field.get_default(call_default_factory=False)
    plain = isinstance(default, str | int | float) and not isinstance(default, bool)
    empty = field.is_required() or not plain or default == ""
    kind = _of_metadata(field.metadata) or _type(field.annotation)
    return {
        "field": path,
        "type": kind,
        "required": field.is_required(),
        "default": None if empty else _written(default, kind),
        "meaning": meaning,
    }


def _written(default: str | float, kind: str) -> str:
    """As people write it in the document."""
    from schema.quantities import format_duration, format_size

    if kind == "duration":
        return format_duration(float(default))
    return format_size(int(default)) if kind == "size" else str(default)


def _type(kind: Any) -> str:
    """In the words of the reference."""
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): ""}
    if kind in words:
        return words[kind]
    parts = [each for each in get_args(kind) if each is not type(None) and each is not Ellipsis]
    origin = getattr(kind, "__origin__", None)
    if origin is dict:
        return f"map of {_type(parts[1])}"
    if origin is tuple:
        return f"list of ({_type(parts[0])})" if " or " in _type(parts[0]) else f"list of {_type(parts[0])}"
    if hasattr(kind, "__metadata__"):
        return _of_metadata(kind.__metadata__) or _type(kind.__origin__)
    if parts and all(isinstance(each, str) for each in parts):
        return " or ".join(parts)
    if parts:
        return " or ".join(dict.fromkeys(_type(each) for each in parts))
    members = getattr(kind, "__members__", None)
    if members:
        return " or ".join(str(member.value) for member in members.values())
    return getattr(kind, "__name__", "any value")


def _of_metadata(metadata: Any) -> str:
    said = repr(metadata)
    return "duration" if "parse_duration" in said else "size" if "parse_size" in said else ""


def _below(field: "FieldInfo") -> str | None:
    """The model that a field holds, alone, in a list or in a map."""
    from schema.meaning import MODELS

    names = {model: name for name, model in MODELS.items()}
    waiting = [field.annotation]
    while waiting:
        kind = waiting.pop()
        if kind in names:
            return names[kind]
        waiting += get_args(kind)
    return None


def _look_for(word: str) -> None:
    """Every field of that name, or whose path ends in these names, wherever it stands."""
    from schema.meaning import MEANING

    found = [
        _told(path, field, MEANING[model][path.rpartition(".")[2]])
        for path, model, field in _all()
        if f".{path}".endswith(f".{word}")
    ]
    if not found:
        known = [*TOPS, *(path.rpartition(".")[2] for path, _, _ in _all())]
        from schema.suggest import did_you_mean

        hint = did_you_mean(word.rpartition(".")[2], dict.fromkeys(known)) or f"; documents are {', '.join(TOPS)}"
        raise CommandError(f"no document and no field is called {word[:60]!r}{hint}")
    if not output.for_programs(found):
        _table(found)


def _all() -> "Iterator[tuple[str, str, FieldInfo]]":
    for kind, model in TOPS.items():
        yield from _under(kind, model, 0)


def _under(path: str, model: str, depth: int) -> "Iterator[tuple[str, str, FieldInfo]]":
    for key, field in _fields(model):
        yield f"{path}.{key}", model, field
        below = _below(field)
        if below and depth < 4:
            yield from _under(f"{path}.{key}", below, depth + 1)


def _show(path: str, told: dict[str, Any] | None, below: list[dict[str, Any]]) -> None:
    if output.for_programs([told] if told and not below else below):
        return
    if told:
        default = f", default {told['default']}" if told["default"] else ""
        need = "required" if told["required"] else "optional"
        output.line(f"[bold]{path}[/]  {output.shown(told['type'])}, {need}{output.shown(default)}")
        output.line(f"  {output.shown(told['meaning'], 2000)}")
    if below:
        output.line("" if told else f"[bold]{path}[/]")
        _table(below)


def _table(rows: list[dict[str, Any]]) -> None:
    cells = [
        [output.shown(r["field"]), output.shown(r["type"]), "required" if r["required"] else output.shown(r["default"]),
         output.shown(r["meaning"], 2000)]
        for r in rows
    ]  # fmt: skip
    output.table(("FIELD", "TYPE", "DEFAULT", "MEANING"), cells)
