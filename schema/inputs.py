"""Typed inputs: what a pipeline or a manual stage asks for, and whether a value fits.

`InputError` texts name the input and what was wanted, so they can be shown as they are.
"""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pydantic import Field, ValidationInfo, model_validator

from schema import names, region
from schema.base import Wanted, is_kept
from schema.region import ShapeKind

Value = str | int | float | bool
LONGEST = 4096
LARGEST = sys.float_info.max
"""A whole number above it is no number to most programs, and none that can be compared with a fraction."""


class InputError(ValueError):
    """A value does not fit its input; the text begins with the input's name."""


class InputKind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    REGION = "region"

    @property
    def in_pool(self) -> bool:
        return self in (InputKind.FILE, InputKind.FOLDER)


class Input(Wanted):
    """One typed input. `file` and `folder` are paths in the pool, relative, `/` between parts.

    A `region` is drawn on a picture: `on` is `inputs.NAME`, a file, or `stages.STAGE/PATH`, what a stage above left.
    """

    type: InputKind = InputKind.STRING
    description: str = ""
    default: Value | None = None
    min: float | None = None
    max: float | None = None
    options: tuple[str, ...] = ()
    optional: bool = False
    on: str | None = Field(default=None, pattern=names.DRAWN_ON)
    shapes: tuple[ShapeKind, ...] = ()

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if self.type is InputKind.CHOICE and not self.options:
            raise ValueError("a choice needs `options`, the list of permitted values")
        if self.options and self.type is not InputKind.CHOICE:
            raise ValueError("`options` belongs to `type: choice`")
        if (self.on or self.shapes) and self.type is not InputKind.REGION:
            raise ValueError("`on` and `shapes` belong to `type: region`")
        if (self.min is not None or self.max is not None) and self.type not in (InputKind.NUMBER, InputKind.INTEGER):
            raise ValueError("`min` and `max` belong to `type: number` or `type: integer`")
        if self.min is not None and self.max is not None and self.min > self.max and not is_kept(info):
            raise ValueError(f"no value fits: `min` ({self.min:g}) is more than `max` ({self.max:g})")
        if self.default is not None:
            object.__setattr__(self, "default", fit(self, self.default, "default"))
        return self

    @property
    def required(self) -> bool:
        return self.default is None and not self.optional


def fit(spec: Input, value: object, name: str) -> Value:
    """The value as its type, taking text from a command line or an environment too. InputError otherwise."""
    match spec.type:
        case InputKind.BOOLEAN:
            return _boolean(value, name)
        case InputKind.INTEGER | InputKind.NUMBER:
            return _number(spec, value, name)
        case InputKind.CHOICE:
            if str(value) not in spec.options:
                raise InputError(f"{name}: one of {', '.join(spec.options)} is wanted, not {_shown(value)}")
            return str(value)
        case InputKind.FILE | InputKind.FOLDER:
            return pool_path(value, name)
        case InputKind.REGION:
            return _region(spec, value, name)
        case InputKind.STRING:
            return _text(value, name)


def _region(spec: Input, value: object, name: str) -> str:
    try:
        return region.fitted(value, spec.shapes)
    except region.RegionError as error:
        raise InputError(f"{name}: {error}") from None


def _boolean(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InputError(f"{name}: true or false is wanted, not {_shown(value)}")


def _number(spec: Input, value: object, name: str) -> int | float:
    whole = spec.type is InputKind.INTEGER
    number = _parsed(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= LARGEST:
        raise InputError(f"{name}: a {'whole ' if whole else ''}number is wanted, not {_shown(value)}")
    if whole and number != int(number):
        raise InputError(f"{name}: a whole number is wanted, not {_shown(value)}")
    if spec.min is not None and number < spec.min:
        raise InputError(f"{name}: at least {spec.min:g} is wanted, not {number:g}")
    if spec.max is not None and number > spec.max:
        raise InputError(f"{name}: at most {spec.max:g} is wanted, not {number:g}")
    return int(number) if whole else number


def _parsed(text: str) -> float | int | None:
    """Of what a person wrote: decimal, or as YAML has it `0x1F` and `0o17`."""
    if len(text) >= 40:
        return None
    try:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _text(value: object, name: str) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InputError(f"{name}: a text is wanted, not {_shown(value)}")
    text = str(value)
    if len(text) > LONGEST or "\0" in text:
        raise InputError(f"{name}: a text of at most {LONGEST} characters without NUL is wanted")
    return text


def pool_path(value: object, name: str) -> str:
    """A relative path that stays in the pool, in its normal form."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or len(value) > 1024:
        raise InputError(f"{name}: a path in the pool is wanted, not {_shown(value)}")
    parts = [part for part in value.split("/") if part not in ("", ".")]
    if value.startswith("/") or ".." in parts or "\\" in value or any(ord(c) < 32 for c in value) or not parts:
        raise InputError(f"{name}: a path inside the pool is wanted (relative, without ..), not {_shown(value)}")
    return "/".join(parts)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def fit_all(specs: Mapping[str, Input], values: Mapping[str, object]) -> dict[str, Value]:
    """All values, each as its type. InputError for the first that is unknown or does not fit."""
    from schema.suggest import did_you_mean

    fitted: dict[str, Value] = {}
    for name, value in values.items():
        if name not in specs:
            raise InputError(f"{name}: no such input{did_you_mean(name, specs)}")
        fitted[name] = fit(specs[name], value, name)
    return fitted


def missing(specs: Mapping[str, Input], values: Mapping[str, object]) -> list[str]:
    """Names of the required inputs that have no value."""
    return [name for name, spec in specs.items() if spec.required and name not in values]


def with_defaults(specs: Mapping[str, Input], values: Mapping[str, Value]) -> dict[str, Value]:
    """The values, completed by the defaults, in the order of the definition."""
    defaults = {name: spec.default for name, spec in specs.items() if spec.default is not None}
    return {name: value for name in specs if (value := values.get(name, defaults.get(name))) is not None}
