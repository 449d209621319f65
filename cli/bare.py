"""Part of `doctor`: whether a bare repository by path has the settings and the hook that Winslow gives it."""

import os
from collections.abc import Iterator
from pathlib import Path

Finding = tuple[str, str, str]


def findings(url: str, *, fix: bool) -> Iterator[Finding]:
    """Nothing for a repository elsewhere, and for one that is not bare."""
    from state.server import setup
    from state.transport import urls

    folder = urls.local_path(urls.check(url))
    if folder is None or not (folder / "HEAD").is_file() or not (folder / "objects").is_dir():
        return
    missing = setup.lacking(folder)
    if not missing:
        yield "bare", "ok", "it has Winslow's settings and hook"
        return
    names = ", ".join(missing)
    if not os.access(folder / "config", os.W_OK):
        yield (
            "bare",
            "warn",
            f"{folder} lacks {names}; `winslowctl doctor --fix` mends it, as the user {_owner(folder)}",
        )
    elif fix:
        setup.mend(folder)
        yield "bare", "ok", f"mended: {names}"
    else:
        yield "bare", "warn", f"{folder} lacks {names}; `winslowctl doctor --fix` mends it"


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (KeyError, OSError):
        return "who owns it"
