"""Text to value and back; every text that is refused says where and what to do."""

import json
import re
import threading

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from schema.codec import KEY, MAX_BYTES, MAX_DEPTH, dump, load
from schema.errors import LISTED, DocumentError, Problem, SchemaError

HANG = 20.0


def problem(text: str | bytes, file: str = "f.yaml", **limits: int) -> str:
    """The refusal of a text; fails if it is accepted or takes forever."""
    caught: list[DocumentError] = []

    def read() -> None:
        try:
            load(text, file, **limits)
        except DocumentError as error:
            caught.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(HANG)
    assert not reader.is_alive(), "the reader hangs"
    assert caught, "the text was accepted"
    return str(caught[0])


def refusal(text: str | bytes) -> str:
    """The refusal of a text, or nothing."""
    try:
        load(text, "f.yaml")
    except DocumentError as error:
        return str(error)
    return ""


def value(text: str | bytes) -> object:
    return load(text, "f.yaml").value


# reading

SCALARS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "nUll": "nUll",
    "true": True, "True": True, "FALSE": False, "tRue": "tRue",
    "yes": "yes", "no": "no", "on": "on", "off": "off", "y": "y",
    "12": 12, "-12": -12, "+12": 12, "007": 7, "0o17": 15, "0x1F": 31, "0b1": "0b1", "1_000": "1_000",
    "1.5": 1.5, ".5": 0.5, "1.": 1.0, "1e3": 1000.0, "-1.5E-3": -0.0015, ".": ".", "1.2.3": "1.2.3",
    "12:30:45": "12:30:45", "12:30": "12:30", "2020-01-16": "2020-01-16",
    "2020-01-16T08:00:00Z": "2020-01-16T08:00:00Z", "=": "=",
    "3 days": "3 days", "'12'": "12", '"null"': "null", "-x": "-x",
    "１２": "１２",
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_S13_scalars_are_those_of_yaml_1_2(text: str) -> None:
    read = value(f"a: {text}")
    assert read == {"a": SCALARS[text]}
    assert type(read["a"]) is type(SCALARS[text])


def test_positions_of_keys_and_values() -> None:
    parsed = load("name: a\nstages:\n  - name: b\n    command: [x, y]\n", "f.yaml")
    assert parsed.positions == {
        (): (1, 1),
        ("name", KEY): (1, 1),
        ("name",): (1, 7),
        ("stages", KEY): (2, 1),
        ("stages",): (3, 3),
        ("stages", 0): (3, 5),
        ("stages", 0, "name", KEY): (3, 5),
        ("stages", 0, "name"): (3, 11),
        ("stages", 0, "command", KEY): (4, 5),
        ("stages", 0, "command"): (4, 14),
        ("stages", 0, "command", 0): (4, 15),
        ("stages", 0, "command", 1): (4, 18),
    }


def test_a_problem_is_put_at_the_nearest_place_that_is_in_the_file() -> None:
    parsed = load("a:\n  b: 1\n", "f.yaml")
    assert str(parsed.problem(("a", "b"), "x")) == "f.yaml:2:6: x"
    assert str(parsed.problem(("a", "c", 3), "x")) == "f.yaml:2:3: x"
    assert str(parsed.problem(("z",), "x")) == "f.yaml:1:1: x"


def test_columns_count_characters_and_a_byte_order_mark_is_none() -> None:
    assert load("\ufeffé: ü".encode(), "f.yaml").positions[("é",)] == (1, 4)


def test_an_empty_file_is_null() -> None:
    assert value("") is None
    assert value("# only a comment\n") is None
    assert load(b"", "f.yaml").problem((), "x").line == 1


# refusing

MALFORMED = {
    "a: b: c": "1:5: a ':' cannot stand here; check indentation, or quote the text",
    "a: 1\n b: 2": "2:3: a ':' cannot stand here; check indentation, or quote the text",
    "a:\n  b: 1\n c: 2": "3:2: this does not continue the mapping; check indentation, quotes, brackets",
    "- a\nb: 1": "2:1: this does not continue the list above it; check the indentation",
    "a: - b": "1:4: no list item can begin here; give it its own line",
    "a: {x: 1": "1:4: this mapping has no end; a ',' or '}' is missing",
    "{a: 1}}": "1:7: the document has ended above; check brackets and quotes",
    "a: ]": "1:4: a value is missing here",
    "a: @x": "1:4: a text that begins with @ must be quoted",
    "a: `x": "1:4: a text that begins with ` must be quoted",
    "a: *.jpg": "1:4: a text that begins with * must be quoted",
    "a: &": "1:4: a text that begins with & must be quoted",
    "a: *x": "1:4: the alias '*x' is not allowed; repeat the value, or quote a text that begins with *",
    'a: "\\q"': "1:5: unknown escape; write \\\\ for a backslash, or use single quotes",
    'a: "\\uD800"': "1:7: this escape is no Unicode character",
    "a: |x\n b": "1:4: after | or > only - or + and an indentation may stand; quote the text otherwise",
    "x\ny: 1": "2:2: a ':' cannot stand here; check indentation, or quote the text",
    "a: 1\nb\nc: 2": "2:1: a ':' is missing behind this key",
    "true: x": "1:1: a key must be a text, not 'true'; quote it: \"true\"",
    "? \n: x": "1:2: a key must be a text, not empty; quote it",
    "{[a]: b}": "1:2: a key must be a text; quote it if it begins with [ or {",
    "a: \ud800": "1:4: the character U+D800 is not allowed in a document; write it as an escape in quotes",
    "a: .INF": "1:4: '.INF' is not a number a document can hold; leave it out, or quote the text",
}


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_texts_are_refused_in_plain_words(text: str) -> None:
    assert problem(text) == f"f.yaml:{MALFORMED[text]}"


