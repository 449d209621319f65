"""Who commits, and that nobody does without a name."""

import os
from collections.abc import Iterator
from pathlib import Path

import pygit2
import pytest

from cli import author, config_file
from cli.errors import CommandError


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("WINSLOW_AUTHOR", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "EMAIL", "GIT_CONFIG_GLOBAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for level in pygit2.enums.ConfigLevel.GLOBAL, pygit2.enums.ConfigLevel.XDG, pygit2.enums.ConfigLevel.SYSTEM:
        monkeypatch.setitem(_places, level, pygit2.settings.search_path[level])
        pygit2.settings.search_path[level] = str(tmp_path / f"git-{level.name}")
    yield
    for level, place in _places.items():
        pygit2.settings.search_path[level] = place
    _places.clear()


_places: dict[pygit2.enums.ConfigLevel, str] = {}


def git_says(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "git-GLOBAL"
    folder.mkdir()
    (folder / ".gitconfig").write_bytes(content)


def test_N4_nobody_is_told_how_to_say_who_they_are() -> None:
    with pytest.raises(CommandError, match=r"git config --global user\.name"):
        author.author()
    assert author.author_or_program() == "winslow <winslow@winslow.invalid>"


def test_gits_own_variables_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    git_says(tmp_path, b"[user]\n name = Git\n email = git@example.org\n")
    assert author.author() == "Git <git@example.org>"
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ann")
    assert author.author() == "Ann <git@example.org>"
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ann@example.org")
    assert author.author() == "Ann <ann@example.org>"
    monkeypatch.setenv("WINSLOW_AUTHOR", "Ada <ada@example.org>")
    assert author.author() == "Ada <ada@example.org>"


def test_a_configuration_that_git_is_told_of_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    git_says(tmp_path, b"[user]\n name = Git\n email = git@example.org\n")
    (tmp_path / "own").write_text("[user]\n name = Own\n email = own@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "own"))
    assert author.author() == "Own <own@example.org>"


def test_a_name_without_an_address_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ann")
    with pytest.raises(CommandError, match="who commits"):
        author.author()


def test_N4_a_name_that_is_no_utf_8_is_a_name_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git_says(tmp_path, b"[user]\n name = J\xf6rg\n email = j@example.org\n")
    assert author.author() == "Jörg <j@example.org>"
    monkeypatch.setenv("WINSLOW_AUTHOR", os.fsdecode(b"Ren\xe9 <r@example.org>"))
    assert author.author() == "René <r@example.org>"


def test_what_somebody_answered_once_is_kept() -> None:
    config_file.save(config_file.CommandConfig(author="Eve <eve@example.org>"))
    assert author.author() == "Eve <eve@example.org>"
    path = config_file.place()
    assert path
    assert path.stat().st_mode & 0o777 == 0o600
