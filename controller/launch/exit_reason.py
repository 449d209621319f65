"""What an exit code means, in words: the signal that ended a program, and the last line that it wrote."""

import signal

from runner.logs.log_file import parse

BY_SIGNAL = 128
LONGEST = 200
LOOKED_AT = 20
"""So many last lines of a log are looked at for one that says something."""
SHELL = {126: "the command cannot be executed", 127: "the command was not found"}


def exit_reason(code: int | None, log: str) -> str:
    """`exit code 139: ended by signal 11 (SEGV); its log ends: …`."""
    meaning = _meaning(code)
    said = last_line(log)
    head = f"exit code {code}" + (f": {meaning}" if meaning else "")
    return f"{head}; its log ends: {said}" if said else head


def _meaning(code: int | None) -> str:
    if code is None:
        return ""
    try:
        number = signal.Signals(code - BY_SIGNAL) if code > BY_SIGNAL else None
    except ValueError:
        number = None
    return f"ended by signal {number.value} ({number.name.removeprefix('SIG')})" if number else SHELL.get(code, "")


def last_line(log: str) -> str:
    """The last line of a program's own that holds more than blanks."""
    for raw in reversed(log.rstrip("\n").split("\n")[-LOOKED_AT:]):
        line = parse(raw)
        if line.stream != "W" and (text := " ".join(line.text.split())):
            return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return ""
