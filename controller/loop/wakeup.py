"""Waking up when somebody says that there is something new: another node after its push, or a server by its hook.

Whoever hears it (the children that listen) touches `DATA/nudge`. Only a hint: correctness rests on polling.
"""

from collections.abc import Callable
from pathlib import Path

from state.transport.watch import watch_place

FILE = "nudge"


def watch(data: Path, wake: Callable[[], None]) -> Callable[[], None]:
    """Call `wake` whenever the file is touched; the returned function ends the watch."""
    file = data / FILE
    try:
        file.touch()
    except OSError:
        return lambda: None
    return watch_place(file, wake)
