"""`completion`: what a shell needs to complete verbs, options and the ids of projects."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot

SHELLS = ("bash", "zsh", "fish")


def add_to(app: typer.Typer) -> None:
    app.command()(completion)


def completion(shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="the shell it is for")]) -> None:
    """Print what lets a shell complete verbs, options, projects and executions.

    For bash, in ~/.bashrc: `eval "$(winslowctl completion bash)"`; zsh alike in ~/.zshrc, after compinit; for fish
    write it to ~/.config/fish/completions/winslowctl.fish.
    Example: winslowctl completion bash
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    if shell not in SHELLS:
        raise CommandError(f"there is completion for {', '.join(SHELLS)}, not for {shell[:20]!r}", 2)
    print(get_completion_script(prog_name="winslowctl", complete_var="_WINSLOWCTL_COMPLETE", shell=shell))


def projects(incomplete: str) -> list[str]:
    """Ids that begin so, as last seen: no server is asked while somebody types."""
    snapshot = _last_seen()
    if snapshot is None:
        return []
    id, separator, number = incomplete.partition("/")
    if separator and id in snapshot.projects:
        numbers = (str(each.execution) for each in snapshot.projects[id].executions)
        return [f"{id}/{each}" for each in numbers if each.startswith(number)]
    return [each for each, view in snapshot.projects.items() if each.startswith(incomplete) and not view.purged]


def pipelines(incomplete: str) -> list[str]:
    snapshot = _last_seen()
    return [each for each in snapshot.pipelines if each.startswith(incomplete)] if snapshot else []


def nodes(incomplete: str) -> list[str]:
    snapshot = _last_seen()
    return [each for each in snapshot.inventories if each.startswith(incomplete)] if snapshot else []


def _last_seen() -> "Snapshot | None":
    from cli import settings

    try:
        client = settings.repository()
        return client.at(*client.tips())
    except Exception:  # whatever it is: there is nobody to tell
        return None
