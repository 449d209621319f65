"""Every verb teaches: what it does, and an example."""

from collections.abc import Iterator
from typing import Any

import pytest

from cli.application import app, hoist
from cli.verbs import everything


def verbs() -> list[tuple[str, str]]:
    return list(below("", everything(app).commands))


def below(words: str, commands: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, verb in commands.items():
        inner = getattr(verb, "commands", {})
        if not inner or verb.invoke_without_command:
            yield f"{words}{name}", verb.help or ""
        yield from below(f"{words}{name} ", inner)


@pytest.mark.parametrize(("name", "text"), verbs())
def test_every_verb_has_an_example(name: str, text: str) -> None:
    assert f"winslowctl {name.split()[0]}" in text


def test_the_verbs_that_are_promised_are_there() -> None:
    wanted = "init up node validate plan start redo resume answer pause abort skip wait ps describe logs events compare"
    names = {name.split()[0] for name, _ in verbs()}
    assert set(wanted.split()) | {"pipelines", "projects", "files", "nodes", "doctor"} <= names


def test_global_options_are_found_anywhere_before_a_double_dash() -> None:
    assert hoist(["ps", "-o", "json", "--repo=x"]) == ["-o", "json", "--repo", "x", "ps"]
    assert hoist(["ps", "--", "-o", "json"]) == ["ps", "--", "-o", "json"]