def test_S13_twenty_thousand_brackets() -> None:
    assert problem("[" * 20_000) == "f.yaml:1:33: nested too deep; at most 32 levels are read"
    assert problem("- " * 20_000) == "f.yaml:1:65: nested too deep; at most 32 levels are read"
    assert re.search("a key must be a text|nested too deep", problem("{" * 20_000)), "which comes first is libyaml's"
    assert "a key must be a text" in problem("? " * 20_000)
    assert "nested too deep" in problem("[1," * 20_000)
    assert "nested too deep" in problem("{a: " * 20_000)


def test_S13_a_number_of_five_megabytes() -> None:
    number = "9" * 5_000_000
    assert problem(number) == "f.yaml:1:1: the file is too large; at most 262,144 bytes are read"
    much = problem(f"a: {number}", max_bytes=10_000_000)
    assert much == "f.yaml:1:4: a number has at most 40 digits; quote it if it is a text"
    assert "at most 40 digits" in problem("a: 0x" + "f" * 200_000)
    assert "at most 40 digits" in problem("a: 0." + "1" * 200_000)


def test_S13_size_is_judged_in_bytes() -> None:
    assert "too large" in problem("é" * (MAX_BYTES // 2 + 1))
    assert "too large" in problem(b"#" * (MAX_BYTES + 1))
    assert value(b"#" * MAX_BYTES) is None


def test_S13_depth_and_count_are_bounded() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert value(deep) is not None
    assert "nested too deep" in problem(f"[{deep}]")
    assert "too many keys and values; at most 20,000 are read" in problem("[" + "a," * 25_000 + "]")


@pytest.mark.timeout(HANG)
@pytest.mark.parametrize(
    "piece", ["[a: ", "{a, ", "? a\n", '"', "'", "#", "- - ", "|", "a:\n", "&a ", "!a ", "%", "---\n", "\\"]
)
def test_S13_repeated_pieces_are_judged_without_hanging(piece: str) -> None:
    assert refusal(piece * (MAX_BYTES // len(piece))).isprintable()


@settings(derandomize=True, deadline=None)
@given(
    st.text(alphabet=st.sampled_from(list("ab:-?[]{},#&*!|>'\"%@`\\ \n\t0.~<\0\x85\ufeff")), max_size=60) | st.binary()
)
def test_S13_any_text_is_read_or_refused_with_a_printable_message(text: str | bytes) -> None:
    assert refusal(text).isprintable()


# errors


def test_messages_are_printable_and_short() -> None:
    assert str(Problem("a\nb", 1, 2, "x\x1b[31m\u2028")) == "a\\nb:1:2: x\\x1b[31m\\u2028"
    assert len(problem(f'"{"k" * 500}": 1\n"{"k" * 500}": 2')) < 150


def test_only_the_first_problems_are_spelled_out() -> None:
    error = DocumentError(Problem("f", line, 1, "x") for line in range(1, LISTED + 4))
    assert len(error.problems) == LISTED + 3
    assert str(error).splitlines()[LISTED:] == ["… and 3 more"]


# writing

RECORD = {
    "version": 1,
    "request": "0002-start.yaml",
    "reason": None,
    "claim": {"id": "9c1e", "container": "12e4", "lease": {"lost_after": 600}},
    "image": {"ref": "registry.lan:5000/traffic:1.4", "digest": "sha256:0a"},
    "command": ["python", "-m", "traffic.detect", "--in", "$[[ inputs.video ]]"],
    "env": {},
    "gpus": [],
    "times": {"claimed": "2020-01-16T08:00:00Z"},
    "comment": "drift in minute 4, lower threshold",
    "text": "one\n  two\n\nthree",
    "stages": [{"name": "a", "list": [[1, {"b": 2}], []]}, "x"],
    "answers": ["no", "1.0", "", None, True, 0.5],
}
WRITTEN = """\
version: 1
request: 0002-start.yaml
reason: null
claim:
  id: 9c1e
  container: "12e4"
  lease:
    lost_after: 600
image:
  ref: registry.lan:5000/traffic:1.4
  digest: sha256:0a
command: [python, -m, traffic.detect, --in, "$[[ inputs.video ]]"]
env: {}
gpus: []
times:
  claimed: "2020-01-16T08:00:00Z"
comment: drift in minute 4, lower threshold
text: |-
  one
    two

  three
stages:
  - name: a
    list:
      - - 1
        - b: 2
      - []
  - x
answers: ["no", "1.0", "", null, true, 0.5]
"""


def test_records_are_written_for_people() -> None:
    assert dump(RECORD) == WRITTEN
    assert value(WRITTEN) == RECORD
    assert dump({}) == "{}\n"


def test_long_texts_stay_on_one_line_and_long_lists_do_not() -> None:
    assert dump({"a": "word " * 100 + "end"}).count("\n") == 1
    assert dump({"a": ["x" * 30] * 4}) == "a:\n" + f"  - {'x' * 30}\n" * 4


@pytest.mark.parametrize(
    "unwritable",
    [{1: 2}, {"a": float("nan")}, {"a": float("inf")}, {"a": 10**40}, {"a": {1, 2}}, {"a": b"x"}, {"a": [{None: 1}]}],
)
def test_what_no_document_can_hold_is_not_written(unwritable: dict[str, object]) -> None:
    with pytest.raises(SchemaError):
        dump(unwritable)


def test_what_is_too_deep_to_be_read_is_not_written() -> None:
    deep: dict[str, object] = {}
    for _ in range(MAX_DEPTH - 1):
        deep = {"a": deep}
    assert value(dump(deep)) == deep
    with pytest.raises(SchemaError):
        dump({"a": deep, "b": {"a": {"a": deep}}})


def test_a_lone_surrogate_is_written_as_its_escape() -> None:
    assert value(dump({"file": "caf\udce9.txt"})) == {"file": "caf\\udce9.txt"}


NASTY = [
    "", " ", "a ", " a", "-", "- a", "--", "---", "...", "?", "? a", ":", ": ", "a: b", "a:", "a #b", "#",
    "a\n", "\na", "a\n\n", "a\n b", " a\nb", "a\tb", "\t", "a\n\tb", "a\r\nb", "\r", "\0", "\x7f", "\x85",
    "\u2028", "\ufeff", "\ufffe", "\U0001ffff", "😀", "no", "Yes", "ON", "null", "~", "1", "1.0", "1e3", "0x1f",
    "0o17", "0b1", "1_000", "12:30", "12:30:45", "2020-01-16", "2020-01-16 8h", ".5", ".inf", "-.INF", ".nan",
    "+1", "-1", "-a", "--a", "=", "<<", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "{}", "[]", "a, b", "a]",
    "'", "''", '"', "\\", "a\\n", "a: {", "a:,", "a:]", "a::b", "a :b", "true", "y", "١", "²x", "１", "a\u00a0b",
    "k" * 2000, "k\n" * 700, '"' * 1100, "a\n# b\n", "--- a\n--- b", "a\n\n\n b\n\n", "0.e1", "1e5x", "9" * 50,
    "0002-start.yaml", "e1", "_1", "a-", "a:b", "(a", "/a b", "./x", "../x", ".x", "<<<<<<< HEAD\n>>>>>>> x",
]  # fmt: skip


def characters() -> st.SearchStrategy[str]:
    return st.characters(exclude_categories=["Cs"])


def texts() -> st.SearchStrategy[str]:
    pieces = st.text(alphabet=st.sampled_from("ab01 :-?#,[]{}&*!|>'\"%@~=<.\n\t\r\\eEx_/+\x85\u2028"), max_size=12)
    return st.sampled_from(NASTY) | pieces | st.text(characters())


def atoms() -> st.SearchStrategy[object]:
    whole = st.integers(-(10**38), 10**38)
    return st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | texts()


def documents() -> st.SearchStrategy[dict[str, object]]:
    inner = st.recursive(atoms(), lambda some: st.lists(some, max_size=4) | st.dictionaries(texts(), some, max_size=4))
    return st.dictionaries(texts(), inner, max_size=5)


def exactly(document: object) -> str:
    return json.dumps(document)


@given(documents())
@settings(max_examples=300, deadline=None, derandomize=True)
@example({text: text for text in NASTY})
@example({"list": NASTY, "short": [[text] for text in NASTY], "maps": [{text: [text, {text: text}]} for text in NASTY]})
def test_S13_what_is_written_is_read_back(document: dict[str, object]) -> None:
    assert exactly(value(dump(document))) == exactly(document)


@given(documents())
@settings(max_examples=150, deadline=None, derandomize=True)
@example({text: [text] for text in NASTY if len(text) < 900})
@example({"block": [text + "\n" for text in NASTY], "texts": [{"a": text} for text in NASTY]})
def test_other_readers_of_yaml_see_the_same(document: dict[str, object]) -> None:
    text = dump(document)
    assert exactly(yaml.load(text, Loader=yaml.CSafeLoader)) == exactly(document)
    assert exactly(YAML(typ="safe", pure=True).load(text)) == exactly(document)
