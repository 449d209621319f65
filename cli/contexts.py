"""Verbs `context add|use|ls|rm`: names for repositories, instead of `--repo` in every line."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError
from cli.words import Verbs

Name = Annotated[str, typer.Argument(metavar="NAME", help="the context's name")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        cls=Verbs, no_args_is_help=True, help="Names for repositories. Example: winslowctl context use lab"
    )
    verbs: dict[str, Callable[..., None]] = {
        "add": context_add,
        "use": context_use,
        "ls": context_ls,
        "rm": context_rm,
    }
    for name, verb in verbs.items():
        group.command(name)(verb)
    app.add_typer(group, name="context")


def context_add(name: Name) -> None:
    """Name a repository (`--repo`) and this machine's data directory (`--data`); the first one is used from then on.

    It is kept in ~/.config/winslow/config.yaml. Options and variables of the environment are stronger.
    Example: winslowctl context add lab --repo ssh://git@server/lab.git
    """
    from cli import config_file
    from cli.config_file import CommandConfig, NamedRepository

    settings.checked_name(name, "context")
    if not settings.CURRENT.repo:
        raise CommandError("which repository? `winslowctl context add NAME --repo URL`", 2)
    config = config_file.load()
    named = NamedRepository(
        repo=settings.absolute(settings.CURRENT.repo), data=settings.absolute(settings.CURRENT.data)
    )
    path = config_file.save(
        CommandConfig(current=config.current or name, author=config.author, contexts={**config.contexts, name: named})
    )
    used = config.current or name
    print(f"{path}: {name} is {settings.shown_url(named.repo)}; in use: {used}")


def context_use(name: Name) -> None:
    """Use a named repository from now on, where neither an option nor a variable names one.

    Example: winslowctl context use lab
    """
    from cli import config_file

    config = config_file.load()
    settings.context_of(config, name)
    config_file.save(config.model_copy(update={"current": name}))
    print(f"in use: {name}")


def context_rm(name: Name) -> None:
    """Forget a name; the repository stays as it is.

    Example: winslowctl context rm lab
    """
    from cli import config_file

    config = config_file.load()
    settings.context_of(config, name)
    left = {each: named for each, named in config.contexts.items() if each != name}
    config_file.save(
        config.model_copy(update={"contexts": left, "current": "" if config.current == name else config.current})
    )


def context_ls() -> None:
    """The names of repositories, and which one is in use.

    Example: winslowctl context ls
    """
    from cli import config_file

    config = config_file.load()
    rows: list[dict[str, Any]] = [
        {
            "context": name,
            "repo": settings.shown_url(named.repo),
            "data": named.data or None,
            "used": name == config.current,
        }
        for name, named in sorted(config.contexts.items())
    ]
    if not output.for_programs(rows):
        cells = [
            [r["context"], "*" if r["used"] else "", output.shown(r["repo"]), output.shown(r["data"])] for r in rows
        ]
        hint = "no contexts; `winslowctl context add NAME --repo URL` makes one"
        output.table(("CONTEXT", "USED", "REPO", "DATA"), cells, empty=hint)
