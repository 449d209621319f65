"""The first commands of a newcomer: each installation that the pages tell, in a copy of the sources, and the rest."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.docs.terminals import Terminals, environment

LEFT_OUT = shutil.ignore_patterns(
    ".venv*", ".git", ".demo", "__pycache__", ".*_cache", "*.egg-info", ".hypothesis", "node_modules"
)
PAGES = ("README.md", "docs/start.md")
NETWORK = ("UV_", "PIP_", "SSL_", "HTTP_", "HTTPS_", "http_", "https_", "NO_PROXY", "no_proxy", "REQUESTS_", "CURL_")
"""How this machine reaches the index of packages."""
TOOLS = ("uv", "pipx", "python3")


def installations(page: str) -> list[Block]:
    return [block for block in blocks(ROOT / page) if block.argument == "tests/docs/test_install.py"]


def test_N1_uv_comes_first_on_every_page() -> None:
    assert {installations(page)[0].text for page in PAGES} == {installations("README.md")[0].text}


def test_N1_each_way_of_the_readme_is_told() -> None:
    assert tuple(block.text.split()[0] for block in installations("README.md")) == TOOLS


def clean(folder: Path) -> dict[str, str]:
    """A reader's environment, where uv and pipx are installed, and nothing of this one can be imported."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("uv", "pipx"):
        (tools / name).symlink_to(Path(sys.executable).with_name(name))
    found = {name: value for name, value in environment(folder).items() if name != "PYTHONPATH"}
    network = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
    kept = {"UV_CACHE_DIR": str(Path.home() / ".cache" / "uv"), **network}
    return {**found, **kept, "PATH": f"{tools}:{os.environ['PATH'].replace(str(Path(sys.executable).parent), '')}"}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", TOOLS)
def test_N1_what_the_readme_installs_runs_what_the_readme_says(tmp_path: Path, tool: str) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(ROOT, sources, ignore=LEFT_OUT)
    terminals = Terminals(sources, clean(tmp_path))
    [block] = [each for each in installations("README.md") if each.text.split()[0] == tool]
    try:
        assert terminals.run(block.text) == 0, terminals.said
        assert terminals.run("command -v winslowctl; winslowctl doctor") == 1, terminals.said
        assert str(tmp_path) in terminals.said
        assert "all that a node can do" in terminals.said
        for after in blocks(ROOT / "README.md"):
            terminals.play(after)
        assert "The page: http://" in terminals.told()
        assert "left out" not in terminals.told()
    finally:
        terminals.close()
