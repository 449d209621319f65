"""Other names for verbs work, and a word that is none says which one is meant."""

import pytest

from cli.words import ALIASES, MEANT
from tests.integration.cli.command import Command


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["list"], "`winslowctl ps`"), (["kill", "v"], "`winslowctl abort`"), (["rerun"], "`winslowctl redo`"),
        (["prunne"], "`winslowctl prune`"), (["frobnicate"], "`winslowctl --help` lists them"),
        (["version"], "`winslowctl --version`"), (["projects", "delete", "v"], "`winslowctl projects rm`"),
        (["pipelines", "create"], "`winslowctl pipelines put`"), (["files", "list"], "`winslowctl files ls`"),
        (["context", "frob"], "`winslowctl context --help` lists them"),
    ],
)  # fmt: skip
def test_a_word_that_is_no_verb_says_which_is_meant(words: list[str], meant: str) -> None:
    said = Command().run(*words)
    assert said.code == 2
    assert meant in said.err


@pytest.mark.parametrize("alias", ALIASES)
def test_another_name_is_the_verb(alias: str) -> None:
    said = Command().run(alias, "-h")
    assert said.code == 0
    assert said.out.startswith(f"Usage: winslowctl {alias} ")


def test_what_is_meant_is_there() -> None:

    from cli.application import app
    from cli.verbs import everything

    top = set(everything(app).commands)
    inner = {"ls", "show", "create", "edit", "put", "rm"}
    for word, verbs in MEANT.items():
        assert any(verb.split()[0] in top or verb.startswith("-") for verb in verbs), word
        assert all(verb.split()[0] in top | inner or verb.startswith("-") for verb in verbs), word


def test_the_version_and_the_short_help() -> None:
    version = Command()("--version")
    assert version.startswith("winslowctl ")
    assert version.split()[1][0].isdigit()
    assert "Usage: winslowctl ps" in Command()("ps", "-h")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(shell: str) -> None:
    assert "_WINSLOWCTL_COMPLETE" in Command()("completion", shell)


def test_a_shell_without_completion_is_told() -> None:
    assert "bash, zsh, fish" in Command()("completion", "tcsh", code=2)
