"""Verb `files check`: whether this machine's store is still what was put into it."""

from itertools import chain, islice
from typing import TYPE_CHECKING

import typer

from cli import output, settings
from cli.errors import CommandError
from cli.progress import bar

if TYPE_CHECKING:
    from runner.store.objects import Objects

NAMED = 5


def add_to(files: typer.Typer) -> None:
    files.command("check")(check)


def check() -> None:
    """Read everything in this machine's store again: what is damaged is named, and fetched anew when it is needed.

    It may run beside a node; what nobody else has is made anew by `redo`. Exit code 1 if anything is damaged.
    Example: winslowctl files check
    """
    from runner.store.check import check as damages
    from runner.store.objects import Objects

    objects = Objects(settings.data() / "store", (0, 0))
    try:
        with bar("store") as progress:
            found = list(damages(objects, progress))
    except OSError as error:
        raise CommandError(f"the store {objects.root} cannot be looked at: {error}") from None
    of = [_of(objects, each.digest) for each in found]
    rows = [
        {"digest": each.digest, "bytes": each.size, "of": whose, "aside": str(each.aside)}
        for each, whose in zip(found, of, strict=True)
    ]
    if not output.for_programs(rows):
        cells = [
            [each.digest, f"{each.size:,}", output.shown(", ".join(whose) or "nothing here")]
            for each, whose in zip(found, of, strict=True)
        ]
        output.table(("DAMAGED", "BYTES", "OF"), cells, empty="nothing is damaged")
    if rows:
        raise typer.Exit(1)


def _of(objects: "Objects", digest: str) -> list[str]:
    from controller.housekeeping.deletion import execution_of, project_of
    from runner.logs.archive import runs_of
    from runner.store.check import named_by

    named = named_by(objects, settings.data() / "projects", digest)
    files = (f"{id}/{number}/{path}" if path else f"{id}/{number} (its list of files)" for id, number, path in named)
    logs = (f"{project_of(run)}/{execution_of(run)} (its log)" for run in runs_of(settings.data(), digest))
    return list(islice(chain(files, logs), NAMED))
