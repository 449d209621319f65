"""The form view of a pipeline: the fields that people change most, read from its text and put back into it.

Whatever else the text says, its comments and its order stay as they are. What is too rich for a field is named as
written in the text, and is changed there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from schema.codec import Path, load
from schema.errors import DocumentError
from schema.inputs import InputKind
from schema.pipeline import When
from schema.published import schema
from schema.text_edits import appended, changed, without_item

MARK = "f:"
MOST_CHANGES = 60
"""So many fields may change at once: the text is read anew for each."""
_STAGE = ("image", "description", "command", "needs", "when", "if", "timeout", "resources.cpus", "resources.memory",
          "resources.gpus")  # fmt: skip
_INPUT = ("type", "description", "default", "min", "max")
_CHOICES = {"when": tuple(map(str, When)), "type": tuple(map(str, InputKind))}
_LISTS = ("command", "needs")
_FIGURES = ("timeout", "resources.cpus", "resources.memory", "resources.gpus", "default", "min", "max")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True)
class FormField:
    """`fixed`: the value is too rich for a field, and is changed in the text."""

    path: Path
    key: str
    value: str
    about: str
    fixed: bool = False

    @property
    def name(self) -> str:
        return MARK + ".".join(map(str, self.path))

    @property
    def options(self) -> tuple[str, ...]:
        return _CHOICES.get(self.key, ())

    @property
    def many(self) -> bool:
        return self.key in _LISTS


@dataclass(frozen=True, slots=True)
class FormGroup:
    """The fields of the pipeline itself, of an input or of a stage. `place` is what takes it away, where it may go."""

    title: str
    fields: tuple[FormField, ...]
    place: str = ""


def groups(text: str) -> tuple[FormGroup, ...]:
    """None of a text that cannot be read, or that has no list of stages."""
    try:
        whole = load(text, "").value
    except DocumentError:
        return ()
    stages, inputs = (whole.get("stages"), whole.get("inputs")) if isinstance(whole, dict) else (None, None)
    if not isinstance(stages, list) or not stages or not all(isinstance(each, dict) for each in stages):
        return ()
    asked = inputs if isinstance(inputs, dict) else {}
    return (
        FormGroup("Pipeline", tuple(_fields(whole, (), ("description",), "Pipeline"))),
        *(
            FormGroup(f"Input {name}", tuple(_fields(spec, ("inputs", name), _INPUT, "Input")), f"inputs.{name}")
            for name, spec in asked.items()
            if isinstance(spec, dict)
        ),
        *(
            FormGroup(
                f"Stage {each.get('name', at + 1)}",
                tuple(_fields(each, ("stages", at), _STAGE, "Stage")),
                f"stages.{at}" if len(stages) > 1 else "",
            )
            for at, each in enumerate(stages)
        ),
    )


def applied(text: str, form: Mapping[str, str]) -> str:
    """The text with what was typed into the form. ValueError says what cannot be put in."""
    count = 0
    for each in (field for group in groups(text) for field in group.fields):
        typed = form.get(each.name)
        if typed is None or each.fixed or _plain(typed) == each.value:
            continue
        count += 1
        if count > MOST_CHANGES:
            raise ValueError(f"at most {MOST_CHANGES} fields can be changed at once; save these first")
        text = changed(text, each.path, _value(each, _plain(typed)))
    return _with_parts(text, form)


def _with_parts(text: str, form: Mapping[str, str]) -> str:
    """With the stage or input that was added, without the one that was taken away."""
    turn, name = form.get("turn", ""), _plain(form.get("called", ""))
    if not turn or not groups(text):
        return text
    if turn == "add-stage" and name:
        return appended(text, ("stages",), {"name": name, "image": "python:3.11-slim", "command": ["echo", name]})
    if turn == "add-input" and name:
        return changed(text, ("inputs", name), {"type": "string"})
    kind, _, which = turn.removeprefix("remove:").partition(".")
    if turn.startswith("remove:") and kind == "inputs":
        return changed(text, ("inputs", which), None)
    if turn.startswith("remove:") and which.isdecimal() and len(which) < 5:
        return without_item(text, ("stages", int(which)))
    return text


def _fields(part: Mapping[str, Any], path: Path, keys: tuple[str, ...], model: str) -> Iterator[FormField]:
    for key in keys:
        value: Any = part
        for inner in key.split("."):
            value = value.get(inner) if isinstance(value, dict) else None
        value, fixed = _shown(value, key)
        yield FormField((*path, *key.split(".")), key, value, _about(model, key), fixed)


def _shown(value: Any, key: str) -> tuple[str, bool]:
    """As it stands in its field, and whether it cannot."""
    if value is None:
        return "", False
    if isinstance(value, list) and key in _LISTS:
        rich = not all(isinstance(each, str) and each.strip() == each and each and "\n" not in each for each in value)
        return ("", True) if rich else ("\n".join(value), False)
    if isinstance(value, bool):
        return str(value).lower(), False
    if isinstance(value, str | int | float) and "\n" not in str(value) and key not in _LISTS:
        return str(value).strip(), False
    return "", True


def _value(field: FormField, typed: str) -> Any:
    if not typed:
        return None
    if field.many:
        return [line.strip() for line in typed.split("\n") if line.strip()]
    if field.key in _FIGURES and _NUMBER.fullmatch(typed):
        return float(typed) if "." in typed else int(typed)
    if field.key == "default" and typed in ("true", "false"):
        return typed == "true"
    return typed


def _plain(typed: str) -> str:
    return typed.replace("\r\n", "\n").strip()


@cache
def _about(model: str, key: str) -> str:
    """What the published schema says of a field."""
    body = schema("pipeline")
    outer, _, inner = key.rpartition(".")
    part = body if model == "Pipeline" else body["$defs"]["Resources" if outer else model]
    return str(part["properties"][inner].get("description", ""))
