"""Every verb teaches: what it does, and an example."""

import pytest
import typer

from cli.main import app, hoist


def verbs() -> list[tuple[str, str]]:
    command = typer.main.get_command(app)
    found = []
    for name, verb in command.commands.items():  # type: ignore[attr-defined]
        inner = getattr(verb, "commands", None)
        found += (
            [(f"{name} {sub}", each.help or "") for sub, each in inner.items()] if inner else [(name, verb.help or "")]
        )
    return found


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
