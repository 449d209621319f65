"""V6: what the hook passes without loading anything is what the whole check passes."""

import os
import subprocess
import sys
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import isolated
from schema import layout
from schema.errors import DocumentError
from state.server import plain
from state.snapshot.document_cache import read

PATHS = {
    "request": "projects/v/requests/0001-start.yaml",
    "comment": "projects/v/comments/0001.yaml",
    "project": "projects/v/project.yaml",
    "node": "nodes/n1.yaml",
}
KEYS = [
    "request", "stage", "then", "comment", "execution", "pipeline", "name", "description", "drain", "inputs", "fresh",
    "  a", "  b_2", "  A", "   a", "x-y", "", "?", "- a", "priority", "node",
]  # fmt: skip
VALUES = [
    "start", "skip", "abort", "resume", "continue", "pause", "hello", "train.2", "1", "0", "01", "-1", "1.5", "true",
    "yes", "No", "null", "~", "NaN", ".inf", "nan", "0x1f", "1e3", "2020-01-01", '"a: b"', '""', '" "', '"a\\n"',
    '"a"b', "'a'", "a b", "a ", " a", "a: b", "a #b", "a#b", "[a]", "{a: b}", "&a b", "*a", "!!int 3", "|", ">", "%a",
    "@a", "`a", "-", "- a", "a/b.c", "A_b", "ü", "a\tb", "a\rb", "a\u2028b", '"\u202ex"', "x" * 201, "off", "Y",
]  # fmt: skip
ODD = st.text("abz09 :#'\"\\._-/[]{}&*!|>%@`~\t\r\n\x85ü", max_size=9)
WHOLE = ["inputs:", "request: start", "pipeline: hello", "comment: a", "drain: true", "", "---", "...", "# c"]
LINES = st.one_of(
    st.tuples(st.sampled_from(KEYS), st.one_of(st.sampled_from(VALUES), ODD)).map(": ".join), st.sampled_from(WHOLE)
)
ENDS = st.sampled_from(["", "\n", "\n\n", " \n"])
DOCUMENTS = st.tuples(st.lists(LINES, max_size=5).map("\n".join), ENDS).map("".join)


def passes(kind: str, text: bytes) -> bool:
    fields = plain.fields_of(text)
    return bool(fields and plain.FITS[kind](fields))


BASES = [
    ("request", "request: start"), ("request", "request: abort"), ("request", "request: skip\nstage: a"),
    ("comment", "comment: a"), ("project", "pipeline: hello"), ("node", "drain: true"),
]  # fmt: skip
SHAPES = [
    "{base}\n{line}\n",
    "{line}\n",
    "{base}\n{line}\n{line}\n",
    "{base}\ninputs:\n  {line}\n",
    "{base}\ninputs:\nxx{line}\n",
]


@pytest.mark.parametrize(("kind", "base"), BASES)
def test_V6_R1110_no_field_and_no_value_is_passed_that_the_whole_check_refuses(kind: str, base: str) -> None:
    """All keys with all values, in all places: what passes here, passes there."""
    keys = [key.strip() for key in KEYS]
    texts = {
        shape.format(base=base, line=f"{key}: {value}")
        for shape in SHAPES for key in keys for value in [*VALUES, '"\\q"', '"\\"', "a:", "a:b", "&"]
    }  # fmt: skip
    passed = [text for text in texts if passes(kind, text.encode())]
    assert passed
    for text in sorted(passed):
        read(kind, PATHS[kind], text.encode())


@pytest.mark.parametrize(("kind", "base"), BASES)
def test_V6_R1110_no_order_of_lines_is_passed_that_the_whole_check_refuses(kind: str, base: str) -> None:
    lines = [base, "inputs:", "  a: b", "  a: c", "", " ", "# c", "---", "comment: d"]
    orders = ["\n".join(order) for count in (1, 2, 3, 4) for order in product(lines, repeat=count)]
    texts = {order + end for order in orders for end in ("", "\n", "\n\n")}
    for text in sorted(text for text in texts if passes(kind, text.encode())):
        read(kind, PATHS[kind], text.encode())


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.sampled_from(sorted(PATHS)), DOCUMENTS)
def test_V6_R1110_nothing_is_passed_that_the_whole_check_refuses(kind: str, text: str) -> None:
    if passes(kind, text.encode()):
        read(kind, PATHS[kind], text.encode())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("request", "request: start\n"),
        ("request", "request: start\nstage: train.2\nthen: pause\ncomment: second try\n"),
        ("request", 'request: answer\ninputs:\n  note: "good: yes"\n  region: a/b.json\n'),
        ("request", "request: abort\nexecution: 12"),
        ("request", "request: skip\nstage: train\n"),
        ("comment", 'comment: "Looks good, Ada!"\nexecution: 3\n'),
        ("project", "pipeline: hello\nname: Crossing in Ulm\n"),
        ("node", "drain: true\n"),
    ],
)
def test_V6_what_command_and_page_write_is_plain(kind: str, text: str) -> None:
    assert passes(kind, text.encode())
    read(kind, PATHS[kind], text.encode())


@pytest.mark.parametrize(
    ("kind", "text"),
    [("request", "request: skip\n"), ("request", "request: start\nexecution: 1\n"), ("node", "drain: perhaps\n")],
)
def test_R1110_what_is_refused_is_not_plain(kind: str, text: str) -> None:
    assert not passes(kind, text.encode())
    with pytest.raises(DocumentError):
        read(kind, PATHS[kind], text.encode())


NAMES = st.text("ab0._-Ä/ ", max_size=6)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(["projects", "requests", "comments", "nodes", "0001"]), NAMES), max_size=4))
def test_V6_a_plain_path_is_what_the_layout_says(parts: list[str]) -> None:
    for end in (".yaml", "", "/project.yaml"):
        path = "/".join(parts) + end
        if kind := plain.kind_of(path):
            place = layout.place_on_main(path)
            assert place is not None
            assert place.kind == kind


def test_V6_the_hook_loads_next_to_nothing_for_a_plain_push() -> None:
    """Modules are counted, as times depend on what else a machine does."""
    lines = "".join(f"{'1' * 40} {'2' * 40} refs/heads/elsewhere\n" for _ in range(2))
    start = [sys.executable, "-I", "-X", "importtime"]
    hook, nothing = [*start, os.path.join(isolated.ROOT, "runner", "isolated.py"), "state.hook"], [*start, "-c", "pass"]
    told = [subprocess.run(each, input=lines, capture_output=True, text=True, check=True) for each in (hook, nothing)]
    ours, its = ({line.rpartition("|")[2].strip() for line in each.stderr.splitlines()} for each in told)
    assert "state.server.plain" in ours
    assert len(ours - its) <= 12, sorted(ours - its)
