"""Waking up at once when a repository on this machine changes. Only a hint: correctness rests on polling."""

import threading
from collections.abc import Callable

from state import urls


def watch(url: str, wake: Callable[[], None]) -> Callable[[], None]:
    """Call `wake` whenever refs of a repository by path change; the returned function ends the watch.

    For other URLs, or where the file system cannot be watched, nothing happens.
    """
    folder = urls.local_path(urls.check(url))
    if folder is None or not folder.is_dir():
        return lambda: None
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(str(folder), wake, ended), name="watch", daemon=True)
    thread.start()
    return ended.set


def _watch(folder: str, wake: Callable[[], None], ended: threading.Event) -> None:
    from watchfiles import watch as changes

    def of_refs(_: object, path: str) -> bool:
        inside = path[len(folder) :]
        return (inside.startswith("/refs/heads") or inside == "/packed-refs") and not inside.endswith(".lock")

    try:
        for _ in changes(
            folder,
            watch_filter=of_refs,
            stop_event=ended,
            step=5,
            debounce=20,
            rust_timeout=500,
            yield_on_timeout=False,
        ):
            wake()
    except (OSError, RuntimeError):
        return
