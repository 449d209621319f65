"""Verbs `triggers`: what starts by itself, what it would do next, and what it did."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError
from cli.words import Verbs

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from flow.triggers.firings import Firing
    from schema.trigger import Trigger

Name = Annotated[str, typer.Argument(metavar="NAME", help="of triggers/NAME.yaml")]
SHOWN = 5


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(cls=Verbs, no_args_is_help=True, help="What starts by itself. Example: winslowctl triggers ls")
    verbs: dict[str, Callable[..., None]] = {"ls": triggers_ls, "test": triggers_test, "hook": triggers_hook}
    for name, verb in verbs.items():
        group.command(name)(verb)
    app.add_typer(group, name="triggers")


def triggers_ls() -> None:
    """All triggers in force: what each waits for, what comes next, and what it did last. Commits nothing.

    Example: winslowctl triggers ls
    """
    _, snapshot = settings.snapshot()
    rows = [_row(snapshot, name, trigger) for name, trigger in snapshot.triggers.items()]
    if not output.for_programs(rows):
        cells = [[output.shown(row[key]) for key in ("trigger", "on", "makes", "next", "last")] for row in rows]
        empty = (
            "no triggers yet; commit triggers/NAME.yaml to main, and `winslowctl explain trigger` says what it holds"
        )
        output.table(("TRIGGER", "ON", "MAKES", "NEXT", "LAST"), cells, empty=empty)


def triggers_test(name: Name) -> None:
    """What a trigger would do next, as the files it would commit, and what it did. Commits nothing.

    Example: winslowctl triggers test nightly
    """
    _, snapshot = settings.snapshot()
    trigger = _trigger(snapshot, name)
    coming = list(_coming(name, trigger))
    files, problem = _files(snapshot, trigger, coming[0] if coming else _sample(name, trigger))
    done = list(_done(snapshot, name, trigger))
    row = {**_row(snapshot, name, trigger), "next": [each.said for each in coming], "files": files, "problem": problem}
    if output.for_programs({**row, "done": done}):
        return
    output.line(f"[bold]{output.shown(name)}[/]  {row['on']} → {row['makes']}" + ("" if trigger.enabled else "  (off)"))
    for each in coming:
        print(f"  next  {each.said}")
    for path, text in files.items():
        print(f"\n{path}\n" + "\n".join(f"  {line}" for line in output.safe(text).splitlines()))
    if problem:
        print(f"\nnothing would come of it: {problem}")
    print("\ndid" if done else "\nit did nothing yet")
    for made in done[:SHOWN]:
        print(f"  {made['made']}  {made['state']}")


def triggers_hook(name: Name) -> None:
    """Where a program calls this machine's page so that a trigger starts, and the token with which. Commits nothing.

    Example: winslowctl triggers hook delivered --data /var/lib/winslow
    """
    from webui.access import hook_secret

    _, snapshot = settings.snapshot()
    if _trigger(snapshot, name).hook is None:
        raise CommandError(f"trigger {name!r} has no `hook: {{}}`, so no call starts it")
    data = settings.data().absolute()
    if not data.is_dir():
        raise CommandError(f"there is no data directory {data}; --data names that of the page, or of its node")
    try:
        secret = hook_secret.read(hook_secret.make(data))
    except OSError as error:
        raise CommandError(f"the token cannot be read here: {error}; ask as the user who runs the page") from None
    path, token = f"{hook_secret.TRIGGERS}/{name}", hook_secret.token_of(secret, name)
    if output.for_programs({"path": path, "token": token}):
        return
    print(f"URL      the page's address and {path}\ntoken    {token}")
    print(f'try      curl -X POST -H "Authorization: Bearer {token}" ADDRESS{path}')


def _trigger(snapshot: "Snapshot", name: str) -> "Trigger":
    from schema.suggest import did_you_mean

    if name not in snapshot.triggers:
        hint = did_you_mean(name, snapshot.triggers) or "; `winslowctl triggers ls` lists them"
        raise CommandError(f"there is no trigger {name[:60]!r}{hint}")
    return snapshot.triggers[name]


def _row(snapshot: "Snapshot", name: str, trigger: "Trigger") -> dict[str, Any]:
    coming = list(_coming(name, trigger))
    done = list(_done(snapshot, name, trigger))
    return {
        "trigger": name,
        "enabled": trigger.enabled,
        "on": _source(trigger),
        "makes": f"start {trigger.start.project}" if trigger.start else f"project of {_pipeline(trigger)}",
        "next": (coming[0].said if coming else "") if trigger.enabled else "off",
        "last": f"{done[0]['made']} {done[0]['state']}" if done else "",
    }


def _pipeline(trigger: "Trigger") -> str:
    return trigger.create.pipeline if trigger.create else ""


def _source(trigger: "Trigger") -> str:
    if trigger.schedule:
        return f"{trigger.schedule.cron} {trigger.schedule.zone}"
    if trigger.pool:
        return f"pool:{trigger.pool.files}"
    return f"end of {trigger.project.name} ({trigger.project.state})" if trigger.project else "a call of the page"


def _coming(name: str, trigger: "Trigger") -> "Iterator[Firing]":
    from flow.triggers.firings import of_time
    from flow.triggers.schedule import coming

    if trigger.schedule:
        for moment in coming(trigger.schedule, datetime.fromtimestamp(time.time(), UTC), SHOWN):
            yield of_time(name, trigger, moment)


def _sample(name: str, trigger: "Trigger") -> "Firing":
    """What would come of it, with made-up values."""
    from flow.triggers.firings import of_call, of_end, of_file

    if trigger.project:
        return of_end(name, trigger.project.name, 1, "succeeded")
    if trigger.hook:
        return of_call(name, "example", {key: f"<{key}>" for key in trigger.hook.inputs})
    return of_file(name, "folder/example.mp4", "blake3:" + 64 * "0")


def _files(snapshot: "Snapshot", trigger: "Trigger", firing: "Firing") -> tuple[dict[str, str], str]:
    from schema.errors import SchemaError
    from state.edits.projects import CannotMake
    from state.edits.triggered import files_of

    try:
        made = files_of(snapshot, trigger, firing)
    except (CannotMake, SchemaError) as error:
        return {}, str(error)
    return {path: text for path, text in made.items() if text is not None}, ""


def _done(snapshot: "Snapshot", name: str, trigger: "Trigger") -> Iterator[dict[str, str]]:
    """The newest first: projects with their state, starts with their reply."""
    from flow.status.states import project_state
    from flow.triggers.firings import keys_made

    for key in sorted(keys_made(snapshot, name, trigger), reverse=True):
        if trigger.create:
            id = f"{name}-{key}"
            view = snapshot.projects[id]
            yield {"made": id, "state": project_state(snapshot, view).state if view.project else "deleted"}
        elif trigger.start:
            file = f"start-{name}-{key}.yaml"
            replies = snapshot.projects[trigger.start.project].replies
            verdict = next((f"{r.verdict} {r.text}".strip() for r in replies if r.request == file), "not answered yet")
            yield {"made": f"{trigger.start.project} {key}", "state": verdict}
