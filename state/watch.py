"""Waking up at once when a repository on this machine changes. Only a hint: correctness rests on polling."""

import threading
from collections.abc import Callable
from pathlib import Path

from state import urls


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
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(heads, wake, ended), name="watch", daemon=True)
    thread.start()
    return ended.set


def _watch(heads: Path, wake: Callable[[], None], ended: threading.Event) -> None:
    """Packing the refs looks like a removal here, and wakes as well."""
    from watchfiles import watch as changes

    try:
        for _ in changes(
            heads,
            watch_filter=lambda _, path: not path.endswith(".lock"),
            stop_event=ended,
            step=5,
            debounce=20,
            rust_timeout=500,
            yield_on_timeout=False,
            raise_interrupt=False,
        ):
            wake()
    except (OSError, RuntimeError):
        return
