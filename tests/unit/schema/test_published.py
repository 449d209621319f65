"""What editors are told: the JSON Schemas refuse what `validate` refuses, and say what each field means."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schema.codec import load
from schema.errors import DocumentError
from schema.layout import place_on_main
from schema.published import PLACES, PUBLISHED, schema
from tests.corpus.cases import RIGHT, WRONG, Case

ROOT = Path(__file__).parents[3]
KINDS = {"settings": "winslow"}
UNEQUAL = {
    "bad-glob": "a pattern of files is compiled by nobody but us",
    "gitlab-extends": "what templates there are says the document",
    "gpu-without-count": "one key asks for another",
    "min-above-max": "two values are compared",
    "name-of-another-file": "a schema does not know the file's name",
    "place-without-value": "places $[[ … ]] are looked up in the document",
    "traversal-pool": "whether a default is a path says the input's type beside it",
    "two-stages-of-one-name": "names are compared with each other",
}
"""Documents that `validate` refuses and the schema takes, and why."""
VALIDATORS = {name: Draft202012Validator(schema(name)) for name in PUBLISHED}


def parsed() -> Iterator[tuple[Case, Any]]:
    """Those that are YAML of ours: of others an editor's YAML reader says what is wrong, or takes more than we do."""
    for case in WRONG:
        try:
            value = load(case.content, case.path).value
        except DocumentError:
            continue
        yield case, value


def takes(case: Case, value: Any) -> bool:
    place = place_on_main(case.path)
    assert place
    return bool(VALIDATORS[KINDS.get(place.kind, place.kind)].is_valid(value))


@pytest.mark.parametrize(("case", "value"), parsed(), ids=lambda each: str(each) if isinstance(each, Case) else "")
def test_the_schema_refuses_what_validate_refuses(case: Case, value: Any) -> None:
    assert takes(case, value) == (str(case) in UNEQUAL), list(case.expected)


def test_each_difference_is_one_and_has_its_reason() -> None:
    assert set(UNEQUAL) <= {str(case) for case, _ in parsed()}
    assert [name for name, reason in UNEQUAL.items() if not reason] == []


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_the_schema_takes_what_validate_takes(case: Case) -> None:
    assert takes(case, load(case.content, case.path).value)


@pytest.mark.parametrize("folder", ["cli/template", "example-state-repo"])
def test_the_schema_takes_our_own_documents_and_they_name_it(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.yaml")):
        inside = str(path.relative_to(ROOT / folder))
        if place := place_on_main(inside):
            name = KINDS.get(place.kind, place.kind)
            assert takes(Case(inside, path.read_bytes(), ()), load(path.read_bytes(), inside).value)
            up = "../" * inside.count("/")
            assert path.read_text().startswith(f"# yaml-language-server: $schema={up}.winslow/{name}.schema.json\n")


def nodes(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict):
        yield body
        for inner in body.values():
            yield from nodes(inner)
    elif isinstance(body, list):
        for inner in body:
            yield from nodes(inner)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_field_has_its_meaning_and_every_map_is_closed(name: str) -> None:
    body = schema(name)
    Draft202012Validator.check_schema(body)
    models = [body, *(each for each in body.get("$defs", {}).values() if "properties" in each)]
    for model in models:
        assert [key for key, field in model["properties"].items() if not field.get("description")] == [], model["title"]
        assert model["patternProperties"] == {"^x-": {}}
    for node in nodes(body):
        if node.get("type") == "object":
            assert node["additionalProperties"] is False, node


def test_titles_are_distinct_and_say_where_a_document_belongs() -> None:
    titles = [schema(name)["title"] for name in PUBLISHED]
    assert titles == [f"Winslow: {PLACES[name]}" for name in PUBLISHED]
    below = {title: model for name in PUBLISHED for model in defs(name) if (title := model["title"])}
    for name in PUBLISHED:
        for model in defs(name):
            assert below[model["title"]] == model, "one title, one definition"


def defs(name: str) -> list[dict[str, Any]]:
    return [each for each in schema(name).get("$defs", {}).values() if "properties" in each]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("30s", True), ("3 days", True), ("1h 30m", True), ("2 H", True), ("1.5 hours", True), ("90", False),
        ("soon", False), ("3 parsecs", False), ("0s", False), ("0 days", False), ("", False), ("10 Minutes", True),
    ],
)  # fmt: skip
def test_the_pattern_of_a_duration_is_its_reader(text: str, good: bool) -> None:
    document = {"name": "p", "stages": [{"name": "a", "image": "i", "timeout": text}]}
    assert VALIDATORS["pipeline"].is_valid(document) is good
    assert VALIDATORS["pipeline"].is_valid(document | {"x-note": 1, "stages": [{"name": "a", "image": "i", "x-n": 1}]})


def test_the_patterns_are_those_of_browsers_too() -> None:
    """No named groups, look-behinds or flags inside: editors read them as JavaScript does."""
    for name in PUBLISHED:
        for node in nodes(schema(name)):
            pattern = node.get("pattern")
            assert not isinstance(pattern, str) or not re.search(r"\(\?(?![:=!])", pattern), pattern
