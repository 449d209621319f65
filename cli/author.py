"""Who commits: as the environment says, as git says, as this person's configuration says, or as they answer."""

import os
import re
import sys

from cli.errors import CommandError

NOBODY = (
    "who commits? Nobody is known here, and every wish is a commit with a name. Say it once:\n"
    '  git config --global user.name "Ada Lovelace"\n'
    "  git config --global user.email ada@example.org\n"
    "or for one command in WINSLOW_AUTHOR='Ada Lovelace <ada@example.org>', or GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL"
)
UNKNOWN = (
    "nobody is known here: the page commits as winslow, and other commands ask who commits. Say it once: "
    '`git config --global user.name "Ada Lovelace"` and `git config --global user.email ada@example.org`'
)
_WHO = re.compile(r"\s*([^<>]*[^<>\s])\s*<\s*([^<>\s@]+@[^<>\s@]+)\s*>\s*")


def author() -> str:
    """`Name <address>`. On a terminal somebody unknown is asked, once. CommandError where nobody is known."""
    return known() or _asked()


def author_or_program() -> str:
    """For the first commit of a repository, and for the page of a laptop: Winslow itself where nobody is known."""
    from state.edits.main import PROGRAM

    return known() or PROGRAM


def known() -> str:
    """WINSLOW_AUTHOR, else git's own order: its variables, then its configuration; then ours. Empty where unknown."""
    from cli import config_file
    from state.edits.main import configured

    if named := _variable("WINSLOW_AUTHOR"):
        return named
    name = _variable("GIT_AUTHOR_NAME") or configured("user.name")
    address = _variable("GIT_AUTHOR_EMAIL") or configured("user.email") or _variable("EMAIL")
    return f"{name} <{address}>" if name and address else config_file.load().author


def _variable(name: str) -> str:
    from state.edits.main import as_text

    return as_text(os.environb.get(name.encode(), b"")).strip()


def _asked() -> str:
    import typer

    from cli import config_file

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(NOBODY)
    print("Every wish is a commit with a name, and none is set here.", file=sys.stderr)
    name = str(typer.prompt("Your name", err=True)).strip()
    address = str(typer.prompt("Your address (like ada@example.org)", err=True)).strip()
    found = f"{name} <{address}>"
    if not _WHO.fullmatch(found):
        raise CommandError(f"{found[:80]!r} is no name with an address, like 'Ada Lovelace <ada@example.org>'")
    path = config_file.save(config_file.load().model_copy(update={"author": found}))
    print(f"kept in {path}", file=sys.stderr)
    return found
