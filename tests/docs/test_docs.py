"""The documentation says what the program does: every verb, code and field is there, every link leads somewhere."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from cli.application import GLOBAL, hoist
from flow.model.transitions import NEXT
from schema import published
from schema.base import Wanted
from schema.reasons import End, Refusal, Wait

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = (DOCS / "reference.md").read_text()
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VERBS: dict[str, Any] = dict(generate().generate_commands.verbs())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_reference(verb: str) -> None:
    assert re.search(rf"^\| `{verb}[ `]", REFERENCE, re.MULTILINE), f"no row for {verb}"


@pytest.mark.parametrize("codes", [Wait, End, Refusal], ids=lambda codes: codes.__name__)
def test_every_reason_code_is_in_the_reference(codes: type[Wait] | type[End] | type[Refusal]) -> None:
    assert [code.value for code in codes if f"| `{code.value}` |" not in REFERENCE] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_says_what_it_does(verb: str) -> None:
    options = [each for each in VERBS[verb].params if any(name.startswith("-") for name in each.opts)]
    assert [each.name for each in options if not each.help] == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_a_verb_are_taken_by_it(verb: str) -> None:
    examples = generate().generate_commands.examples(VERBS[verb])
    assert examples
    for example in examples:
        program, *arguments = shlex.split(example)
        assert program == "winslowctl"
        arguments = hoist(arguments)
        while arguments[0] in GLOBAL:
            arguments = arguments[2:]
        assert arguments[: len(verb.split())] == verb.split()
        VERBS[verb].make_context(verb, arguments[len(verb.split()) :])


def wanted() -> set[type[BaseModel]]:
    found: set[type[BaseModel]] = set()
    left: list[type[BaseModel]] = [Wanted]
    while left:
        below = left.pop().__subclasses__()
        found |= set(below)
        left += below
    return {model for model in found if model.__module__.startswith("schema.")}


def test_every_field_that_people_write_is_in_the_reference() -> None:
    made = generate()
    names = {model: name for name, model in made.MODELS.items()}
    assert [model.__name__ for model in wanted() if model not in names] == []
    for model, name in names.items():
        assert f"<!-- fields: {name} -->" in REFERENCE, f"no table for {model.__name__}"
        for key, _ in made.fields(name):
            assert f"| `{key}` |" in REFERENCE


def test_the_field_tables_and_the_verbs_are_current() -> None:
    assert generate().renewed(REFERENCE) == REFERENCE, "run `python docs/generate.py --write`"


def test_what_is_said_of_fields_is_said_of_real_ones() -> None:
    made = generate()
    real = {name: {key for key, _ in made.fields(name)} for name in made.MODELS}
    assert {name: set(said) for name, said in made.MEANING.items()} == real


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """GitLab's and GitHub's: lower case, without signs, spaces as hyphens."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"&[a-z]+;", "", head).lower() for head in heads)
    return {re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in plain}


def test_the_example_validates() -> None:
    command = [sys.executable, "-m", "cli.main", "validate", "example-state-repo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", published.paths())
def test_the_published_schemas_are_current(path: str) -> None:
    wanted = published.paths()[path]
    assert (ROOT / path).read_text() == wanted, "run `python -m schema.published --write`"


def test_the_table_of_states_is_that_of_the_code() -> None:
    page = (DOCS / "concepts.md").read_text()
    table = page.partition("<!-- transitions -->")[2].partition("<!-- end -->")[0]
    told = {row[0]: set(row[1:]) for row in (re.findall(r"`(\w+)`", line) for line in table.splitlines()) if row}
    assert told == {str(state): {str(after) for after in following} for state, following in NEXT.items()}


def test_each_word_stands_once_in_the_glossary_in_order() -> None:
    words = [row.split("|")[1].strip(" `").lower() for row in (DOCS / "glossary.md").read_text().splitlines()[4:]]
    assert len(words) == len(set(words))
    assert words == sorted(words, key=lambda word: word.replace("-", " "))
