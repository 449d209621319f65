"""Boards: whatever the repository holds, only our own elements appear."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from flow.boards import ROWS, planned_board, project_board, root_board
from flow.markdown import text
from flow.plan import Planned
from flow.world import Snapshot
from schema.execution import Result, State
from schema.node import Inventory
from schema.project import Project
from schema.reasons import End
from tests.unit.flow.builders import Story

HOSTILE = [
    "a | b", "`code`", "**bold** _it_", "<script>alert(1)</script>", "[x](http://evil)", "http://evil.example",
    "www.evil.example", "![i](x)", "line\nbreak\r\n\n# head", "\u202egnp.exe", "- list", "| --- |", "a\\|b",
    "&lt;b&gt;", "~~gone~~", "<!-- ", "@everyone", "$[[ x ]]", "*" * 500,
]  # fmt: skip
OURS = {"paragraph", "heading", "table", "thead", "tbody", "tr", "th", "td", "link", "bullet_list", "list_item"}
PARSER = MarkdownIt("gfm-like", {"linkify": False}).disable("linkify")


def kinds(markdown: str) -> set[str]:
    """Every element there is, and every link's target."""
    found: set[str] = set()

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type not in ("text", "inline", "softbreak"):
                found.add(token.type.removesuffix("_open").removesuffix("_close"))
            if token.type == "html_inline" and token.content not in ("<code>", "</code>"):
                found.add(token.content)
            walk(token.children or [])

    walk(PARSER.parse(markdown))
    return found - {"html_inline"}


def story(words: str) -> Story:
    made = Story()
    made.view = replace(made.view, project=Project(pipeline="p", name=words[:200], tags=()))
    made.ask(request="start", comment=words)
    made.ran(State.FAILED, End.EXIT_CODE)
    made.now(1, text=words, inputs={"x": words}, result=Result(values={words[:30]: words}))
    return made


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_make_no_element(words: str) -> None:
    view = story(words).view
    snapshot = Snapshot(
        "m",
        "s",
        projects={"v": view},
        problems=(words,),
        inventories={"n1": Inventory(node="n1", incarnation="i", runner=words)},
    )
    for board in (
        root_board(snapshot),
        project_board(snapshot, view),
        planned_board(snapshot, [Planned("v", (words,), stage=words, waits=words)]),
    ):
        assert kinds(board) <= OURS, board
        assert "http://" not in board.replace("](http://", "")


def test_a_table_keeps_its_columns() -> None:
    board = project_board(Snapshot("m", "s"), story("a | b \\| c").view)
    counts = {
        line.replace("\\|", "").count("|")
        for line in board.partition("## History")[2].partition("## Requests")[0].splitlines()
        if line
    }
    assert len(counts) == 1


def test_words_are_cut() -> None:
    assert len(text("x" * 10_000)) == 300


def test_a_board_is_bounded_and_its_counts_are_whole() -> None:
    view = Story().view
    snapshot = Snapshot("m", "s", projects={f"v{n}": replace(view, id=f"v{n}") for n in range(ROWS + 7)})
    board = root_board(snapshot)
    assert f"Not started ({ROWS + 7})" in board
    assert "… and 7 more." in board


def test_the_same_snapshot_gives_the_same_board() -> None:
    view = story("x").view
    assert root_board(Snapshot("m", "s", projects={"v": view})) == root_board(Snapshot("m", "s", projects={"v": view}))


def test_a_redo_shows_what_was_changed_and_what_is_stale() -> None:
    made = Story()
    made.ask(request="start")
    made.ran()
    made.now(1, inputs={"speed": 1})
    made.ask(request="answer", inputs={"keep": True})
    made.ran()
    made.ask(request="start", stage="detect", inputs={"speed": 3})
    made.ran()
    made.now(3, inputs={"speed": 3})
    board = project_board(Snapshot("m", "s", projects={"v": made.view}), made.view)
    assert "speed=3" in board
    assert "stale" in board
