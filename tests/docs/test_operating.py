"""docs/operating.md against the code: the options of `node`, and every message of the table of troubles."""

import re
from pathlib import Path

import pytest

from cli.application import app
from cli.verbs import everything
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text()
PACKAGES = ("schema", "flow", "state", "runner", "peer", "controller", "webui", "cli")
PUT_IN = re.compile(r"…|\d+|\(\w+\)|: ")
"""Where the code puts something into a message, or one message into another."""
SHORTEST = 8
"""Characters of a message's piece that say something."""


def source() -> str:
    """All strings of the code, those over several lines put together, without what is put into them."""
    files = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    text = "\n".join(Path(file).read_text() for file in files)
    return re.sub(r'"\s*\n\s*f?"', "", text)


SOURCE = source()


def troubles() -> list[str]:
    table = PAGE.partition("## Troubleshooting")[2]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")][1:]
    return [said for row in rows for said in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("said", troubles())
def test_each_message_of_the_table_is_one_of_the_code(said: str) -> None:
    pieces = [piece.strip(" :") for piece in PUT_IN.split(said)]
    missing = [piece for piece in pieces if len(piece) >= SHORTEST and piece not in SOURCE]
    assert missing == []


def test_the_table_of_options_is_that_of_node() -> None:
    table = PAGE.partition("| option of `node` |")[2].partition("\n\n")[0]
    told = {row[0]: row[1] for row in re.findall(r"^\| `(--[a-z-]+)` \| ([^|]*) \|", table, re.MULTILINE)}
    node = everything(app).commands["node"]
    options = {each.opts[0]: each.default for each in node.params}
    assert set(told) - {"--data", "--repo"} == set(options)
    for name, default in options.items():
        if isinstance(default, str) and default:
            assert f"`{default}`" == told[name].strip(), name
