"""No command stands in the documentation that nobody has run: each block says how it is tested."""

import json
import re
import textwrap
from pathlib import Path

import pytest

from schema.codec import load
from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.docs.test_stories import STORIES

ALL = [block for page in PAGES for block in blocks(page)]
DATA = re.compile(r"^ *```(yaml|json)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"^(?: {4}|\t)(?:\$ |winslowctl|scripts/|git |docker |pip |python )", re.MULTILINE)


@pytest.mark.parametrize("block", ALL, ids=str)
def test_every_block_of_commands_says_how_it_is_tested(block: Block) -> None:
    assert block.kind, f"{block}: put `<!-- run -->` or another mark of tests/docs/pages.py above it"
    assert block.argument or block.kind in ("run", "fails", "background"), f"{block}: {block.kind} what?"


@pytest.mark.parametrize("block", [block for block in ALL if block.kind == "tested by"], ids=str)
def test_what_another_test_runs_is_named_by_that_test(block: Block) -> None:
    assert block.page.stem in (ROOT / block.argument).read_text(), f"{block.argument} does not read {block.page.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_stand_in_marked_blocks_and_nowhere_else(page: Path) -> None:
    outside = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert INDENTED.findall(outside) == []


def test_every_page_with_commands_to_run_is_a_story() -> None:
    told = {block.page for block in ALL if block.kind in ("run", "fails", "background")}
    assert told == {ROOT / story for story in STORIES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_of_files_are_read_as_files_are(page: Path) -> None:
    for kind, text in DATA.findall(page.read_text()):
        plain = textwrap.dedent(text)
        assert load(plain, page.name).value if kind == "yaml" else json.loads(plain)
