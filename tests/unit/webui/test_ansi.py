"""What a program printed reaches the page as text, with colours of our own words and nothing else."""

import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.logs.log_lines import Raw
from webui.logs import ansi
from webui.logs.ansi import AnsiToken, tokens
from webui.logs.log_rows import LogEvent, rows

ESC = "\x1b"
OURS = re.compile(r"(?:[fb](?:\d{1,3}|i)|bold|faint|italic|underline|struck|ctl)(?: (?!$)|$)")
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "&lt;b&gt;",
    "</div></main>",
    f"{ESC}]8;;javascript:alert(1){ESC}\\click{ESC}]8;;{ESC}\\",
    f"{ESC}]0;title\x07",
    f"{ESC}]52;c;AAAA\x07",
    f"{ESC}P+q\x9c",
    f"{ESC}[31",
    f"{ESC}[38;5;999m",
    f"{ESC}[38;2;1;2m",
    f"{ESC}[{'9' * 500}m",
    f"{ESC}[{'1;' * 500}m",
    f"{ESC}[2J{ESC}[H",
    ESC,
    "\u202eevil\u2066",
    "a\0b",
    "\x9b31mred",
    f"{ESC}{ESC}[31m<b>",
    "\ud800",
    "\ufeff",
    f"{ESC}]never ended <b>",
    "\u2028",
]
anything = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)), max_size=12).map("".join)


class Elements(HTMLParser):
    """Every element with its attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", [AnsiToken("plain")]),
        (f"{ESC}[31mred{ESC}[0m not", [AnsiToken("red", "f1"), AnsiToken(" not")]),
        (f"{ESC}[1;97;44mx", [AnsiToken("x", "f15 b4 bold")]),
        (f"{ESC}[38;5;208mx{ESC}[39my", [AnsiToken("x", "f208"), AnsiToken("y")]),
        (f"{ESC}[38;2;255;0;0mx", [AnsiToken("x", "f196")]),
        (f"{ESC}[7mx", [AnsiToken("x", "fi bi")]),
        (f"{ESC}[31;7mx", [AnsiToken("x", "fi b1")]),
        (f"{ESC}[8mhidden", [AnsiToken("hidden")]),
        (f"{ESC}]0;title\x07text", [AnsiToken("text")]),
        (f"{ESC}]8;;http://x{ESC}\\link", [AnsiToken("link")]),
        (f"{ESC}[2Jtext", [AnsiToken("text")]),
        ("a\0b", [AnsiToken("a"), AnsiToken("␀", "ctl"), AnsiToken("b")]),
        ("\u202eabc", [AnsiToken("�", "ctl"), AnsiToken("abc")]),
        (f"{ESC}", [AnsiToken("␛", "ctl")]),
        ("10%\r20%\r30%", [AnsiToken("↤", "ctl"), AnsiToken("30%")]),
        ("windows\r", [AnsiToken("windows")]),
        ("a\tb", [AnsiToken("a\tb")]),
        ("👩\u200d🔬 é", [AnsiToken("👩\u200d🔬 é")]),
    ],
)
def test_colours_become_classes_and_the_rest_a_mark_or_nothing(line: str, shown: list[AnsiToken]) -> None:
    assert tokens(line) == shown


@given(anything)
def test_S6_nothing_that_acts_is_left(line: str) -> None:
    for token in tokens(line):
        assert all(sign == "\t" or unicodedata.category(sign) not in ("Cc", "Cs", "Zl", "Zp") for sign in token.text)
        assert not set(token.text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
        assert all(OURS.fullmatch(word) for word in token.classes.split())


@given(st.lists(anything, max_size=4), st.lists(anything, max_size=2))
def test_S6_the_page_has_no_element_that_is_not_of_our_template(lines: list[str], events: list[str]) -> None:
    raws = [Raw(0, 1, line.encode(errors="replace").replace(b"\n", b""), begins=True) for line in lines]
    made = Elements(rows([*raws, *(LogEvent("2026-01-01T00:00:00Z", text) for text in events)], 1))
    count = len(lines) + len(events)
    assert [tag for tag, _ in made.found].count("div") == count
    assert {tag for tag, _ in made.found} <= {"div", "a", "time", "span"}
    for tag, given_ in made.found:
        assert set(given_) <= {"div": {"class", "id", "data-at"}, "a": {"class", "href"}, "time": {"title"}}.get(
            tag, {"class"}
        )
        assert re.fullmatch(r"\?line=\d+#L\d+|", given_.get("href") or "")


def test_a_line_of_colours_alone_is_bounded() -> None:
    assert len(tokens(f"{ESC}[31mx{ESC}[32my" * 5000)) <= 2 * ansi.MOST_CHANGES + 2


def test_a_long_line_is_cut_with_a_mark() -> None:
    made = rows([Raw(0, 1_000_001, b"2026-01-01T00:00:00Z O " + b"x" * 8000, cut=992_000)], 7)
    assert len(made) < 6000
    assert "bytes of this line are not shown" in made
    assert 'id="L7"' in made
