"""Tables for people, JSON and YAML for programs. Repository text is cleaned before a terminal shows it."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from cli.errors import CommandError
from cli.settings import CURRENT
from cli.streams import speaks_unicode

COLOURS = {
    "running": "cyan", "preparing": "cyan", "claimed": "cyan", "queued": "blue", "needs_input": "yellow",
    "waiting": "yellow", "paused": "yellow", "failed": "red", "aborted": "red", "lost": "red", "invalid": "red",
    "succeeded": "green", "stale": "magenta", "skipped": "dim", "pending": "dim", "new": "dim", "superseded": "dim",
}  # fmt: skip


FORMS = ("table", "wide", "name", "csv", "json", "yaml")


def set_output(name: str, verb: str | None = None) -> None:
    if name not in FORMS and (name, verb) != ("markdown", "plan"):
        raise CommandError(f"-o takes {', '.join(FORMS[:-1])} or {FORMS[-1]}, not {name[:20]!r}", 2)
    CURRENT.output = name


def for_people() -> bool:
    return CURRENT.output in ("table", "wide")


def wide() -> bool:
    """Whether nothing is to be cut, and more is to be shown."""
    return CURRENT.output == "wide"


def for_programs(value: Any, name: str = "") -> bool:
    """Print in a form for programs if one was asked for; False where a table is wanted.

    `name` is the key by which others call a row; the first one where nothing is said.
    """
    match CURRENT.output:
        case "json":
            print(json.dumps(value, indent=2, ensure_ascii=not speaks_unicode(sys.stdout), default=str))
        case "yaml":
            _print_yaml(value)
        case "csv":
            _print_csv(_rows(value))
        case "name":
            for row in _rows(value):
                print(_cell(row.get(name) if name else next(iter(row.values()), "")))
        case _:
            return False
    return True


def _print_yaml(value: Any) -> None:
    import yaml

    plain = json.loads(json.dumps(value, default=str))
    yaml.safe_dump(plain, sys.stdout, sort_keys=False, allow_unicode=speaks_unicode(sys.stdout))


def _rows(value: Any) -> list[dict[str, Any]]:
    """One thing is a list of one."""
    return value if isinstance(value, list) else [value]


def _print_csv(rows: list[dict[str, Any]]) -> None:
    import csv

    keys = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if keys:
        writer.writerow(keys)
    writer.writerows([_cell(row.get(key)) for key in keys] for row in rows)


def _cell(value: Any) -> str:
    """Lists of words with blanks between them; what has parts of its own as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def one_line(value: Any) -> bool:
    """Print as one line of JSON, or one document of YAML, of a stream; False where text is wanted."""
    if CURRENT.output == "json":
        print(json.dumps(value, ensure_ascii=not speaks_unicode(sys.stdout), default=str), flush=True)
        return True
    if CURRENT.output == "yaml":
        print("---")
        return for_programs(value)
    if CURRENT.output in ("csv", "name"):
        raise CommandError(f"-o {CURRENT.output} is for lists, and this goes on; -o json prints one object a line", 2)
    return False


Row = dict[str, Any]


def long_list(
    rows: Iterable[Row],
    heads: Sequence[str],
    cells: Callable[[Row], Sequence[str]],
    *,
    empty: str = "nothing",
    name: str = "",
) -> None:
    """A list that may be very long, in every form: rows are printed as they come. Cells are plain (`plain_cell`)."""
    from cli.tables import print_long

    match CURRENT.output:
        case "json":
            _print_json_rows(rows)
        case "yaml":
            first = next(waiting := iter(rows), None)
            for row in [[]] if first is None else ([row] for row in chain([first], waiting)):
                _print_yaml(row)
        case "csv" | "name":
            _print_long_csv(iter(rows), name)
        case _ if not print_long(heads, map(cells, rows)):
            line(f"[dim]{empty}[/]")


def _print_json_rows(rows: Iterable[Row]) -> None:
    """As `json.dumps` prints the whole list."""
    ascii, before = not speaks_unicode(sys.stdout), "[\n"
    for row in rows:
        text = json.dumps(row, indent=2, ensure_ascii=ascii, default=str).replace("\n", "\n  ")
        sys.stdout.write(f"{before}  {text}")
        before = ",\n"
    print("[]" if before == "[\n" else "\n]")


def _print_long_csv(rows: Iterator[Row], name: str) -> None:
    """Columns are those of the first row, which all rows of a long list have."""
    import csv

    first = next(rows, None)
    if first is None:
        return
    if CURRENT.output == "name":
        for row in chain([first], rows):
            print(_cell(row.get(name) if name else next(iter(row.values()), "")))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(first)
    writer.writerows([_cell(row.get(key)) for key in first] for row in chain([first], rows))


def plain_cell(value: object, limit: int = 200) -> str:
    """Text of the repository for a long list, safe for a terminal."""
    from runner.logs.log_file import clean

    text = "" if value is None else str(value)
    if not text.isprintable():
        text = " ".join(clean(part) for part in text.splitlines())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def safe(text: str) -> str:
    """A whole text as it is for a program, cleaned for a terminal."""
    from runner.logs.log_file import clean

    return "\n".join(clean(part) for part in text.split("\n")) if sys.stdout.isatty() else text


def counted(number: int, what: str) -> str:
    """`1 node`, `3 nodes`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def shown(value: object, limit: int = 200) -> str:
    """Text of the repository, safe for a terminal and for rich."""
    from rich.markup import escape

    from runner.logs.log_file import clean

    text = " ".join(clean(line) for line in str("" if value is None else value).splitlines())
    return escape(text if len(text) <= limit else text[: limit - 1] + "…")


def state_word(state: str) -> str:
    return f"[{COLOURS.get(state, 'white')}]{state}[/]"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "nothing", whole: bool = False) -> None:
    """Cells are rich markup: pass repository text through `shown`. `whole` where each row ends with a remedy."""
    from cli.tables import print_table

    if rows:
        print_table(heads, rows, whole=whole or wide())
    else:
        line(f"[dim]{empty}[/]")


def line(markup: str) -> None:
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(markup)


def plain(mapping: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in mapping.items())
