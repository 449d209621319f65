"""Verbs `web users` and `web tokens`: who may log in to this machine's page. Nothing of it is in Git."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import output, settings
from cli.errors import CommandError, needs
from cli.words import Verbs
from runner import extras

if TYPE_CHECKING:
    from pathlib import Path

users = typer.Typer(cls=Verbs, no_args_is_help=True, help="Who logs in to this machine's page with a password.")
tokens = typer.Typer(cls=Verbs, no_args_is_help=True, help="Tokens by which programs use this machine's page.")

UserName = Annotated[str, typer.Argument(metavar="NAME", help="what they log in with")]
TokenName = Annotated[str, typer.Argument(metavar="NAME", help="what the token is for")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="read the password from standard input")]


def add_to(web: typer.Typer) -> None:
    web.add_typer(users, name="users")
    web.add_typer(tokens, name="tokens")


def _folder() -> "Path":
    folder = settings.data().absolute() / "web"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def _changes() -> Iterator[None]:
    """CommandError where it cannot be."""
    needs(extras.PAGE)
    from webui.access.record_file import CannotChange

    try:
        yield
    except CannotChange as error:
        raise CommandError(str(error)) from None


@users.command("add")
def add_user(
    name: UserName,
    mail: Annotated[str, typer.Option("--mail", help="their address; commits carry it")],
    full_name: Annotated[str, typer.Option("--full-name", help="as commits name them")] = "",
    password_stdin: FromStdin = False,
) -> None:
    """Let somebody log in, or give them another password; that ends their sessions.

    What they may do stands in winslow.yaml under `access`; until it says something, they are operators.
    Example: winslowctl web users add ada --mail ada@example.org --full-name "Ada Lovelace"
    """
    password = sys.stdin.readline().rstrip("\n") if password_stdin else _asked()
    with _changes():
        from webui.access.users import Users

        known = Users(_folder()).all().get(name)
        Users(_folder()).put(name, mail, full_name or (known.full_name if known else ""), password)
    print(f"{name} can log in")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise CommandError("there is nobody here to type a password; give it with --password-stdin", 2)
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt="And again"))


@users.command("ls")
def list_users() -> None:
    """Who can log in with a password.

    Example: winslowctl web users ls
    """
    with _changes():
        from webui.access.users import Users

        rows = [
            {"name": each.name, "author": each.author, "since": _day(each.since)}
            for each in sorted(Users(_folder()).all().values(), key=lambda each: each.name)
        ]
    _show(rows, "nobody yet; `winslowctl web users add NAME` lets somebody in")


@users.command("rm")
def remove_user(name: UserName) -> None:
    """Let somebody in no more; it ends their sessions at once.

    Example: winslowctl web users rm ada
    """
    with _changes():
        from webui.access.users import Users

        Users(_folder()).remove(name)


@tokens.command("add")
def add_token(
    name: TokenName,
    role: Annotated[
        str, typer.Option("--role", help="reader, operator, admin, or wall: a screen that may only look at /wall")
    ] = "reader",
    expires: Annotated[str, typer.Option("--expires", help="how long it is good, like '90 days'; 0 for ever")] = "365d",
    author: Annotated[str, typer.Option("--author", help="`Name <address>` of the commits it makes")] = "",
) -> None:
    """Make a token and print it, this once.

    Example: winslowctl web tokens add nightly --role operator --expires '90 days'
         winslowctl web tokens add corridor --role wall
    """
    from schema.access import Role
    from schema.quantities import parse_duration
    from state.contract.commit_message import clean

    known: dict[str, Role | Literal["wall"]] = {each.word: each for each in Role if each is not Role.NOBODY}
    known["wall"] = "wall"
    if role not in known:
        raise CommandError(f"--role takes {', '.join(known)}, not {role[:20]!r}", 2)
    try:
        lasts = parse_duration(expires)
    except ValueError as error:
        raise CommandError(f"--expires: {error}", 2) from None
    with _changes():
        from webui.access.tokens import Tokens

        token = Tokens(_folder()).make(name, clean(author) or f"{name} <{name}@token.invalid>", known[role], lasts)
    print(token)
    if role == "wall":
        settings.warn("on that screen open /wall?token=… of the page once, with this token; a cookie keeps it")


@tokens.command("ls")
def list_tokens() -> None:
    """The tokens, without their secrets, which nobody keeps.

    Example: winslowctl web tokens ls
    """
    with _changes():
        from webui.access.tokens import Tokens

        rows = [
            {"name": each.name, "role": each.role, "author": each.author, "since": _day(each.since),
             "ends": "ended" if each.ended else _day(each.ends) if each.ends else "never"}
            for each in sorted(Tokens(_folder()).all().values(), key=lambda each: each.name)
        ]  # fmt: skip
    _show(rows, "no tokens yet; `winslowctl web tokens add NAME` makes one")


@tokens.command("rm")
def remove_token(name: TokenName) -> None:
    """End a token at once.

    Example: winslowctl web tokens rm nightly
    """
    with _changes():
        from webui.access.tokens import Tokens

        Tokens(_folder()).remove(name)


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _show(rows: list[dict[str, str]], empty: str) -> None:
    if output.for_programs(rows):
        return
    heads = tuple(rows[0]) if rows else ("name",)
    cells = [[output.shown(row[head]) for head in heads] for row in rows]
    output.table(tuple(head.upper() for head in heads), cells, empty=empty)
