"""Tables for people, JSON and YAML for programs. Repository text is cleaned before a terminal shows it."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from cli.errors import CommandError
from cli.settings import CURRENT

COLOURS = {
    "running": "cyan", "preparing": "cyan", "claimed": "cyan", "queued": "blue", "needs_input": "yellow",
    "waiting": "yellow", "paused": "yellow", "failed": "red", "aborted": "red", "lost": "red", "invalid": "red",
    "succeeded": "green", "stale": "magenta", "skipped": "dim", "pending": "dim", "new": "dim", "superseded": "dim",
}  # fmt: skip


def set_output(name: str, verb: str | None = None) -> None:
    if name not in ("table", "json", "yaml") and (name, verb) != ("markdown", "plan"):
        raise CommandError(f"-o takes table, json or yaml, not {name[:20]!r}", 2)
    CURRENT.output = name


def for_programs(value: Any) -> bool:
    """Print as JSON or YAML if that was asked for; False where a table is wanted."""
    if CURRENT.output == "json":
        print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
        return True
    if CURRENT.output == "yaml":
        import yaml

        yaml.safe_dump(json.loads(json.dumps(value, default=str)), sys.stdout, sort_keys=False, allow_unicode=True)
        return True
    return False


def one_line(value: Any) -> bool:
    """Print as one line of JSON, or one document of YAML, of a stream; False where text is wanted."""
    if CURRENT.output == "json":
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)
        return True
    if CURRENT.output == "yaml":
        print("---")
        return for_programs(value)
    return False


def safe(text: str) -> str:
    """A whole text as it is for a program, cleaned for a terminal."""
    from runner.logs import clean

    return "\n".join(clean(part) for part in text.split("\n")) if sys.stdout.isatty() else text


def shown(value: object, limit: int = 200) -> str:
    """Text of the repository, safe for a terminal and for rich."""
    from rich.markup import escape

    from runner.logs import clean

    text = " ".join(clean(line) for line in str("" if value is None else value).splitlines())
    return escape(text if len(text) <= limit else text[: limit - 1] + "…")


def state_word(state: str) -> str:
    return f"[{COLOURS.get(state, 'white')}]{state}[/]"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "nothing") -> None:
    """Cells are rich markup: pass repository text through `shown`."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if not rows:
        console.print(f"[dim]{empty}[/]")
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        grid.add_column(head, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    if not sys.stdout.isatty():
        console.width = 240
    console.print(grid)


def line(markup: str) -> None:
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(markup)


def pick(record: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def plain(mapping: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in mapping.items())
