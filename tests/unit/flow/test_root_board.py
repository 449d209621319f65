"""Boards: whatever the repository holds, exactly our own tables appear, and nothing else."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from flow.boards.markdown import MOST, ROOM, block, table, text
from flow.boards.plan_board import HEADS, planned_board
from flow.boards.planned import Planned
from flow.boards.project_board import project_board
from flow.boards.root_board import FEW, GROUPS, root_board
from flow.model.snapshot import Departure, ProblemOrigin, Snapshot, SnapshotProblem
from flow.status.states import project_state
from schema.execution import LogRecord, Result, State, Tombstone
from schema.file_input import FileInput
from schema.inputs import Input, InputKind
from schema.node import Inventory, NodeGpu
from schema.project import Project
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started

HOSTILE = [
    "a | b", "`code`", "``` x", "~~~", "~~~~~~~~~~~~", "**bold** _it_", "<script>alert(1)</script>", "</code>",
    "</pre>", "[x](http://evil)", "http://evil.example", "www.evil.example", "mailto:a@b.example", "![i](x)",
    "[[_TOC_]]", "line\nbreak\r\n\n# head", "\u202egnp.exe", "- list", "1. one", "> quote", "# head", "---", "===",
    "| --- |", "a\\|b", "a\\", "&lt;b&gt;", "&#60;b&#62;", "~~gone~~", "<!-- ", "@everyone", "#1 !2 %3 ~4",
    "$[[ x ]]", "$`x`$", "*" * 500, "\u200b\u2060", "x" * 20_000, "\x1b[31mred\x1b[0m", "\ud800", "    indented",
    "[^1]: note", ":::", "{{ x }}",
]  # fmt: skip
OURS = {
    "paragraph",
    "heading",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "link",
    "bullet_list",
    "list_item",
    "fence",
}
PARSER = MarkdownIt("gfm-like", {"linkify": False}).disable("linkify")
STAGES = ("stage", "state", "execution", "result", "why")
HISTORY = ("stage", "execution", "state", "changed", "result", "node", "files")
REQUESTS = ("request", "asks to", "stage", "by", "reply", "comment")
NEEDS = ("project", "stages", "state", "why")
NODES = ("node", "has", "runs", "state")
PROJECT = [STAGES, HISTORY, REQUESTS]


def kinds(markdown: str) -> set[str]:
    """Every element there is; a piece of HTML that is not ours as it stands."""
    found: set[str] = set()

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type == "html_inline":
                found.update({token.content} - {"<code>", "</code>"})
            elif token.type not in ("text", "inline", "softbreak"):
                found.add(token.type.removesuffix("_open").removesuffix("_close"))
            walk(token.children or [])

    walk(PARSER.parse(markdown))
    return found


def targets(markdown: str) -> list[str]:
    tokens = [child for token in PARSER.parse(markdown) for child in token.children or []]
    return [str(child.attrs["href"]) for child in tokens if child.type == "link_open"]


def tables(markdown: str) -> list[tuple[str, ...]]:
    """The heads of each table, once every row was seen to have as many cells in the source."""
    heads: list[list[str]] = []
    tokens = PARSER.parse(markdown)
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            heads.append([])
        elif token.type == "th_open":
            heads[-1].append(tokens[place + 1].content)
        elif token.type == "tr_open" and token.map:
            line = markdown.split("\n")[token.map[0]].replace("\\\\", "").replace("\\|", "")
            assert line.count("|") == len(heads[-1]) + 1 or not heads[-1], line
    return [tuple(each) for each in heads]


def story(words: str) -> Story:
    made = Story()
    project = Project(pipeline="p").model_copy(update={"name": words[:200], "tags": (words[:60],)})
    made.view = replace(made.view, project=project)
    made.ask(request="start")
    made.ran(State.FAILED, End.EXIT_CODE)
    made.now(1, text=words, inputs={"x": words}, result=Result(values={words[:30]: words}, exit_code=3))
    made.now(1, log=LogRecord(lines=2, tail=(words.replace("\n", " "), words[:10].replace("\n", " "))), artifacts=3)
    told = {"by": words, "comment": words, "request": words}
    made.view = replace(made.view, replies=tuple(reply.model_copy(update=told) for reply in made.view.replies))
    return made


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_make_no_element(words: str) -> None:
    view = story(words).view
    gpu = NodeGpu(uuid="x").model_copy(update={"model": words})
    snapshot = Snapshot(
        "m",
        "s",
        projects={"v": view},
        problems=(SnapshotProblem(f"pipelines/p.yaml:1:1: {words}", ProblemOrigin.MAIN),),
        inventories={"n1": Inventory(node="n1", incarnation="i", gpus=(gpu,))},
    )
    planned = Planned(
        "v", (words,), stage=words, inputs={words: words}, env={words: words}, waits=words, stale=(words,)
    )
    boards = {root_board(snapshot): [NEEDS, NODES], project_board(snapshot, view): PROJECT}
    for board, expected in {**boards, planned_board(snapshot, [planned]): [HEADS]}.items():
        assert kinds(board) <= OURS, board
        assert tables(board) == expected, board
        assert all(target.startswith(("projects/v/", "executions/", "logs/", "artifacts/", "replies/"))
                   for target in targets(board))  # fmt: skip
        assert "\u202e" not in board
        assert "\x1b" not in board
        board.encode(errors="replace")


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_questions_and_defaults_stay_in_their_block(words: str) -> None:
    made = started()
    made.ran()
    assert made.view.definition
    gate = made.view.definition.stages[1]
    spec = Input().model_copy(update={"default": words[:1000], "description": words})
    asking = gate.model_copy(update={"confirm": words, "inputs": {"keep": spec, "size": Input(type=InputKind.NUMBER)}})
    stages = (made.view.definition.stages[0], asking, *made.view.definition.stages[2:])
    made.view = replace(made.view, definition=made.view.definition.model_copy(update={"stages": stages}))
    board = project_board(fleet(made), made.view)
    assert kinds(board) <= OURS, board
    assert tables(board) == PROJECT
    [fence] = [token for token in PARSER.parse(board) if token.type == "fence"]
    lines = fence.content.splitlines()
    assert lines[:3] == ["request: answer", "stage: review", "inputs:"]
    assert [line.split(":")[0].lstrip("# ") for line in lines[3:]] == ["keep", "size"]


@pytest.mark.parametrize("words", HOSTILE)
def test_a_block_holds_its_lines_and_nothing_ends_it(words: str) -> None:
    lines = [words.replace("\n", " ").replace("\r", " "), "last"]
    tokens = PARSER.parse("\n".join(block(lines)))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content.splitlines()[-1] == "last"


def test_a_name_that_shows_nothing_is_told_by_the_id() -> None:
    view = story("\u200b \u2060").view
    assert "[v](projects/v/README.md)" in root_board(Snapshot("m", "s", projects={"v": view}))


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("a &lt; b", "a \\&lt; b"),
        ("&1 #2 !3 %4 ~5 $6 @all", "\\&1 \\#2 \\!3 \\%4 \\~5 \\$6 \\@all"),
        (":smile: and :+1:", "\\:smile: and \\:+1:"),
        ("q.yaml:3:15: unknown key", "q.yaml:3:15: unknown key"),
        ("detect: ExitCode: exit code 3", "detect: ExitCode: exit code 3"),
    ],
)
def test_what_gitlab_reads_as_a_reference_is_escaped_and_places_stay_readable(words: str, written: str) -> None:
    assert text(words) == written
    assert "".join(token.content for token in PARSER.parseInline(written)[0].children or []) == words


def test_words_are_cut() -> None:
    assert len(text("x" * 10_000)) == 300


def test_a_table_is_bounded_in_rows_and_bytes_and_says_what_is_left_out() -> None:
    many = table(("a",), (["x"] for _ in range(500)), 500)
    assert many[-2] == f"… and {500 - MOST} more."
    wide = table(("a",), (["€" * 1000] for _ in range(50)), 50)
    assert len("\n".join(wide).encode()) < ROOM + 100
    assert wide[-2] == "… and 42 more."


def test_a_board_of_thousands_is_bounded_and_its_counts_are_whole() -> None:
    asked = story("<" * 300)
    asked.ran(State.FAILED, End.EXIT_CODE)
    asked.ran(State.FAILED, End.EXIT_CODE)
    worst = asked.view
    views = {f"v{number:04d}": replace(worst, id=f"v{number:04d}") for number in range(3000)}
    fresh = {f"w{number}": replace(Story().view, id=f"w{number}") for number in range(FEW + 7)}
    board = root_board(
        Snapshot("m", "s", projects=views | fresh, problems=(SnapshotProblem("<" * 5000, ProblemOrigin.MAIN),) * 200)
    )
    assert "## Needs you (3000)" in board
    assert f"## Not started ({FEW + 7})" in board
    assert "… and 7 more." in board
    assert "and 150 more" in board
    assert len(board.encode()) < 128 * 1024, "or it could not be read again"


def test_a_project_with_a_long_history_has_a_board_of_bounded_size() -> None:
    made = story("<" * 300)
    for number in range(120):
        made.ask(request="start", stage="detect", inputs={"speed": number % 9}, comment="|" * 300)
        made.ran(State.FAILED, End.EXIT_CODE)
        made.now(number + 2, text="|" * 4000, inputs={f"k{key}": "|" * 4000 for key in range(20)})
    board = project_board(fleet(made), made.view)
    assert tables(board) == PROJECT
    assert len(board.encode()) < 128 * 1024


def test_the_same_state_gives_the_same_bytes_however_it_was_come_by() -> None:
    one, other = story("x"), story("x")
    nodes = (node("n2"), node("n1", drain=True))
    left, right = fleet(one, *nodes), fleet(other, *nodes)
    right = replace(right, heartbeats={"n1": "b" * 40}, main="other", board="before")
    assert root_board(left) == root_board(right)
    assert project_board(left, one.view) == project_board(right, other.view)


def test_a_redo_shows_what_was_changed_and_what_is_stale() -> None:
    made = started()
    made.ran()
    made.now(1, inputs={"speed": 1, "video": FileInput(path="a.mp4", digest="blake3:1")}, env={"project": {"A": 1}})
    made.ask(request="answer", inputs={"keep": True})
    made.ran()
    made.ask(request="start", stage="detect", inputs={"speed": 3})
    made.ran()
    made.now(3, inputs={"speed": 3, "video": FileInput(path="a.mp4", digest="blake3:2")}, env={"project": {"B": 1}})
    board = project_board(fleet(made), made.view)
    [row] = [
        line
        for line in board.splitlines()
        if line.startswith("| detect | [3]") and "files" not in line and "n1" in line
    ]
    for changed in ("speed=3", "video=a.mp4", "env B=1", "env A taken out"):
        assert f"<code>{changed}</code>" in row
    assert "♻️ stale" in board


def test_a_failure_shows_the_end_of_its_log_and_links_to_all_of_it() -> None:
    made = started()
    made.ran(State.FAILED, End.EXIT_CODE)
    made.now(
        1, log=LogRecord(lines=90, tail=("reading frames", "  KeyError: 'x'")), artifacts=2, result=Result(exit_code=3)
    )
    made.view = replace(made.view, definition=made.view.definition)
    if made.steps.run:  # the policy grants others
        made.ask(request="pause")
    board = project_board(fleet(made), made.view)
    assert "reading frames\n  KeyError: 'x'\n" in board
    assert {"executions/0001-detect.yaml", "logs/0001-detect.txt", "artifacts/0001-detect.json"} <= set(targets(board))


def test_what_a_person_is_asked_stands_there_as_the_file_that_answers() -> None:
    made = started()
    made.ran()
    board = project_board(fleet(made), made.view)
    assert "projects/v/requests/0002-answer.yaml" in board
    assert "request: answer\nstage: review\ninputs:\n  keep: true\n" in board


def test_what_has_to_be_given_is_left_empty_and_what_need_not_be_is_a_comment() -> None:
    gate = "{size: {type: number}, note: {optional: true}, unit: {default: m}}"
    text = f"name: p\nstages:\n  - {{name: review, when: manual, inputs: {gate}}}\n  - {{name: a, image: i}}\n"
    board = project_board(fleet(made := started(text)), made.view)
    assert 'inputs:\n  size:   # number\n  # note: string\n  unit: "m"\n' in board
    assert "winslowctl answer v --input size=…" in board


def test_a_project_that_leaves_is_shown_until_its_files_are_gone() -> None:
    view = replace(story("x").view, project=None, deletion=Departure("c" * 40, "Ada <ada@example.org>"))
    leaving = root_board(Snapshot("m", "s", projects={"v": replace(view, tombstone=Tombstone())}))
    assert "## Being deleted (1)" in leaving
    assert "Needs you" not in leaving
    gone = replace(view, tombstone=Tombstone(state="purged"), replies=(), executions=())
    assert "No projects yet." in root_board(Snapshot("m", "s", projects={"v": gone}))


def test_a_pipeline_of_very_many_stages_has_a_short_strip() -> None:
    stages = "".join(f"  - {{name: s{number}, image: i}}\n" for number in range(60))
    made = started(f"name: p\nstages:\n{stages}")
    [row] = [line for line in root_board(fleet(made)).splitlines() if line.startswith("| [v]")]
    assert row.count("▫️") + row.count("⏳") <= 42
    assert "…" in row


def test_the_group_of_a_project_is_that_of_its_state_whatever_the_nodes_are() -> None:
    """The root board looks it up by the project's view alone."""
    queued, failed, done, asking = started(), started(), started("name: p\nstages: [{name: a, image: i}]\n"), started()
    asking.ran()
    done.ran()
    failed.ran(State.FAILED, End.IMAGE_UNAVAILABLE)
    running = started()
    running.ran(State.RUNNING)
    stories = {"q": queued, "f": failed, "d": done, "a": asking, "r": running, "n": Story()}
    for nodes in ((), (node("n1"),), (node("n1", slots=1), node("n2", drain=True))):
        snapshot = fleet(stories, *nodes)
        board = root_board(snapshot)
        for id, view in snapshot.projects.items():
            state = project_state(snapshot, view).state
            group = next(group.name for group in GROUPS if state in group.states)
            assert f"(projects/{id}/" in board.partition(f"## {group} (")[2].partition("\n## ")[0] or id == "n"
