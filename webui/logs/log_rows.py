"""Rows of a log as markup. Whatever a program printed ends up as text of our own elements."""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from runner.logs import log_file
from runner.logs.log_lines import Raw
from webui.logs.ansi import tokens

SHOWN = 4000
"""Signs of a line that are shown."""
LINE = Markup(
    '<div class="ln line-{stream}{here}"{id} data-at="{at}">{number}<time title="{time}">{clock}</time>'
    '<span class="tx">{text}</span></div>\n'
)
NUMBER = Markup('<a class="no" href="?line={number}#L{number}">{number}</a>')
BARE_NUMBER = Markup('<a class="no">{}</a>')
SPAN = Markup('<span class="{}">{}</span>')
CUT = Markup('<span class="cut">… {} bytes of this line are not shown</span>')


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Something the system did; `time` as in the log."""

    time: str
    text: str


def row(raw: Raw, number: int | None, *, place: bool = True, here: bool = False) -> Markup:
    """One line; without a number where it is not known yet. `place`: it can be linked to; `here`: it stands out."""
    text = raw.content.decode(errors="replace")
    line = log_file.parse(text) if raw.begins else log_file.LogLine("", "O", text)
    return LINE.format(
        stream=line.stream,
        here=" here" if here else "",
        id=Markup(' id="L{}"').format(number) if number and place else "",
        at=raw.start,
        number=NUMBER.format(number=number) if number and place else BARE_NUMBER.format(number or ""),
        time=_clean_time(line.time),
        clock=_clean_time(line.time)[11:23],
        text=_text(line.text, raw.cut),
    )


def event_row(event: LogEvent) -> Markup:
    clock, none = _clean_time(event.time), BARE_NUMBER.format("")
    return LINE.format(
        stream="S", here="", id="", at="", number=none, time=clock, clock=clock[11:23], text=_text(event.text, 0)
    )


def rows(
    found: Iterable[Raw | LogEvent], number: int | None, *, places: bool = True, here: Raw | None = None
) -> Markup:
    """`number` is that of the first line. A later piece of a line has none of its own."""
    made: list[Markup] = []
    first = True
    for each in found:
        if isinstance(each, LogEvent):
            made.append(event_row(each))
            continue
        if number and each.begins and not first:
            number += 1
        made.append(row(each, number if each.begins else None, place=places, here=each is here))
        first = False
    return Markup("").join(made)


def _clean_time(text: str) -> str:
    return text if len(text) <= 32 and all(sign in "0123456789-:.TZ+" for sign in text) else ""


def _text(text: str, cut: int) -> Markup:
    left_out = cut + len(text[SHOWN:].encode(errors="replace"))
    made = Markup("").join(
        SPAN.format(each.classes, each.text) if each.classes else Markup("{}").format(each.text)
        for each in tokens(text[:SHOWN])
    )
    return made + CUT.format(left_out) if left_out else made
