"""`wait`: until a project is where it should be, or cannot get there any more."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.views import ProjectState
    from flow.world import ProjectView
    from state.git import GitRepository

STOPPED, TOO_LATE = 3, 4
LOOK_EVERY = 0.2
WAITED = ("running", "needs_input", "failed", "paused", "queued", "succeeded", "new", "invalid", "settled")
RESTS = ("needs_input", "failed", "paused", "succeeded", "new", "invalid")
"""States that nothing but a person's request leaves."""


def add_to(app: typer.Typer) -> None:
    app.command()(wait)


def wait(
    project: Annotated[str, typer.Argument(help="the project's id", metavar="PROJECT")],
    state: Annotated[
        str, typer.Option("--for", help=f"{', '.join(WAITED)} (settled: nothing goes on by itself)")
    ] = "settled",
    timeout: Annotated[str, typer.Option("--timeout", help="give up after so long, like 30s or 5m")] = "1h",
) -> None:
    """Wait until a project is in a state. A server that is away is waited for too.

    With -o json the last state is printed in every case, as one line.
    Exit codes: 0 it is, 3 it stopped in another state and goes on only if somebody asks, 4 the time was over.
    Example: winslowctl wait crossing --for needs_input --timeout 5m
    """
    if state not in WAITED:
        raise CommandError(f"--for takes {', '.join(WAITED)}, not {state[:30]!r}", 2)
    deadline = time.monotonic() + _seconds(timeout)
    client, _, _ = settings.project(project)
    shown = Progress()
    while True:
        view, now = _look(client, project, shown)
        if now and reached(now, view, state):
            shown.clear()
            if not _told(project, now):
                _say(now)
            return
        if now and rests(now, view):
            shown.clear()
            _told(project, now)
            raise CommandError(f"{project} is {_sentence(now)}, not {state}", STOPPED)
        if time.monotonic() > deadline:
            shown.clear()
            _told(project, now)
            word = f"still {_sentence(now)}" if now else "out of sight, the state repository does not answer"
            raise CommandError(f"{project} is {word}, after {timeout}", TOO_LATE)
        shown.show(now)
        time.sleep(LOOK_EVERY)


def _seconds(timeout: str) -> float:
    from schema.quantities import parse_duration

    try:
        return parse_duration(timeout)
    except ValueError as error:
        raise CommandError(f"--timeout: {error}", 2) from None


def _look(client: "GitRepository", id: str, shown: "Progress") -> "tuple[ProjectView | None, ProjectState | None]":
    """Nothing while the repository does not answer. CommandError once the project is gone for good."""
    from cli.sightings import judged
    from flow.node_states import nobody_answers
    from flow.views import project_state
    from state.errors import StateError

    try:
        snapshot = judged(client, client.fetch())
    except StateError:
        return None, None
    shown.alone(nobody_answers(snapshot))
    view = snapshot.projects.get(id)
    if view is None:
        raise CommandError(f"{id} was deleted", STOPPED)
    return view, project_state(snapshot, view)


def reached(now: "ProjectState", view: "ProjectView | None", state: str) -> bool:
    """A state that an unanswered request is about to change does not count."""
    if state == "settled":
        return rests(now, view)
    return now.state == state and (state == "running" or not (view and view.unanswered))


def rests(now: "ProjectState", view: "ProjectView | None") -> bool:
    return now.state in RESTS and not (view and view.unanswered)


def _told(project: str, now: "ProjectState | None") -> bool:
    """One line for programs, if that was asked for. Without a state: the repository did not answer."""
    return output.one_line(
        {
            "project": project,
            "state": now and now.state,
            "reason": now and now.reason and str(now.reason),
            "stage": now and now.stage,
            "execution": now and now.execution and now.execution.execution,
        }
    )


def _say(now: "ProjectState") -> None:
    from runner.logs import clean

    print(clean(f"{now.project}: {_sentence(now)}"))


def _sentence(now: "ProjectState") -> str:
    return now.state + (f" ({now.why})" if now.why else "")


class Progress:
    """One line on a terminal that is rewritten in place; nothing where standard error is a file."""

    def __init__(self) -> None:
        self.on, self.last = sys.stderr.isatty(), ""
        self.silent = False

    def alone(self, why: str) -> None:
        """Say once that there is nobody who would go on, wherever standard error goes."""
        if why and not self.silent:
            self.clear()
            settings.warn(why)
        self.silent = bool(why)

    def show(self, now: "ProjectState | None") -> None:
        text = self._line(now) if self.on else ""
        if text != self.last:
            print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
            self.last = text

    def _line(self, now: "ProjectState | None") -> str:
        from cli.looking import percent, progress
        from runner.logs import clean

        if now is None:
            return "the state repository does not answer; waiting"
        record = now.execution
        done = percent(progress(record)) if record and record.state.active else ""
        return clean(" ".join(part for part in (now.project, now.state, now.stage, done, now.text) if part))[:100]

    def clear(self) -> None:
        if self.last:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self.last = ""
