"""What a program printed, as pieces of plain text with names of colours. No escape sequence gets through.

Colours and weights (SGR) become classes. Every other sequence is taken out; what cannot be seen, or changes the
direction of text, becomes a visible mark. A line is read for itself: no colour goes on in the next one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

MOST_CHANGES = 200
"""Changes of colour in one line; what follows keeps its text and has no colour."""
OVERWRITTEN = "↤"
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)(?P<sgr>[0-9;:]{0,64})m"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^_`a-~]"
    r"|(?P<hidden>[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff])"
)
_SWITCHES = {
    1: ("bold", True), 2: ("faint", True), 3: ("italic", True), 4: ("underline", True), 7: ("inverse", True),
    9: ("struck", True), 23: ("italic", False), 24: ("underline", False), 27: ("inverse", False), 29: ("struck", False),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnsiToken:
    """Text without any control character but the tab, and the classes it is shown with, of our own words only."""

    text: str
    classes: str = ""


@dataclass(frozen=True, slots=True)
class Style:
    fore: int | None = None
    back: int | None = None
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False
    struck: bool = False

    @property
    def classes(self) -> str:
        fore = "" if self.fore is None else f"f{self.fore}"
        back = "" if self.back is None else f"b{self.back}"
        if self.inverse:
            fore, back = f"f{self.back}" if back else "fi", f"b{self.fore}" if fore else "bi"
        words = [name for name in ("bold", "faint", "italic", "underline", "struck") if getattr(self, name)]
        return " ".join(filter(None, (fore, back, *words)))


def tokens(line: str) -> list[AnsiToken]:
    """One line. Of what was overwritten after a carriage return only the last is shown, behind a mark."""
    before, returned, text = line.rstrip("\r").rpartition("\r")
    found = [AnsiToken(OVERWRITTEN, "ctl")] if returned and before else []
    return [*found, *_joined(_tokens(text))]


def plain(line: str) -> str:
    """The same without colours."""
    return "".join(token.text for token in tokens(line))


def _tokens(text: str) -> Iterator[AnsiToken]:
    style, at, changes = Style(), 0, 0
    for match in _SEQUENCE.finditer(text):
        if match.start() > at:
            yield AnsiToken(text[at : match.start()], style.classes)
        at = match.end()
        if match["hidden"] is not None:
            yield AnsiToken(_visible(match["hidden"]), "ctl")
        elif match["sgr"] is not None:
            changes += 1
            style = _changed(style, match["sgr"]) if changes <= MOST_CHANGES else Style()
    if at < len(text):
        yield AnsiToken(text[at:], style.classes)


def _joined(found: Iterator[AnsiToken]) -> Iterator[AnsiToken]:
    """Neighbours that look alike as one, so that a line of marks is not a thousand elements."""
    held: AnsiToken | None = None
    for token in found:
        if held is not None and held.classes == token.classes:
            held = AnsiToken(held.text + token.text, held.classes)
            continue
        if held is not None:
            yield held
        held = token
    if held is not None:
        yield held


def _visible(sign: str) -> str:
    number = ord(sign)
    if number < 32:
        return chr(0x2400 + number)
    return "␡" if number == 127 else "�"


def _changed(style: Style, text: str) -> Style:
    codes = [int(part[-4:]) if part else 0 for part in re.split("[;:]", text)]
    at = 0
    while at < len(codes):
        code = codes[at]
        at += 1
        if code in (38, 48):
            colour, used = _colour(codes[at : at + 4])
            style = replace(style, fore=colour) if code == 38 else replace(style, back=colour)
            at += used
        else:
            style = _switched(style, code)
    return style


def _switched(style: Style, code: int) -> Style:
    if code == 0:
        return Style()
    if code == 22:
        return replace(style, bold=False, faint=False)
    if code in _SWITCHES:
        name, on = _SWITCHES[code]
        return replace(style, **{name: on})
    for first, last, name, base in (
        (30, 37, "fore", 0),
        (90, 97, "fore", 8),
        (40, 47, "back", 0),
        (100, 107, "back", 8),
    ):
        if first <= code <= last:
            return replace(style, **{name: base + code - first})  # type: ignore[arg-type]
    if code == 39:
        return replace(style, fore=None)
    return replace(style, back=None) if code == 49 else style


def _colour(codes: list[int]) -> tuple[int | None, int]:
    """Of `5;n` or `2;r;g;b`: the number of a colour, and how many codes it took."""
    match codes:
        case [5, number, *_] if number <= 255:
            return number, 2
        case [2, red, green, blue] if max(red, green, blue) <= 255:
            return _nearest(red, green, blue), 4
    return None, len(codes)


def _nearest(red: int, green: int, blue: int) -> int:
    """In the cube of 216 colours."""
    steps = [0 if part < 48 else 1 if part < 115 else (part - 35) // 40 for part in (red, green, blue)]
    return 16 + 36 * steps[0] + 6 * steps[1] + steps[2]
