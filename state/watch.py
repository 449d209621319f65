"""Waking up at once when a repository or folder on this machine changes. Only a hint: correctness rests on polling."""

import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

from state import urls
from state.inotify import Changes


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
    return watch_folder(heads, wake, lambda path: not path.endswith(".lock"))


def watch_folder(
    folder: Path, wake: Callable[[], None], wanted: Callable[[str], bool], *, recursive: bool = True
) -> Callable[[], None]:
    """Call `wake`, from a thread, whenever a file with a wanted path changes in a folder; the returned function ends
    the watch. It sees what happens after this call.

    Packing refs looks like a removal here, and wakes as well.
    """
    try:
        changes = Changes(folder, recursive=recursive)
    except OSError:
        return lambda: None
    heard, said = os.pipe()
    threading.Thread(target=_watch, args=(changes, heard, wake, wanted), name="watch", daemon=True).start()
    lock, ended = threading.Lock(), threading.Event()

    def end() -> None:
        with lock:
            if not ended.is_set():
                ended.set()
                os.close(said)

    return end


def _watch(changes: Changes, ended: int, wake: Callable[[], None], wanted: Callable[[str], bool]) -> None:
    """Until the other end of that pipe is closed."""
    waiting = select.poll()
    waiting.register(changes.file, select.POLLIN)
    waiting.register(ended, select.POLLIN)
    try:
        while not any(file == ended for file, _ in waiting.poll()):
            if any(map(wanted, changes.read())):
                wake()
    except OSError:
        return
    finally:
        changes.close()
        os.close(ended)
