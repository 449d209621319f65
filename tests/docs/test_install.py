"""The first commands of a newcomer: a virtual environment and an installation, in a copy of the sources."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.docs.terminals import Terminals, environment

LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".demo", "__pycache__", ".*_cache", "*.egg-info", ".hypothesis")
PAGES = ("README.md", "docs/start.md")


def installation(page: str) -> str:
    [block] = [block for block in blocks(ROOT / page) if block.argument == "tests/docs/test_install.py"]
    return block.text


def test_all_pages_install_alike() -> None:
    assert len({installation(page) for page in PAGES}) == 1


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_the_installation_of_the_readme_gives_the_command(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    shutil.copytree(ROOT, sources, ignore=LEFT_OUT)
    clean = {name: value for name, value in environment(tmp_path).items() if name != "PYTHONPATH"}
    terminals = Terminals(sources, clean)
    assert terminals.run(installation("README.md")) == 0, terminals.said
    assert terminals.run("winslowctl --help && winslowctl init lab && winslowctl validate lab") == 0, terminals.said
    found = subprocess.run(["sh", "-c", f"{terminals.exports}command -v winslowctl"], cwd=sources, capture_output=True)
    assert found.stdout.decode().strip() == str(sources / ".venv" / "bin" / "winslowctl")
