"""Verbs `files put rm du`: the pool and the files of projects, here or on a node, and changes for a next stage."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli import output, remote, settings
from cli.errors import CommandError
from cli.places import NODE, FileAddress, own_name, place
from cli.progress import PIECE, bar

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from peer.client.files import FarShelf
    from runner.files.shared_folder import Shelf

Found = TypeVar("Found")
STDIN = Path("-")
PATIENCE = 120.0
"""Seconds without an end in which the node may send to its bucket."""


def add_to(files: typer.Typer) -> None:
    files.command("put")(put)
    files.command("rm")(rm)
    files.command("du")(du)


def put(
    what: Annotated[list[Path], typer.Argument(metavar="FILE...", help="files or folders of this machine, or - alone")],
    where: Annotated[str, typer.Argument(metavar="WHERE", help="pool:DIR/, PROJECT:DIR/ or PROJECT/N/PATH")],
    replace: Annotated[bool, typer.Option("--replace", help="in the place of a file that is there already")] = False,
    node: NODE = "",
    all_nodes: Annotated[
        bool, typer.Option("--all-nodes", help="into the pool of every node, so that any may run what reads them")
    ] = False,
) -> None:
    """Put files into the pool, a project's files, or the workspace that a next stage begins with.

    A file is not there until it is whole; what was interrupted goes on when it is put again. For an execution nothing
    of it is changed: the command that starts on the changed files is printed.
    Example: winslowctl files put ulm.mp4 pool: --all-nodes     winslowctl files put - pool:2020-01/ulm.mp4
    """
    with ExitStack() as stack:
        to = place(where, node)
        pairs = [(stack.enter_context(_streamed(to)), to.path)] if what == [STDIN] else list(_pairs(what, to.path))
        if all_nodes:
            _put_everywhere(to, pairs, replace)
        else:
            _put(to, pairs, where, replace)


def _put_everywhere(to: FileAddress, pairs: list[tuple[Path, str]], replace: bool) -> None:
    """Into each pool in turn. What one node does not take keeps it from no other; it is told in the end."""
    if to.project or to.node:
        raise CommandError("--all-nodes is for the pool alone (pool:DIR/), without --node", 2)
    _, snapshot = settings.snapshot(live=True)
    names = sorted(snapshot.inventories)
    if not names:
        raise CommandError("no node has joined, so there is no pool to put it into")
    refused = [f"{node}: {why}" for node in names if (why := _not_put(snapshot, node, to, pairs, replace))]
    if refused:
        more = "; what was put stays, and putting it again goes on where it ended"
        raise CommandError(f"not on all nodes: {'; '.join(refused)}{more}")


def _not_put(snapshot: "Snapshot", node: str, to: FileAddress, pairs: list[tuple[Path, str]], replace: bool) -> str:
    """Why a node's pool does not have all of them now, or nothing."""
    from flow.node.node_states import standing
    from runner.files.shared_folder import ShelfError
    from runner.store.errors import StoreError

    here = node == own_name()
    if not here and not standing(snapshot, node).answers:
        return f"it is {standing(snapshot, node).why}"
    try:
        shelf = to.shelf if here else remote.shelf(node, to.name)
        for source, path in pairs:
            digest = _there(shelf, source, path)
            if not digest:
                with bar(f"{source} → {node}") as progress:
                    digest = shelf.put(source, path, replace=replace, progress=progress)
            print(f"{digest}  {node} {to.name}{path}")
    except (CommandError, ShelfError, StoreError, OSError) as error:
        return str(error)
    return ""


def _there(shelf: "Shelf | FarShelf", source: Path, path: str) -> str:
    """The digest, where just this file lies there already."""
    from runner.files.shared_folder import ShelfError
    from runner.store.digests import of_file

    try:
        [item] = shelf.items(path)
        if item.path != path or item.folder or item.bytes != source.stat().st_size:
            return ""
        digest = shelf.digest(path)
    except (ShelfError, ValueError):
        return ""
    return digest if digest == of_file(source) else ""


def _put(to: FileAddress, pairs: list[tuple[Path, str]], where: str, replace: bool) -> None:
    if to.execution:
        _prepare(to, pairs)
        return
    for source, path in pairs:
        with bar(str(source)) as progress:
            digest = _checked(partial(to.shelf.put, source, path, replace=replace, progress=progress))
        print(f"{digest}  {where.partition(':')[0]}:{path}")


@contextmanager
def _streamed(to: FileAddress) -> Iterator[Path]:
    """All of standard input as a file, whose size and digest are known before anything of it is put anywhere."""
    if not to.path or to.path.endswith("/"):
        raise CommandError(f"what comes by standard input needs a name: {to.name}{to.path}NAME", 2)
    if sys.stdin.isatty():
        print("reading from standard input; Ctrl-D ends it", file=sys.stderr)
    data = settings.data()
    with TemporaryDirectory(prefix=".winslow-put-", dir=data if os.access(data, os.W_OK) else None) as folder:
        file = Path(folder) / "standard input"
        with file.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy, PIECE)
        yield file


