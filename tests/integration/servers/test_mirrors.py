"""Reads from a mirror, and pushes that git's own configuration sends to the server behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.transport.push_address import push_address, rewritten
from tests.integration.cli.command import Command
from tests.integration.git.remotes import client, remote, run
from tests.servers.front import Front


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    server = Front(tmp_path)
    yield server
    server.end()


def test_B8_a_node_reads_where_it_pushes_whatever_mirror_its_address_names(
    tmp_path: Path, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This mirror lags for ever. Read from it, the node's own commits look like a branch that was rewound."""
    primary, mirror = remote(tmp_path), tmp_path / "mirror.git"
    run("clone", "-q", "--mirror", str(primary), str(mirror), cwd=tmp_path)
    rule = f"url.{front.url(primary)}.pushInsteadOf"
    run("config", "--file", str(tmp_path / "gitconfig"), rule, front.url(mirror), cwd=tmp_path)
    for name, value in {
        "GIT_CONFIG_GLOBAL": tmp_path / "gitconfig", "XDG_CACHE_HOME": tmp_path, "WINSLOW_DATA": tmp_path / "data"
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    command, seen = Command(), client(tmp_path)
    for _ in range(2):
        said = command("node", "--repo", front.url(mirror), "--name", "n1", "--runner", "process", "--once")
        assert "this node reads there, too" in said
        assert "went back" not in said
    assert list(seen.fetch().inventories) == ["n1"]
    rows = {row["check"]: row for row in command.json("doctor", "--repo", front.url(mirror))}
    assert rows["mirror"]["result"] == "warn"
    assert f"--repo {front.url(primary)}" in rows["mirror"]["text"]
    assert "mirror" not in {row["check"] for row in command.json("doctor", "--repo", front.url(primary))}


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("https://git.lan/lab.git", "ssh://git@git.lan/lab.git"),
        ("https://git.lan/old/lab.git", "https://new.lan/lab.git"),
        ("https://other.lan/lab.git", "https://other.lan/lab.git"),
    ],
)
def test_the_longest_beginning_counts_as_with_git(url: str, there: str) -> None:
    rules = {"ssh://git@git.lan/": "https://git.lan/", "https://new.lan/": "https://git.lan/old/", "x:": ""}
    said = "".join(f"url.{base}.pushinsteadof\n{prefix}\0" for base, prefix in rules.items())
    assert rewritten(url, said) == there


def test_a_repository_by_path_is_where_it_is(tmp_path: Path) -> None:
    assert push_address(str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize("said", ["lab.git", "./lab.git", "ssh://git@git.lan/lab.git", "https://git.lan/lab"])
def test_an_address_for_which_git_has_no_rule_stays_as_it_was_said(said: str) -> None:
    assert push_address(said) == said
