"""What the command says of what went wrong: one line on standard error, and its exit code. Never a traceback."""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from cli.errors import CommandError

CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
NO_TEXT = "{} is not UTF-8 text, and nothing else can be kept in the repository"
TAKE_PATHS = (
    "init", "up", "node", "web", "peer", "validate", "pipelines", "pipeline", "files", "file", "provenance", "notify",
)  # fmt: skip
"""Verbs whose words may name files of this machine, which have any bytes."""


def told(error: Exception) -> int:
    """Say it; the exit code."""
    say(sentence(error))
    return error.code if isinstance(error, CommandError) else 1


def say(text: str) -> None:
    """On standard error, if anybody listens there."""
    from runner.logs.log_file import clean

    with suppress(BrokenPipeError, ValueError):
        print("\n".join(clean(line) for line in f"winslowctl: {text}".splitlines()), file=sys.stderr, flush=True)


def sentence(error: Exception) -> str:
    if isinstance(error, CommandError) or _known(error):
        return str(error)
    if isinstance(error, UnicodeError):
        return _no_text(error)
    if isinstance(error, OSError):
        return _of_machine(error)
    return _unexpected(error)


def _known(error: Exception) -> bool:
    from runner.contract.errors import RunnerError
    from runner.files.shared_folder import ShelfError
    from runner.store.errors import StoreError
    from schema.errors import SchemaError
    from state.contract.errors import StateError

    return isinstance(error, StateError | SchemaError | RunnerError | StoreError | ShelfError)


def _no_text(error: UnicodeError) -> str:
    """Arguments and variables reach a program as bytes; the repository holds UTF-8."""
    odd = [repr(each) for each in sys.argv[1:] if stray(each)]
    odd += [f"${name}" for name, value in os.environ.items() if name.startswith("WINSLOW_") and stray(value)]
    return NO_TEXT.format(odd[0][:80]) if odd else _unexpected(error)


def refuse_stray(arguments: Sequence[str]) -> None:
    """Words that would be written to the repository. CommandError names the first that is no text."""
    verb = next((each for each in arguments if not each.startswith("-")), "")
    for before, each in pairwise(["", *arguments]):
        if stray(each) and verb not in TAKE_PATHS and before not in ("--data", "--repo"):
            raise CommandError(NO_TEXT.format(repr(each)[:80]), 2)


def stray(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _of_machine(error: OSError) -> str:
    why = error.strerror or str(error)
    if error.errno == errno.ENOENT and _adrift():
        return "the folder this shell is in is gone; `cd` to another one"
    if error.filename is not None and error.errno in CLOSED and (closed := _closed_folder(error.filename)):
        return closed
    if error.filename is not None:
        return f"{os.fsdecode(error.filename) if not isinstance(error.filename, int) else 'a file'}: {why}"
    return f"this machine: {why}"


def _closed_folder(filename: str | bytes | int) -> str:
    """That a folder takes no files, where that is why one could not be made in it: the file's own name helps nobody."""
    if isinstance(filename, int):
        return ""
    place = Path(os.path.abspath(os.fsdecode(filename)))
    folder = next((each for each in place.parents if each.is_dir()), place)
    if place.exists() or os.access(folder, os.W_OK):
        return ""
    elsewhere = "`cd` to a folder of your own, or give full paths"
    remedy = elsewhere if folder == Path.cwd() else f"name another one, or let {_me()} write there"
    return f"nothing can be written in {folder}: {remedy}"


def _me() -> str:
    from getpass import getuser

    try:
        return f"the user {getuser()}"
    except (KeyError, OSError):
        return f"the user {os.getuid()}"


def _adrift() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _unexpected(error: Exception) -> str:
    """A mistake of ours: what a report needs, and how to get all of it."""
    if os.environ.get("WINSLOW_DEBUG"):
        return "".join(traceback.format_exception(error)).rstrip()
    [*_, place] = traceback.extract_tb(error.__traceback__) or [None]
    where = f" at {os.path.basename(place.filename)}:{place.lineno}" if place else ""
    text = " ".join(str(error).split())[:300]
    return (
        f"{type(error).__name__}{where}: {text}\nThat is a mistake in Winslow. WINSLOW_DEBUG=1 before the command "
        "shows what a report of it needs."
    )
