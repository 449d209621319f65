"""Which images a Dockerfile is made from and what it fetches, so that a policy can tell whether it may.

Read as the engine's own builder reads it: comments go first, then lines are put together.
"""

import re
from collections.abc import Iterator

_LINE = re.compile(r"^\s*(FROM|COPY|ARG)\s+(.*)$", re.IGNORECASE)
_ARGUMENT = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}?")
_PLATFORM = re.compile(r"^--platform=\S+\s+")
_ESCAPE = re.compile(r"\s*#\s*escape\s*=\s*(\S)\s*", re.IGNORECASE)
_FETCHES = re.compile(r"^\s*(?:ONBUILD\s+)?ADD\b.*(?:://|\$|git@)", re.IGNORECASE)
_SOURCE = re.compile(r"--from=(\S+)")


def bases(text: str) -> tuple[str, ...]:
    """References as they are after `ARG`s with defaults. `scratch` and stages of the file itself are none."""
    return tuple(dict.fromkeys(_bases(_lines(text))))


def fetches(text: str) -> str:
    """The first line by which the engine itself would fetch something, or might; nothing where there is none."""
    return next((line.strip() for line in _lines(text) if _FETCHES.match(line)), "")


def _lines(text: str) -> list[str]:
    lines = text.splitlines()
    said = _ESCAPE.fullmatch(lines[0]) if lines else None
    escape = re.escape(said[1] if said else "\\")
    kept = "\n".join(line for line in lines if not line.lstrip().startswith("#") and line.strip())
    return re.sub(rf"{escape}[ \t]*\n", "", kept).splitlines()


def _bases(lines: list[str]) -> Iterator[str]:
    stages: set[str] = set()
    arguments: dict[str, str] = {}
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        word, rest = match[1].upper(), match[2].strip()
        if word == "ARG" and not stages:
            name, _, value = rest.partition("=")
            arguments[name.strip()] = value.strip().strip("\"'")
        elif word == "COPY":
            source = _SOURCE.search(rest)
            if source and source[1].lower() not in stages and not source[1].isdigit():
                yield source[1]
        elif word == "FROM":
            named = _filled(_PLATFORM.sub("", rest), arguments).split()
            if named and named[0] != "scratch" and named[0].lower() not in stages:
                yield named[0]
            stages.add(named[2].lower() if len(named) > 2 else f"#{len(stages)}")


def _filled(text: str, arguments: dict[str, str]) -> str:
    return _ARGUMENT.sub(lambda found: arguments.get(found[1]) or found[2] or "", text)