def _pairs(what: list[Path], path: str) -> Iterator[tuple[Path, str]]:
    """Each file, and its path at its destination."""
    into = path.endswith("/") or not path or len(what) > 1 or what[0].is_dir()
    folder = path.rstrip("/")
    for each in what:
        if each.is_dir():
            inside = sorted(file for file in each.rglob("*") if file.is_file() and not file.is_symlink())
            yield from ((file, "/".join(filter(None, (folder, str(file.relative_to(each.parent)))))) for file in inside)
        elif each == STDIN:
            raise CommandError("standard input is put alone: winslowctl files put - WHERE", 2)
        elif each.is_file():
            yield each, ("/".join(filter(None, (folder, each.name))) if into else path)
        else:
            raise CommandError(f"there is no file {each}")


def _prepare(to: FileAddress, pairs: list[tuple[Path, str]]) -> None:
    _exists(to)
    there = remote.keeper(to.project, to.execution)
    _tell(to, [f"--add {shlex.quote(f'{path}={_stored(there, to, source, path)}')}" for source, path in pairs])


def _stored(there: str, to: FileAddress, source: Path, path: str) -> str:
    """The digest, once the content is in the store of the node that ran it, or of this machine."""
    from runner.store.workspaces import Workspaces

    with bar(str(source)) as progress:
        if there:
            return _checked(partial(remote.shelf(there, to.name).put, source, path, progress=progress))
        digest = _checked(partial(Workspaces(settings.data()).add_file, source, progress)).digest
    _sent(digest)
    return digest


def _sent(digest: str) -> None:
    """To the bucket, where the node has one: another node may run the next stage."""
    from runner.files import to_bucket

    waiting = to_bucket.note(settings.data(), digest)
    if waiting and not to_bucket.sent(waiting, PATIENCE):
        bucket = to_bucket.bucket_of(settings.data())
        warning = f"the node of this machine has not sent it to {bucket} yet: see that it runs before you go on"
        print(f"winslowctl: {warning}", file=sys.stderr)


def _exists(to: FileAddress) -> None:
    """CommandError where neither this machine nor the node that ran it has it."""
    remote.look(to.project, to.execution)


def _tell(to: FileAddress, changes: list[str]) -> None:
    print("nothing is changed yet; to start the next stage on the changed files:")
    print(f"  winslowctl resume {to.project} --from {to.execution} {' '.join(changes)}")


def rm(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="pool:PATH, PROJECT:PATH or PROJECT/N/PATH")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    node: NODE = "",
) -> None:
    """Remove a file or folder of the pool or a project; of an execution, leave it out of what a next stage begins with.

    Example: winslowctl files rm pool:2020-01/ulm.mp4
    """
    of = place(what, node)
    if of.execution:
        _exists(of)
        _tell(of, [f"--remove {shlex.quote(of.path)}"])
        return
    if not yes:
        typer.confirm(f"remove {of.name}{of.path} of {of.node or 'this machine'} for good?", abort=True)
    _checked(lambda: of.shelf.remove(of.path))


def du(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="pool:, PROJECT, PROJECT: or PROJECT/N")] = "pool:",
    node: NODE = "",
) -> None:
    """How much room files take, on this machine or another.

    Of a whole project: its files, and what each execution left; contents that several share are counted for each.
    Example: winslowctl files du crossing/3     winslowctl files du crossing
    """
    if ":" not in what and "/" not in what:
        _du_project(settings.checked_name(what, "project"), node)
        return
    of = place(what, node)
    if of.execution:
        prefix = of.path.strip("/")
        rows = remote.look(of.project, of.execution).files()
        sizes = [row.size for row in rows if not prefix or row.path == prefix or row.path.startswith(f"{prefix}/")]
    else:
        sizes = [item.bytes for item in _checked(lambda: list(of.shelf.files(of.path)))]
    row = {"what": what, "files": len(sizes), "bytes": sum(sizes)}
    if not output.for_programs([row]):
        output.table(("WHAT", "FILES", "BYTES"), [[output.shown(what), f"{len(sizes):,}", f"{sum(sizes):,}"]])


def _du_project(id: str, node: str) -> None:
    """Its files, and what each execution left, as far as it is here or on a node that answers."""
    _, _, view = settings.project(id)
    files = [item.bytes for item in _checked(lambda: list(place(f"{id}:", node).shelf.files("")))]
    rows = [{"what": f"{id}:", "files": len(files), "bytes": sum(files)}]
    for record in view.executions:
        with suppress(CommandError):  # it was dropped, or its node does not answer
            sizes = [row.size for row in remote.look(id, record.execution).files()]
            rows.append({"what": f"{id}/{record.execution}", "files": len(sizes), "bytes": sum(sizes)})
    if not output.for_programs(rows):
        cells = [[output.shown(row["what"]), f"{row['files']:,}", f"{row['bytes']:,}"] for row in rows]
        output.table(("WHAT", "FILES", "BYTES"), cells)


def _checked(action: Callable[[], Found]) -> Found:
    from runner.files.shared_folder import ShelfError
    from runner.store.errors import StoreError

    try:
        return action()
    except (ShelfError, StoreError, OSError) as error:
        raise CommandError(str(error)) from None
