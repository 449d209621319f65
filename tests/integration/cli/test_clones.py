"""Ordinary clones of a state repository: validated when sparse, and no repository to work on."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def test_a_sparse_checkout_is_validated_whole(lab: Labs, command: Commands, tmp_path: Path) -> None:
    ctl = command(here := lab(stage("one")))
    clone = tmp_path / "clone"
    git("clone", "-q", str(here.remote), str(clone))
    whole = ctl.json("validate", str(clone))["files"]
    git("-C", str(clone), "sparse-checkout", "set", "nodes")
    assert not (clone / "projects").exists()
    said = ctl.run("validate", str(clone), "-o", "json")
    assert (said.code, f'"files": {whole}' in said.out) == (0, True)
    assert "this checkout is sparse: 2 documents are read as git's index has them" in said.err


def test_a_clone_that_is_named_as_the_repository_names_its_origin(
    lab: Labs, command: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctl = command(here := lab(stage("one")))
    clone = tmp_path / "clone"
    git("clone", "-q", str(here.remote), str(clone))
    said = ctl("ps", "--repo", str(clone), code=1)
    assert f"{clone} is a clone of {here.remote}: name that one, --repo {here.remote}" in said
    monkeypatch.chdir(clone)
    assert f"--repo {here.remote}" in ctl("ps", "--repo", ".", code=1)
