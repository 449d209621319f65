"""A bar with speed and time left, for what takes long on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PIECE = 1 << 20


@contextmanager
def bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Is told how many bytes of how many are done. Nothing is drawn where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda done, size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as drawn:
        task = drawn.add_task(name, total=None)
        yield lambda done, size: drawn.update(task, completed=done, total=size)
