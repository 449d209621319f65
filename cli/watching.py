"""Showing something again and again: on a terminal in place, elsewhere only what changed."""

import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from cli import output

LOOK_EVERY = 1.0
Rows = list[dict[str, Any]]
MOVING = ("took",)
"""What changes by itself with time is no news."""


def watch(look: Callable[[], Rows], table: Callable[[Rows], None]) -> NoReturn:
    """Until Ctrl-C. Rows are told apart by their first key; one that went is told as `gone`."""
    seen: dict[str, dict[str, Any]] = {}
    while True:
        rows = look()
        now = {str(next(iter(row.values()))): row for row in rows}
        changed = [row for key, row in now.items() if _news(row) != _news(seen.get(key, {}))]
        gone = [row for key, row in seen.items() if key not in now]
        if sys.stdout.isatty() and output.for_people():
            print("\x1b[H\x1b[2J", end="")
            table(rows)
        elif changed or gone:
            _tell(changed, gone, table)
        sys.stdout.flush()
        seen = now
        time.sleep(LOOK_EVERY)


def _tell(changed: Rows, gone: Rows, table: Callable[[Rows], None]) -> None:
    if output.for_people():
        table([*changed, *({**row, "state": "gone"} for row in gone)])
        return
    for row in [*changed, *({**row, "state": "gone"} for row in gone)]:
        output.one_line({key: value for key, value in row.items() if key != "text"})


def _news(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in MOVING}
