"""V7: the command loads what it needs. Modules are counted, as times depend on what else a machine does."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import main
from cli.verbs import MODULES, loaded

ROOT = Path(__file__).parents[3]
START = """
import sys
sys.path.insert(0, sys.argv.pop(1))
sys.argv[0] = 'winslowctl'
from cli.main import main
main()
"""


def run(*words: str, columns: str = "80") -> tuple[str, set[str]]:
    """What it says, and the modules it has loaded that an empty Python has not."""
    start = [sys.executable, "-I", "-X", "importtime", "-c"]
    environment = {**os.environ, "COLUMNS": columns}
    ours, nothing = (
        subprocess.run([*start, *each], capture_output=True, text=True, check=True, env=environment)
        for each in ([START, str(ROOT), *words], ["import sys"])
    )
    found, before = ({line.rpartition("|")[2].strip() for line in each.stderr.splitlines()} for each in (ours, nothing))
    return ours.stdout, found - before


def test_V7_the_help_is_said_by_nothing_but_its_file() -> None:
    said, modules = run("--help")
    assert said == Path(main.HELP).read_text()
    assert len(modules) <= 4, sorted(modules)


def test_V7_what_is_written_is_what_the_whole_command_says() -> None:
    """`python docs/generate.py --write` renews it."""
    said, modules = run("-o", "table", "--help")
    assert "typer" in modules
    assert said == Path(main.HELP).read_text()


def test_a_narrow_terminal_is_told_in_its_own_width() -> None:
    said, _ = run("--help", columns="60")
    assert max(map(len, said.splitlines())) <= 60


def test_V7_a_verb_loads_neither_other_verbs_nor_what_reads_documents() -> None:
    _, modules = run("start", "--help")
    verbs = {f"cli.{module}" for module in MODULES.values()}
    assert modules & verbs == {"cli.requests", "cli.completion"} & modules
    assert not modules & {"pydantic", "yaml", "pygit2", "urllib.request", "ssl", "rich"}


@pytest.mark.parametrize("module", sorted(set(MODULES.values())))
def test_every_verb_is_in_the_module_that_the_list_names(module: str) -> None:
    assert set(loaded(module)) == {name for name, place in MODULES.items() if place == module}


def test_no_module_with_verbs_is_left_out() -> None:
    below = {
        "files_put",
        "files_check",
        "image_archives",
        "web_users",
        "web_hook",
    }  # of a group that another module has
    names = [file.stem for file in (ROOT / "cli").glob("*.py") if file.stem != "__init__"]
    found = {name for name in names if hasattr(importlib.import_module(f"cli.{name}"), "add_to")}
    assert found - below == set(MODULES.values())
