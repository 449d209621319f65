"""Verb `policy`: look at the file of what a node grants, and at what the nodes grant to a stage."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from flow.placement.grants import Asker
    from schema.pipeline import Stage


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="What nodes grant to stages beyond least rights.", no_args_is_help=True)
    group.command()(check)
    group.command()(explain)
    app.add_typer(group, name="policy")


def check(file: Annotated[Path, typer.Argument(help="a policy file")] = Path("/etc/winslow/policy.yaml")) -> None:
    """Whether a node here would take this policy, and what of it is dangerous.

    Example: winslowctl policy check /etc/winslow/policy.yaml
    """
    from controller.grants.policy_file import PolicyRefused, load
    from schema.documents import tidy
    from schema.policy import summary

    try:
        found = load(file)
    except FileNotFoundError:
        raise CommandError(
            f"there is no {file}; without it stages get what every stage has, and nothing else"
        ) from None
    except (OSError, PolicyRefused) as error:
        raise CommandError(str(error)) from None
    dangers = [what for _, what in found.dangers()]
    if output.for_programs({"file": str(file), "grants": tidy(summary(found)), "dangers": dangers}):
        return
    output.line(f"{output.shown(str(file))} can be taken")
    for what in dangers:
        output.line(f"[red]dangerous[/]: {output.shown(what)} gives stages power over this machine")


def explain(
    stage: Annotated[str, typer.Argument(help="PROJECT/STAGE or PIPELINE/STAGE")],
) -> None:
    """Which nodes grant what a stage asks for, and of the others the line of their policy that is missing.

    Example: winslowctl policy explain traffic/detect
    """
    from flow.placement.grants import refusal
    from schema.rights import NO_RIGHTS

    _, snapshot = settings.snapshot()
    found, who = _stage(snapshot, stage)
    rows = []
    for name, inventory in sorted(snapshot.inventories.items()):
        why = refusal(found, inventory.grants, who)
        if not why and found.rights != NO_RIGHTS and not inventory.isolation:
            why = f"its runner ({inventory.runner}) isolates nothing"
        rows.append({"node": name, "granted": not why, "why": why})
    if output.for_programs(rows):
        return
    asked = ", ".join(f"{ask.part} {ask.name}".strip() for ask in found.rights.asks())
    output.line(f"{output.shown(stage)} asks for {output.shown(asked) or 'nothing beyond least rights'}")
    cells = [[output.shown(r["node"]), "yes" if r["granted"] else "no", output.shown(r["why"])] for r in rows]
    output.table(("NODE", "GRANTED", "WHY NOT"), cells, empty="no node has joined")


def _stage(snapshot: "Snapshot", text: str) -> "tuple[Stage, Asker]":
    from flow.placement.grants import Asker, asker

    owner, slash, name = text.partition("/")
    if not slash:
        raise CommandError(f"PROJECT/STAGE or PIPELINE/STAGE is wanted, not {text[:60]!r}", 2)
    view = snapshot.projects.get(owner)
    pipeline = (view.pipeline or view.definition) if view else snapshot.pipelines.get(owner)
    stage = pipeline.stage(name) if pipeline else None
    if pipeline is None:
        raise CommandError(f"there is neither a project nor a pipeline {owner[:60]!r}")
    if stage is None:
        names = ", ".join(each.name for each in pipeline.stages)
        raise CommandError(f"pipeline {pipeline.name} has no stage {name[:60]!r}; it has {names}")
    return stage, asker(view) if view else Asker(pipeline=pipeline.name)
