"""Which images a Dockerfile is made from and what it fetches, so that a policy can tell whether it may.

Read as the engine's own builder reads it: comments go first, then lines are put together. Where the builder might read
something else than what is read here, nothing is guessed: the Dockerfile is refused.
"""

import re
from collections.abc import Iterator
from itertools import takewhile

LARGEST = 1 << 20
"""Bytes of a Dockerfile that are read; a longer one is refused."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u2028\u2029]")
_DIRECTIVE = re.compile(r"#\s*(escape|syntax)\s*=", re.IGNORECASE)
_INSTRUCTION = re.compile(r"[ \t]*(?:ONBUILD[ \t]+)*([A-Z]+)(?:[ \t]+(.*))?", re.IGNORECASE | re.ASCII)
_ARGUMENT = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::-([^${}]*))?\}|([A-Za-z_]\w*))", re.ASCII)
_GIVEN = re.compile(r"""([A-Za-z_]\w*)(?:=(["']?)([^\s"'\\]*)\2)?""", re.ASCII)
_PLATFORM = re.compile(r"--platform=\S+\s+")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_FLAG = re.compile(r"""[^"'\\$]+""")
_PLAIN = re.compile(r"[A-Za-z0-9._/*?-]+")


class Unclear(Exception):
    """What the engine would make of it cannot be told for sure; the text says which line it is about."""


def text_of(content: bytes) -> str:
    """Unclear."""
    if len(content) > LARGEST:
        raise Unclear(f"it has more than {LARGEST} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Unclear("it is not in UTF-8") from None


def bases(text: str) -> tuple[str, ...]:
    """References as they are after `ARG`s with defaults. `scratch` and stages of the file itself are none. Unclear."""
    return tuple(dict.fromkeys(_bases(_instructions(text))))


def fetches(text: str) -> str:
    """The first `ADD` by which the engine itself would fetch something, or might; nothing where there is none."""
    for word, rest in _instructions(text):
        words = rest.split()
        if word == "ADD" and not all(_PLAIN.fullmatch(each) for each in words[len(_flags(rest)) :]):
            return f"{word} {rest}"
    return ""


def _instructions(text: str) -> list[tuple[str, str]]:
    """The word in capitals, and what follows it. What `ONBUILD` puts off is read as if it stood there itself."""
    found = []
    for line in _lines(text):
        match = _INSTRUCTION.fullmatch(line)
        if match is None:
            raise Unclear(f"no instruction begins the line {line[:80]!r}")
        found.append((match[1].upper(), (match[2] or "").strip()))
    return found


def _lines(text: str) -> list[str]:
    text = text.replace("\r\n", "\n")
    if strange := _CONTROL.search(text):
        raise Unclear(f"it has the character U+{ord(strange[0]):04X}")
    lines = text.split("\n")
    for line in takewhile(_aside, lines):
        if said := _DIRECTIVE.match(line.lstrip()):
            raise Unclear(f"it says `# {said[1].lower()}=`, which changes how it is read")
    kept = [line for line in lines if not _aside(line)]
    for line in kept:
        if line.rstrip(" \t").endswith("\\\\"):
            raise Unclear(f"a line ends in two backslashes: {line[-80:]!r}")
    joined = re.sub(r"\\[ \t]*\n", "", "\n".join(kept))
    return [line for line in joined.split("\n") if line.strip()]


def _aside(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _bases(instructions: list[tuple[str, str]]) -> Iterator[str]:
    stages: set[str] = set()
    arguments: dict[str, str] = {}
    for word, rest in instructions:
        if word == "ARG" and not stages:
            _give(arguments, rest)
        elif word in ("COPY", "ADD"):
            sources = (flag.removeprefix("--from=") for flag in _flags(rest) if flag.startswith("--from="))
            yield from (_reference(each, rest) for each in sources if each.lower() not in stages and not _number(each))
        elif word == "FROM":
            name, stage = _from(rest, arguments)
            if name != "scratch" and name.lower() not in stages:
                yield name
            stages.add(stage or f"#{len(stages)}")


def _give(arguments: dict[str, str], rest: str) -> None:
    given = _GIVEN.fullmatch(rest)
    if given is None or given[1] in arguments:
        raise Unclear(f"before FROM, ARG gives one plain value to one name, once: ARG {rest[:80]}")
    arguments[given[1]] = given[3] or ""


def _from(rest: str, arguments: dict[str, str]) -> tuple[str, str]:
    """The image, and the name that the stage gets; none is empty."""
    words = _filled(_PLATFORM.sub("", rest, count=1), arguments).split()
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
        raise Unclear(f"it is not told which image is meant by FROM {rest[:80]}")
    return _reference(words[0], rest), words[2].lower() if len(words) == 3 else ""


def _reference(name: str, rest: str) -> str:
    if not _REFERENCE.fullmatch(name):
        raise Unclear(f"{name[:80]!r} is no name of an image: {rest[:80]}")
    return name


def _flags(rest: str) -> list[str]:
    """Of `COPY` and `ADD`. The builder takes quotes and backslashes out of them, and so may make others of them."""
    flags = list(takewhile(lambda word: word.startswith("--"), rest.split()))
    for flag in flags:
        if not _FLAG.fullmatch(flag):
            raise Unclear(f"a flag has a quote, a backslash or a dollar sign: {flag[:80]}")
    return flags


def _number(source: str) -> bool:
    return source.isascii() and source.isdigit()


def _filled(text: str, arguments: dict[str, str]) -> str:
    return _ARGUMENT.sub(lambda found: arguments.get(found[1] or found[3]) or found[2] or "", text)
