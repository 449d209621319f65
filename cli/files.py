"""Files that executions left: listed from the repository, fetched from this machine."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import files_check, files_put, output, remote, settings
from cli import files_get as fetching
from cli.errors import CommandError
from cli.history import execution_of
from cli.places import NODE, FileAddress, own_name, place
from cli.words import Verbs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.store.tree import Tree
    from schema.execution import Execution
    from state.git.git_repository import GitRepository


def add_to(app: typer.Typer) -> None:
    files = typer.Typer(
        cls=Verbs, no_args_is_help=True, help="Files of executions. Example: winslowctl files ls crossing/3"
    )
    files.command("ls")(files_ls)
    files.command("get")(files_get)
    files_put.add_to(files)
    files_check.add_to(files)
    app.add_typer(files, name="files")


ARTIFACTS = Annotated[bool, typer.Option("--artifacts", help="only what was promised, as the repository lists it")]


def files_ls(
    what: Annotated[str, typer.Argument(metavar="PROJECT[/N[/PATH]]")],
    artifacts: ARTIFACTS = False,
    node: NODE = "",
) -> None:
    """Files of the pool (`pool:`), of a project (`PROJECT:`), or that executions left (without N each stage's newest).

    All of them where this machine or a node that answers has the workspace, else what the repository lists.
    Example: winslowctl files ls crossing/3     winslowctl files ls pool: --node gpu-02
    """
    if ":" in what or node:
        _ls_shelf(place(what, node))
        return
    id, _, rest = what.partition("/")
    number, _, path = rest.partition("/")
    client, _, view = settings.project(id)
    records = [execution_of(view, number)] if number else list({e.stage: e for e in view.executions}.values())
    rows = (row for record in records for row in _files_of(client, id, record, artifacts) if below(row["path"], path))
    output.long_list(rows, ("EXEC", "PATH", "BYTES", "DIGEST"), _file_cells, empty="no files")


def _file_cells(row: dict[str, Any]) -> list[str]:
    return [
        str(row["execution"]),
        output.plain_cell(row["path"]),
        f"{row['bytes']:,}",
        output.plain_cell(row["digest"]),
    ]


def below(path: str, folder: str) -> bool:
    """Whether a path is that folder or file, or lies below it."""
    folder = folder.strip("/")
    return not folder or path == folder or path.startswith(f"{folder}/")


def _ls_shelf(of: FileAddress) -> None:
    from peer.client.pools import where
    from runner.files.shared_folder import ShelfError
    from runner.store.errors import StoreError

    lies = remote.pools(of.path) if not of.project and not of.node else {}
    try:
        items = list(of.shelf.items(of.path))
    except (ShelfError, StoreError) as error:
        if not lies:
            raise CommandError(str(error)) from None
        items = []
    rows = where(of.node or own_name(), items, lies)
    output.long_list(rows, ("PATH", "BYTES", "ON"), _shelf_cells, empty="no files")


def _shelf_cells(row: dict[str, Any]) -> list[str]:
    size = "" if row["folder"] else f"{row['bytes']:,}"
    return [output.plain_cell(row["path"] + "/" * row["folder"]), size, output.plain_cell(", ".join(row["nodes"]))]


def _files_of(client: "GitRepository", id: str, record: "Execution", artifacts: bool) -> "Iterable[dict[str, Any]]":
    from schema import layout

    tree = None if artifacts else _tree(id, record.execution)
    if tree:
        return _found(tree, record.execution)
    text = client.read_text(layout.artifacts(id, record.execution, record.slot))
    return _listed(text, record.execution) if text else []


def _found(tree: "Tree", number: int) -> "Iterator[dict[str, Any]]":
    from runner.store.manifest import shown

    for row in tree.files():
        yield {"execution": number, "path": shown(row.path), "bytes": row.size, "digest": row.value or None}


def _listed(text: str, number: int) -> list[dict[str, Any]]:
    """CommandError for a list that is not what nodes write."""
    from pydantic import ValidationError

    from schema.execution import ArtifactList

    try:
        listed = ArtifactList.model_validate(json.loads(text))
    except (ValueError, ValidationError, RecursionError):
        raise CommandError(f"the list of artifacts of execution {number} cannot be read") from None
    return [{"execution": number, "path": a.path, "bytes": a.bytes, "digest": a.digest} for a in listed.artifacts]


def _tree(id: str, number: int) -> "Tree | None":
    """What this machine has of an execution, or the node that ran it."""
    from runner.store.workspaces import Workspaces

    try:
        return remote.look(id, number)
    except CommandError as error:
        if Workspaces(settings.data()).dropped(id, number):
            print(f"winslowctl: {error}", file=sys.stderr)
        return None


def files_get(
    what: Annotated[str, typer.Argument(metavar="PROJECT/N/PATH")],
    to: Annotated[str, typer.Option("-o", "--to", help="file or folder to write, or - for standard output")] = "",
    node: NODE = "",
) -> None:
    """Copy a file or folder of the pool, of a project, or that an execution left or is writing, also on another node.

    A folder is written as one that was not there before; links in it are left out.
    Example: winslowctl files get crossing/6/report.html -o report.html     winslowctl files get crossing/6/a.csv -o -
    """
    from runner.files.shared_folder import ShelfError
    from runner.store.errors import StoreError

    of = place(what, node)
    if to == "-":
        fetching.printed(of, what)
        return
    target = Path(to or ".")
    name = Path(of.path.rstrip("/")).name or (f"{of.project}-{of.execution}" if of.execution else of.project or "pool")
    target = target / name if target.is_dir() else target
    part = target.with_name(f".{target.name[:200]}.part")
    try:
        found = fetching.found(of)
        if isinstance(found, list):
            fetching.folder(found, part, target)
        else:
            fetching.file(found, part, target)
    except (StoreError, ShelfError, OSError) as error:
        raise CommandError(f"{what}: {error}; `winslowctl files ls` shows what is there") from None
    finally:
        fetching.forget(part)
    print(target)
