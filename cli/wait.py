"""`wait`: until a project is where it should be, or cannot get there any more."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import completion, output, settings
from cli.complaints import say
from cli.errors import CommandError

if TYPE_CHECKING:
    from cli.last_node import LostNodes
    from flow.model.snapshot import ProjectView, Snapshot
    from flow.status.states import ProjectState
    from state.git.git_repository import GitRepository

STOPPED, TOO_LATE = 3, 4
LOOK_EVERY = 0.2
WAITED = ("running", "needs_input", "failed", "paused", "queued", "succeeded", "new", "invalid", "settled")
BAD = ("failed", "invalid")
RESTS = ("needs_input", "failed", "paused", "succeeded", "new", "invalid")
"""States that nothing but a person's request leaves."""


def add_to(app: typer.Typer) -> None:
    app.command()(wait)


def wait(
    project: Annotated[
        list[str],
        typer.Argument(
            help="ids of projects; all of them are waited for", metavar="PROJECT…", autocompletion=completion.projects
        ),
    ],
    state: Annotated[
        str,
        typer.Option(
            "--for",
            help=f"{', '.join(WAITED)} (settled: nothing goes on by itself); default: settled, and not in failed",
        ),
    ] = "",
    timeout: Annotated[str, typer.Option("--timeout", help="give up after so long, like 30s or 5m")] = "1h",
    notify: Annotated[
        Path | None,
        typer.Option("--notify", help="the file with the addresses of who is told if the last node is lost meanwhile"),
    ] = None,
) -> None:
    """Wait until projects are in a state. A server that is away is waited for too.

    Without --for until nothing goes on by itself; that it failed is then no success, so `wait first && …` does what it
    says. With -o json the last state of each is printed in every case, as one line.
    Exit codes: 0 they are, 3 one stopped in another state (or failed) and goes on only if somebody asks, 4 the time was
    over.
    Example: winslowctl wait crossing --for needs_input --timeout 5m     winslowctl wait morning evening
    """
    if state not in ("", *WAITED):
        raise CommandError(f"--for takes {', '.join(WAITED)}, not {state[:30]!r}", 2)
    deadline = time.monotonic() + _seconds(timeout)
    client, snapshot = settings.snapshot()
    for id in project:
        settings.project_of(snapshot, id)
    told = _lost_nodes(client, notify) if notify else None
    code = _Waited(client, list(dict.fromkeys(project)), state, timeout, told).until(deadline)
    if told:
        told.finish()
    if code:
        raise typer.Exit(code)


class _Waited:
    """What is still waited for, and how what is not has ended."""

    def __init__(
        self, client: "GitRepository", ids: list[str], state: str, timeout: str, told: "LostNodes | None" = None
    ) -> None:
        self.client, self.waiting, self.state, self.timeout = client, ids, state, timeout
        self.shown, self.told = WaitLine(), told
        self.code = 0

    def until(self, deadline: float) -> int:
        """The exit code."""
        while True:
            snapshot = _look(self.client, self.shown)
            if snapshot and self.told:
                self.told.looked(snapshot)
            late = time.monotonic() > deadline
            self.waiting = [id for id in self.waiting if not self._ended(id, snapshot, late=late)]
            if not self.waiting:
                return self.code
            self.shown.show(_at(snapshot, self.waiting[0])[1])
            time.sleep(LOOK_EVERY)

    def _ended(self, id: str, snapshot: "Snapshot | None", *, late: bool) -> bool:
        """Said, if it is over for this one."""
        view, now = _at(snapshot, id)
        if now and view and reached(now, view, self.state):
            self._over(id, now, "")
        elif now and view and rests(now, view):
            wanted = f", not {self.state}" if self.state else ""
            self._over(id, now, f"{id} is {_sentence(now)}{wanted}{_helps(view, now)}", STOPPED)
        elif snapshot and now is None:
            self._over(id, None, f"{id} was deleted", STOPPED)
        elif late:
            word = f"still {_sentence(now)}" if now else "out of sight, the state repository does not answer"
            self._over(id, now, f"{id} is {word}, after {self.timeout}", TOO_LATE)
        else:
            return False
        return True

    def _over(self, id: str, now: "ProjectState | None", text: str, code: int = 0) -> None:
        self.shown.clear()
        if not _told(id, now) and now and not text:
            _say(now)
        if text:
            say(text)
        self.code = max(self.code, code)


def _lost_nodes(client: "GitRepository", file: Path) -> "LostNodes":
    from cli.last_node import LostNodes
    from state.transport.push_address import push_address

    return LostNodes(push_address(settings.repo_url()), client.path.with_suffix(".notices"), file)


def _at(snapshot: "Snapshot | None", id: str) -> "tuple[ProjectView | None, ProjectState | None]":
    from flow.status.states import project_state

    view = snapshot.projects.get(id) if snapshot else None
    return view, project_state(snapshot, view) if snapshot and view else None


def _helps(view: "ProjectView", now: "ProjectState") -> str:
    from flow.status.remedies import remedy

    helps = remedy(view, now)
    return f"; what helps: {helps}" if helps else ""


def _seconds(timeout: str) -> float:
    from schema.quantities import parse_duration

    try:
        return parse_duration(timeout)
    except ValueError as error:
        raise CommandError(f"--timeout: {error}", 2) from None


def _look(client: "GitRepository", shown: "WaitLine") -> "Snapshot | None":
    """Nothing while the repository does not answer."""
    from cli.sightings import judged
    from flow.node.node_states import nobody_answers
    from state.contract.errors import StateError

    try:
        snapshot = judged(client, client.fetch())
    except StateError:
        return None
    shown.alone(nobody_answers(snapshot))
    return snapshot


def reached(now: "ProjectState", view: "ProjectView | None", state: str) -> bool:
    """A state that an unanswered request is about to change does not count."""
    if not state:
        return rests(now, view) and now.state not in BAD
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
    from runner.logs.log_file import clean

    print(clean(f"{now.project}: {_sentence(now)}"))


def _sentence(now: "ProjectState") -> str:
    return now.state + (f" ({now.why})" if now.why else "")


class WaitLine:
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
        from cli.ps import percent, progress
        from runner.logs.log_file import clean

        if now is None:
            return "the state repository does not answer; waiting"
        record = now.execution
        done = percent(progress(record)) if record and record.state.active else ""
        return clean(" ".join(part for part in (now.project, now.state, now.stage, done, now.text) if part))[:100]

    def clear(self) -> None:
        if self.last:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self.last = ""
