"""Verb `exec`: a program, or a shell, beside a running stage, in its container on this machine."""

import shlex
import sys
from contextlib import redirect_stdout
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated

import typer

from cli import settings
from cli.errors import CommandError, needs
from runner import extras

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView
    from schema.execution import Execution

MOST = 400
"""Characters of a command that its comment tells."""


def add_to(app: typer.Typer) -> None:
    app.command("exec")(inside)


def inside(
    target: Annotated[str, typer.Argument(metavar="PROJECT[/N]", help="the project, or one of its executions")],
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="default: a shell")] = None,
) -> None:
    """Run a program beside a running stage, with its files, rights and user. A comment in Git says who ran what.

    On the machine that runs the stage, for who may use its engine and commit to `main`. Its exit code is the program's.
    Example: winslowctl exec crossing/3 -- python -c "print(1)"
    """
    needs(extras.DOCKER)
    from cli.requests import comment
    from runner.contract.errors import RunnerError
    from runner.docker.inside import check_runs_here, run_inside

    project, _, number = target.partition("/")
    settings.checked_name(project, "project")
    _, _, view = settings.project(project, live=True)
    record = _running(view, number)
    words = command or ["/bin/sh"]
    labels = {"winslow.project": project, "winslow.execution": str(record.execution)}
    try:
        check_runs_here(record.claim.container, labels)
        with redirect_stdout(sys.stderr):  # what the program prints stands alone
            comment(f"{project}/{record.execution}", f"exec: {told(words)}")
        code = run_inside(record.claim.container, labels, words)
    except RunnerError as error:
        raise CommandError(f"{project}/{record.execution} on {record.claim.node}: {error}") from None
    raise typer.Exit(code)


def told(words: list[str]) -> str:
    """The command, for the comment. Of a long one its beginning, and the digest by which the whole can be told."""
    text = shlex.join(words)
    return text if len(text) <= MOST else f"{text[:MOST]}… (sha256 {sha256(text.encode()).hexdigest()})"


def _running(view: "ProjectView", number: str) -> "Execution":
    from schema.execution import State

    found = [each for each in view.executions if each.state is State.RUNNING and number in ("", str(each.execution))]
    if not found:
        raise CommandError(
            f"nothing runs in {view.id}{f'/{number}' if number else ''}; `winslowctl ps` shows what does"
        )
    if len(found) > 1:
        raise CommandError(f"several run; name one: {', '.join(f'{view.id}/{each.execution}' for each in found)}")
    return found[0]
