"""Waking up at once when a repository or folder on this machine changes. Only a hint: correctness rests on polling."""

import threading
from collections.abc import Callable
from pathlib import Path

from state.transport import urls

LOOKED = 10
"""Milliseconds between two looks of the library at what the system has told: each costs a little, and each wait too."""


def watch(url: str, wake: Callable[[], None]) -> Callable[[], None]:
    """Call `wake` whenever refs of a repository by path change; the returned function ends the watch.

    For other URLs, or where the file system cannot be watched, nothing happens.
    """
    folder = urls.local_path(urls.check(url))
    if folder is None:
        return lambda: None
    if (folder / ".git").is_dir():
        folder = folder / ".git"
    heads = folder / "refs" / "heads"
    if not heads.is_dir():
        return lambda: None
    return watch_place(heads, wake, lambda path: not path.endswith(".lock"))


def watch_place(
    place: Path, wake: Callable[[], None], wanted: Callable[[str], bool] = lambda path: True, *, recursive: bool = True
) -> Callable[[], None]:
    """Call `wake`, from a thread, whenever a file with a wanted path changes in a folder, or where the place
    is a file, when that is touched; the returned function ends the watch.

    Packing refs looks like a removal here, and wakes as well.
    """
    ended = threading.Event()
    work = (place, wake, wanted, recursive, ended)
    threading.Thread(target=_watch, args=work, name="watch", daemon=True).start()
    return ended.set


def _watch(
    place: Path, wake: Callable[[], None], wanted: Callable[[str], bool], recursive: bool, ended: threading.Event
) -> None:
    from watchfiles import watch as changes

    try:
        for _ in changes(
            place,
            watch_filter=lambda _, path: wanted(path),
            recursive=recursive,
            stop_event=ended,
            step=LOOKED,
            debounce=2 * LOOKED,
            rust_timeout=500,
            yield_on_timeout=False,
            raise_interrupt=False,
        ):
            wake()
    except (OSError, RuntimeError):
        return
