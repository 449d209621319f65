"""The verbs' part of docs/reference.md, made from the command itself: what each does, its options, an example."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.application import app
from cli.verbs import everything

ROOT = Path(__file__).parents[1]
SECTION = re.compile(r"(<!-- verbs -->\n).*?(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"\s*Example: (.*)", re.DOTALL)


def verbs() -> Iterator[tuple[str, Any]]:
    """Each with its words, like `files get`."""
    for name, verb in everything(app).commands.items():
        yield from _verbs(name, verb)


def _verbs(words: str, verb: Any) -> Iterator[tuple[str, Any]]:
    """Itself, unless it only holds others, and those below it."""
    below = getattr(verb, "commands", {})
    if not below or verb.invoke_without_command:
        yield words, verb
    for word, each in below.items():
        yield from _verbs(f"{words} {word}", each)


def examples(verb: Any) -> list[str]:
    """Whole commands."""
    found = EXAMPLE.search(verb.help or "")
    return [part.strip().replace("\n", " ") for part in re.split(r"\s{3,}", found[1])] if found else []


def help_text() -> str:
    """What the command says of itself in a terminal of 80 characters."""
    program = "import sys; sys.argv = ['winslowctl', '--help']; from cli.application import run; run()"
    narrow = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, env=narrow, capture_output=True, text=True, check=True).stdout


def renewed(page: str) -> str:
    text = "\n".join(_verb(words, verb) for words, verb in sorted(verbs()))
    return SECTION.sub(lambda match: f"{match[1]}{text}{match[2]}", page)


def _verb(words: str, verb: Any) -> str:
    given = [_argument(each) for each in verb.params if not _is_option(each)]
    text = EXAMPLE.sub("", verb.help or "").replace("\n\n", "\n")
    options = [_option(each) for each in verb.params if _is_option(each) and not getattr(each, "hidden", False)]
    table = ["", "| option | default | |", "|---|---|---|", *options] if options else []
    shown = ["", "Example: " + " · ".join(f"`{example}`" for example in examples(verb))]
    return "\n".join([f"#### {' '.join(['winslowctl', words, *given])}", "", text, *shown, *table, ""])


def _is_option(parameter: Any) -> bool:
    return any(name.startswith("-") for name in parameter.opts)


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = " ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    default = "**required**" if parameter.required else _default(parameter)
    return f"| {names} | {default} | {(parameter.help or '').replace('|', chr(92) + '|')} |"


def _default(parameter: Any) -> str:
    unsaid = parameter.default is None or parameter.default in (False, "", (), [])
    return "" if unsaid or callable(parameter.default) else f"`{parameter.default}`"
