"""What is said where a package is missing: once, with the command that installs it here."""

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

from runner import extras


class Installed:
    def __init__(self, origin: object) -> None:
        self.origin = origin

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return json.dumps(self.origin) if self.origin else None


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of an installation from an index, with pip."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    came_from(monkeypatch, None)
    have(monkeypatch, "pip")
    return tmp_path


def came_from(monkeypatch: pytest.MonkeyPatch, origin: object) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(origin))


def have(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: name if name in modules else None)


def test_N2_what_is_installed_lacks_nothing(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, *extras.DOCKER.modules)
    assert extras.lacking(extras.DOCKER) == ""


def test_N2_what_is_missing_is_named_with_the_command(prefix: Path) -> None:
    command = "/venv/bin/python -m pip install 'winslow-controller[node]'"
    told = f"the package obstore is not installed; this brings all for a node: {command}"
    assert extras.lacking(extras.BUCKET) == told


def test_N2_of_very_many_some_are_named(prefix: Path) -> None:
    assert "a2wsgi, anyio, argon2 and others are not installed" in extras.lacking(extras.PAGE)


@pytest.mark.parametrize(
    ("mark", "begins"), [("uv-receipt.toml", "uv tool install --force"), ("pipx_metadata.json", "pipx install --force")]
)
def test_N2_the_command_is_that_of_the_program_that_installed(prefix: Path, mark: str, begins: str) -> None:
    (prefix / mark).touch()
    assert extras.command() == f"{begins} 'winslow-controller[node]'"


def test_N2_without_pip_it_is_uv(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    assert extras.command() == "uv pip install --python /venv/bin/python 'winslow-controller[node]'"


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        ({"url": "file:///src/winslow", "dir_info": {"editable": True}}, "--editable '/src/winslow[node]'"),
        ({"url": "file:///src/winslow", "dir_info": {}}, "'winslow-controller[node] @ file:///src/winslow'"),
        (
            {"url": "https://git.lan/winslow", "vcs_info": {"vcs": "git"}},
            "'winslow-controller[node] @ git+https://git.lan/winslow'",
        ),
    ],
)
def test_N2_it_installs_from_where_this_came(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, origin: object, wanted: str
) -> None:
    came_from(monkeypatch, origin)
    assert extras.command().endswith(f"pip install {wanted}")
