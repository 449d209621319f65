"""The command's standard streams: there in any case, and able to take any text in any locale."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from cli.errors import CommandError


def prepare() -> None:
    """Open what a shell has closed, and let no character that the locale lacks end the command."""
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors=_errors(stream))  # type: ignore[union-attr]


def _open_closed() -> None:
    """`>&-` closes a stream: the next file that is opened would be taken for it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _errors(stream: TextIO) -> str:
    """File names that are no UTF-8 are written as they are; what another encoding lacks is written as its number."""
    return "surrogateescape" if speaks_unicode(stream) else "backslashreplace"


def speaks_unicode(stream: TextIO) -> bool:
    """Whether it takes every character."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def standard_input(most: int) -> str:
    """All of it, at most so many bytes. CommandError where it is no text, or nobody writes there."""
    if sys.stdin.isatty():
        print("reading from standard input; Ctrl-D ends it", file=sys.stderr)
    raw = sys.stdin.buffer.read(most + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    if len(raw) > most:
        raise CommandError(f"standard input holds more than {most} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"standard input: not UTF-8 text ({error.reason} at byte {error.start})") from None


def flush() -> None:
    """Write what is still waiting. BrokenPipeError where nobody reads any more, OSError where it cannot be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up()
        raise OSError(error.errno, error.strerror, "standard output") from None


def give_up() -> None:
    """Nothing more can be written to standard output, also not at the interpreter's end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
