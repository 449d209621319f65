"""Parsed YAML to model: every mistake at its place, in plain words, with what to do."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schema.binding import bind, read, without_extensions
from schema.codec import dump, load
from schema.errors import DocumentError
from schema.suggest import did_you_mean, nearest


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Circle(Strict):
    kind: Literal["circle"]
    radius: float


class Square(Strict):
    kind: Literal["square"]
    width: float


class Part(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z]+$", min_length=1)]
    count: int = Field(default=1, ge=1, le=9)
    weight: float | None = None
    env: dict[Annotated[str, Field(pattern=r"^[a-zA-Z-]+$")], str | int | bool] = {}
    condition: str | None = Field(default=None, alias="if")

    @field_validator("name")
    @classmethod
    def _not_nobody(cls, value: str) -> str:
        if value == "nobody":
            raise ValueError(f"{value} is no name")
        return value


class Thing(Strict):
    name: str = Field(max_length=10)
    colour: Colour = Colour.RED
    size: Literal["small", "large"] = "small"
    drain: bool = False
    parts: tuple[Part, ...] = Field(default=(), max_length=3)
    by_name: dict[str, Part] = {}
    shape: Annotated[Circle | Square, Field(discriminator="kind")] | None = None
    either: Circle | int | None = None
    many: list[Part] | int = 0
    tags: list[str] = Field(default=[], min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "Thing":
        if self.name == self.size:
            raise ValueError("name and size must differ")
        return self


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    version: int = 1
    inner: dict[str, Any] = {}


def mistakes(text: str, model: type[BaseModel] = Thing) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(model, text, "f.yaml")
    return str(caught.value).replace("f.yaml:", "").splitlines()


MISTAKES = {
    "": ["1:1: the file is empty; a mapping of keys to values is wanted"],
    "# x": ["1:1: the file is empty; a mapping of keys to values is wanted"],
    "[a]": ["1:1: a mapping of keys to values is wanted, not a list"],
    "a": ["1:1: a mapping of keys to values is wanted, not 'a'"],
    "{}": ["1:1: the key 'name' is missing"],
    "name: 5": ["1:7: a text is wanted, not 5; quote it"],
    "name: [a]": ["1:7: a text is wanted, not a list"],
    "name: null": ["1:7: a text is wanted, not null"],
    "name: abcdefghijk": ["1:7: a text of at most 10 characters is wanted, not 'abcdefghijk'"],
    "name: small": ["1:1: name and size must differ"],
    "name: a\ncolour: rad": ["2:9: one of red, green is wanted, not 'rad' (did you mean 'red'?)"],
    "name: a\nsize: tiny": ["2:7: one of small, large is wanted, not 'tiny'"],
    "name: a\ndrain: maybe": ["2:8: true or false is wanted, not 'maybe'"],
    "name: a\nparts: x": ["2:8: a list is wanted, not 'x'"],
    "name: a\nparts: [x]": ["2:9: a mapping is wanted, not 'x'"],
    "name: a\nby_name: [x]": ["2:10: a mapping is wanted, not a list"],
    "name: a\ntags: []": ["2:7: too few entries: at least 1, not 0"],
    "name: a\ntags: [1]": ["2:8: a text is wanted, not 1; quote it"],
    "name: a\nparts: [{name: a}, {name: a}, {name: a}, {name: a}]": ["2:8: too many entries: at most 3"],
    "name: a\ncolor: red": ["2:1: unknown key 'color' (did you mean 'colour'?)"],
    "name: a\nqqq: red": ["2:1: unknown key 'qqq'"],
    "nmae: a": ["1:1: the key 'name' is missing", "1:1: unknown key 'nmae' (did you mean 'name'?)"],
    "name: a\nparts:\n  - name: b\n    cuont: 2": ["4:5: unknown key 'cuont' (did you mean 'count'?)"],
    "name: a\nparts:\n  - name: b\n    iff: x": ["4:5: unknown key 'iff' (did you mean 'if'?)"],
    "name: a\nparts:\n  - name: b\n    condition: x": ["4:5: unknown key 'condition'"],
    "name: a\nparts:\n  - count: 0": ["3:5: the key 'name' is missing", "3:12: at least 1 is wanted, not 0"],
    "name: a\nparts:\n  - name: b\n    count: 1.5": ["4:12: a whole number is wanted, not 1.5"],
    "name: a\nparts:\n  - name: b\n    weight: x": ["4:13: a number is wanted, not 'x'"],
    "name: a\nparts:\n  - name: B": ["3:11: a text of the form ^[a-z]+$ is wanted, not 'B'"],
    "name: a\nparts:\n  - name: nobody": ["3:11: nobody is no name"],
    "name: a\nparts:\n  - name: b\n    env: {a: [], b1: x}": [
        "4:14: a text, a whole number or true or false is wanted, not a list",
        "4:18: a text of the form ^[a-zA-Z-]+$ is wanted, not 'b1'",
    ],
    "name: a\nby_name:\n  x: {nam: y}": [
        "3:6: the key 'name' is missing",
        "3:7: unknown key 'nam' (did you mean 'name'?)",
    ],
    "name: a\nshape: {kind: square, widht: 1}": [
        "2:8: the key 'width' is missing",
        "2:23: unknown key 'widht' (did you mean 'width'?)",
    ],
    "name: a\nshape: {kind: circle, radius: x}": ["2:31: a number is wanted, not 'x'"],
    "name: a\nshape: {kind: sqare}": [
        "2:8: 'kind': one of circle, square is wanted, not 'sqare' (did you mean 'square'?)"
    ],
    "name: a\nshape: {width: 1}": ["2:8: the key 'kind' is missing"],
    "name: a\neither: x": ["2:9: a mapping or a whole number is wanted, not 'x'"],
    "name: a\nmany: [{name: b, cuont: 2}]": [
        "2:7: a whole number is wanted, not a list",
        "2:18: unknown key 'cuont' (did you mean 'count'?)",
    ],
    "name: a\n? x\n: {y: [1]}": ["2:3: unknown key 'x'"],
}


@pytest.mark.parametrize("text", MISTAKES)
def test_S13_mistakes_are_reported_at_their_place(text: str) -> None:
    assert mistakes(text) == MISTAKES[text]


def test_a_good_document_becomes_its_model() -> None:
    thing = read(
        Thing, "name: a\ncolour: green\nparts: [{name: b, if: x}]\nshape: {kind: circle, radius: 2}\n", "f.yaml"
    )
    assert thing == Thing(
        name="a",
        colour=Colour.GREEN,
        parts=(Part.model_validate({"name": "b", "if": "x"}),),
        shape=Circle(kind="circle", radius=2),
    )


def test_problems_come_in_the_order_of_the_file() -> None:
    assert [text.split(": ")[0] for text in mistakes("zzz: 1\nsize: x\ndrain: x\nname: 1\n")] == [
        "1:1",
        "2:7",
        "3:8",
        "4:7",
    ]


def test_keys_that_begin_with_x_are_free_where_a_model_forbids_unknown_keys() -> None:
    parts = "parts: [{name: b, x-c: 1, env: {x-data: kept}}]"
    text = f"x-a: {{b: 1}}\nname: a\n{parts}\nshape: {{kind: circle, radius: 1, x-d: 2}}\n"
    thing = read(Thing, text, "f.yaml")
    assert thing.parts[0].env == {"x-data": "kept"}
    assert without_extensions({"x-a": 1, "by_name": {"x-b": {"name": "a", "x-c": 1}}}, Thing) == {
        "by_name": {"x-b": {"name": "a"}}
    }


def test_records_keep_fields_of_a_newer_version() -> None:
    text = "version: 2\ninner:\n  a: [1, 2]\nx-later: kept\nlater:\n  b: null\n"
    record = read(Record, text, "f.yaml")
    assert dump(record.model_dump(mode="json")) == text


def test_S13_texts_of_the_file_are_escaped_and_cut() -> None:
    (escaped,) = mistakes('name: a\n"k\\e[31m\\n": 1\n')
    assert escaped == "2:1: unknown key 'k\\x1b[31m\\n'"
    (long,) = mistakes(f"name: a\nsize: {'s' * 500}\n")
    assert long == f"2:7: one of small, large is wanted, not '{'s' * 57}…'"


def test_S13_thousands_of_mistakes_are_counted_not_listed() -> None:
    lines = mistakes("name: a\n" + "".join(f"nam{n}: 1\n" for n in range(9000)))
    assert lines[0] == "2:1: unknown key 'nam0' (did you mean 'name'?)"
    assert lines[-1] == "… and 8980 more"


def any_value() -> st.SearchStrategy[Any]:
    atoms = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["circle", "a", "x\x1b"])
    keys = st.sampled_from([*Thing.model_fields, *Part.model_fields, *Square.model_fields, "if", "x-a", "1", "\n"])
    return st.recursive(atoms, lambda some: st.lists(some, max_size=3) | st.dictionaries(keys, some, max_size=4))


@given(st.dictionaries(st.sampled_from([*Thing.model_fields, "x-a", "?"]), any_value()))
@settings(derandomize=True, deadline=None)
def test_S13_any_document_is_bound_or_refused_at_a_place_in_it(document: dict[str, Any]) -> None:
    parsed = load(dump(document), "f.yaml")
    places = set(parsed.positions.values())
    try:
        bind(Thing, parsed)
    except DocumentError as error:
        found = error.problems
    else:
        found = ()
    assert all((problem.line, problem.column) in places for problem in found)
    assert all(problem.what.isprintable() for problem in found)


# names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stagse", "stages"),
        ("Stages", "stages"),
        ("GPU", "gpus"),
        ("imagee", "image"),
        ("zzz", None),
        ("s" * 5000, None),
    ],
)
def test_the_nearest_name(name: str, expected: str | None) -> None:
    assert nearest(name, ["stages", "image", "gpus"]) == expected


def test_did_you_mean_is_made_to_be_appended() -> None:
    assert did_you_mean("stagse", {"stages": 1}) == " (did you mean 'stages'?)"
    assert did_you_mean("zzz", ["stages"]) == ""
