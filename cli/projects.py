"""Projects: see, make, change, delete. Each change is one commit on `main`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, settings
from cli.commits import commit
from cli.errors import CommandError
from cli.region_files import specs_of, with_files
from cli.words import Verbs

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot

Id = Annotated[str, typer.Argument(metavar="ID")]
Inputs = Annotated[
    list[str] | None, typer.Option("--input", help="NAME=VALUE; a region also NAME=@FILE; may be repeated")
]
Priority = Annotated[int | None, typer.Option("--priority", help="0 to 100, the larger the sooner")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        cls=Verbs, no_args_is_help=True, help="Projects. Example: winslowctl projects create v1 --pipeline p"
    )
    verbs: dict[str, Callable[..., None]] = {
        "ls": projects_ls,
        "show": projects_show,
        "create": projects_create,
        "edit": projects_edit,
        "rm": projects_rm,
    }
    for name, verb in verbs.items():
        group.command(name)(verb)
    app.add_typer(group, name="projects")
    app.command("confirm-deletions")(confirm_deletions)


def projects_ls() -> None:
    """All projects with their pipelines and tags.

    Example: winslowctl projects ls
    """
    from flow.model.snapshot import present

    _, snapshot = settings.snapshot()
    rows: list[dict[str, Any]] = [
        {
            "project": view.id,
            "name": view.project.name if view.project else "",
            "pipeline": view.project.pipeline if view.project else "",
            "tags": list(view.project.tags) if view.project else [],
            "deleted": view.deletion is not None,
        }
        for view in present(snapshot)
    ]
    if not output.for_programs(rows):
        cells = [
            [
                output.shown(r["project"]),
                output.shown(r["name"]),
                output.shown(r["pipeline"]),
                output.shown(", ".join(r["tags"])),
                "yes" if r["deleted"] else "",
            ]
            for r in rows
        ]
        output.table(("PROJECT", "NAME", "PIPELINE", "TAGS", "DELETED"), cells, empty="no projects yet")


def projects_show(project: Id) -> None:
    """One project in full, as `describe` shows it.

    Example: winslowctl projects show crossing
    """
    from cli.describe import describe

    describe(project)


def projects_create(
    id: Id,
    pipeline: Annotated[str, typer.Option("--pipeline", help="an existing pipeline, or NAME@COMMIT")],
    name: Annotated[str, typer.Option("--name", help="a name for people")] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="may be repeated")] = None,
    input: Inputs = None,
    priority: Priority = None,
    start: Annotated[bool, typer.Option("--start", help="ask for the start in the same commit")] = False,
) -> None:
    """Make a project. Commits projects/<id>/project.yaml.

    Example: winslowctl projects create crossing --pipeline traffic --input video=ulm/0800.mp4 --start
    """
    from state.edits.projects import created

    settings.checked_name(id, "project")
    fields: dict[str, Any] = {
        "name": name,
        "pipeline": pipeline,
        "tags": tag or [],
        "inputs": settings.pairs(input, "input"),
        "priority": priority,
    }
    message = f"Create project {id}" + (" and start it" if start else "")

    def made(snapshot: "Snapshot") -> dict[str, str | None]:
        specs = specs_of(snapshot.pipelines.get(pipeline.partition("@")[0]))
        return created(snapshot, id, {**fields, "inputs": with_files(fields["inputs"], specs)}, start=start)

    commit(made, message)


def projects_edit(
    id: Id,
    name: Annotated[str | None, typer.Option("--name", help="a new name for people")] = None,
    pipeline: Annotated[str | None, typer.Option("--pipeline", help="another pipeline, from its next start on")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="the tags, all of them")] = None,
    input: Inputs = None,
    priority: Priority = None,
) -> None:
    """Rename, retag, move to another pipeline, change inputs. Comments and order in the file stay.

    Example: winslowctl projects edit crossing --name "Morning flight" --tag drone --tag ulm
    """
    from schema import layout
    from state.edits.projects import changed

    path = layout.project(settings.checked_name(id, "project"))
    client, _, _ = settings.project(id)
    changes = {"name": name, "pipeline": pipeline, "tags": tag, "priority": priority}
    changes = {key: value for key, value in changes.items() if value is not None}
    inputs = settings.pairs(input, "input")
    if not changes and not inputs:
        raise CommandError("nothing to change; see `winslowctl projects edit --help`", 2)
    message = f"Edit project {id}: {', '.join([*changes, *inputs])}"

    def made(snapshot: "Snapshot") -> dict[str, str | None]:
        view = snapshot.projects.get(id)
        specs = specs_of(snapshot.pipelines.get((pipeline or "").partition("@")[0]), view.pipeline if view else None)
        return changed(snapshot, id, client.read_main(path), changes, with_files(inputs, specs))

    commit(made, message)


def projects_rm(
    id: Id,
    yes: Annotated[bool, typer.Option("--yes", help="yes, delete it")] = False,
    now: Annotated[bool, typer.Option("--now", help="without the time in which it can be restored")] = False,
) -> None:
    """Delete a project: its files on every node too, after delete_after, or at once with --now.

    Until then, putting project.yaml back (git revert) restores it. Example: winslowctl projects rm crossing --yes
    """
    from state.edits.projects import deleted

    _, _, view = settings.project(settings.checked_name(id, "project"))
    if view.deletion:
        raise CommandError(f"project {id!r} is deleted already")
    if not yes:
        raise CommandError(f"this deletes {id!r} with {len(view.executions)} executions on every node; say --yes", 2)
    files, message = deleted(id, now=now)
    commit(lambda _: files, message)


def confirm_deletions() -> None:
    """Let more projects than max_deletions be deleted at once, after they vanished from main.

    Example: winslowctl confirm-deletions
    """
    client, snapshot = settings.snapshot()
    gone = [view.id for view in snapshot.projects.values() if view.deletion and not view.buried]
    if not gone:
        raise CommandError("no deletion waits for confirmation")
    text = client.read_main("README.md") or ""
    commit(
        lambda _: {"README.md": text or "# State repository\n"},
        f"Confirm the deletion of {', '.join(gone)}\n\nWinslow-Confirm-Deletions: yes\n",
    )
