"""Waking up when somebody says that there is something new: another node after its push, or a server by its hook.

Whoever hears it (the children that listen) touches `DATA/nudge`. Only a hint: correctness rests on polling.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from state.watch import LOOKED

FILE = "nudge"


def watch(data: Path, wake: Callable[[], None]) -> Callable[[], None]:
    """Call `wake` whenever the file is touched; the returned function ends the watch."""
    file, ended = data / FILE, threading.Event()
    try:
        file.touch()
    except OSError:
        return lambda: None
    threading.Thread(target=_watch, args=(file, wake, ended), name="nudged", daemon=True).start()
    return ended.set


def _watch(file: Path, wake: Callable[[], None], ended: threading.Event) -> None:
    from watchfiles import watch as changes

    try:
        for _ in changes(
            file, stop_event=ended, step=LOOKED, debounce=2 * LOOKED, rust_timeout=500, raise_interrupt=False
        ):
            wake()
    except (OSError, RuntimeError):
        return
