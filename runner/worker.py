"""Work in a thread of its own, again and again. Whatever one turn of it runs into is said once, and it goes on."""

import sys
import threading
import time
import traceback
from collections.abc import Callable

REST = 5.0
"""Seconds after a turn that failed."""


def say_on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def keep_at(
    name: str,
    turn: Callable[[], object],
    wait: Callable[[], object],
    *,
    say: Callable[[str], None] = say_on_stderr,
    ended: Callable[[], bool] = lambda: False,
    rest: float = REST,
) -> threading.Thread:
    """`turn`, then `wait`, until it is ended. The thread is never waited for when the program ends."""
    thread = threading.Thread(target=_work, args=(name, turn, wait, say, ended, rest), name=name, daemon=True)
    thread.start()
    return thread


def _work(
    name: str,
    turn: Callable[[], object],
    wait: Callable[[], object],
    say: Callable[[str], None],
    ended: Callable[[], bool],
    rest: float,
) -> None:
    said = ""
    while not ended():
        try:
            turn()
            said = ""
        except Exception as error:
            text = f"{name}: this failed and is tried again: {type(error).__name__}: {error}"
            if text != said:
                say(text)
                traceback.print_exc(file=sys.stderr)
            said = text
            time.sleep(rest)
        wait()
