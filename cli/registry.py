"""Verb `registry`: a registry of the lab's own, from which nodes take the images that they build."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.errors import CommandError, needs
from runner import extras

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from schema.execution import Execution

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
Folder = Annotated[Path | None, typer.Option("--folder", help="where it keeps images; default: DATA/registry")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="A registry of the lab's own for images that nodes build.", no_args_is_help=True)
    group.command()(up)
    group.command()(gc)
    app.add_typer(group, name="registry")


def up(
    listen: Annotated[str, typer.Option("--listen", help="HOST:PORT")] = "127.0.0.1:5000",
    folder: Folder = None,
    certificate: Annotated[Path | None, typer.Option("--certificate", help="a PEM file, for TLS")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="its key, a PEM file")] = None,
    passwords: Annotated[Path | None, typer.Option("--passwords", help="a file of `htpasswd -B`")] = None,
) -> None:
    """Run the registry until Ctrl-C. Beyond this machine it needs TLS and passwords.

    Example: winslowctl registry up --listen 127.0.0.1:5000
    """
    from runner.building.registry import PROGRAM, RegistryFiles

    if not shutil.which(PROGRAM):
        raise CommandError(f"{PROGRAM} is not installed; apt-get install docker-registry")
    host, _, port = listen.rpartition(":")
    if not port.isdecimal():
        raise CommandError(f"--listen takes HOST:PORT, not {listen[:60]!r}", 2)
    if host not in LOOPBACK and not (certificate and key and passwords):
        raise CommandError(
            f"at {listen} others could put any image in: give --certificate, --key and --passwords "
            f"(htpasswd -Bc FILE NAME), or listen at 127.0.0.1"
        )
    if bool(certificate) != bool(key):
        raise CommandError("--certificate and --key go together", 2)
    for file in filter(None, (certificate, key, passwords)):
        if not file.is_file():
            raise CommandError(f"there is no file {file}")
    files = RegistryFiles(
        listen, _folder(folder), *(file.absolute() if file else None for file in (certificate, key, passwords))
    )
    files.write()
    shown = f"{listen}/lab" if host in LOOPBACK else f"HOST:{listen.rpartition(':')[2]}/lab"
    print(f"a registry at {listen}, images in {files.folder}. In winslow.yaml:\n\n  registry: {shown}\n", flush=True)
    os.execvp(PROGRAM, [PROGRAM, "serve", str(files.settings)])


def gc(
    folder: Folder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would go")] = False,
) -> None:
    """Delete images that no folder on main, chain or kept execution names. Where the registry lies here, room is freed.

    Example: winslowctl registry gc --dry-run
    """
    needs(extras.DOCKER)
    import requests

    from runner.building.registry import RegistryClient, RegistryError, RegistryFiles, collect

    _, snapshot = settings.snapshot(live=True)
    if not snapshot.settings.registry:
        raise CommandError("winslow.yaml names no registry: `winslowctl registry up` starts one, and prints that line")
    session = requests.Session()
    if login := os.environ.get("WINSLOW_REGISTRY_LOGIN", ""):
        name, _, password = login.partition(":")
        session.auth = (name, password)
    client = RegistryClient(snapshot.settings.registry, session)
    rows = []
    try:
        for repository, tag, digest in client.unneeded(_names(snapshot), _kept(snapshot)):
            rows.append({"repository": repository, "tag": tag, "digest": digest})
            if not dry_run:
                client.delete(repository, digest)
        files = RegistryFiles("", _folder(folder))
        if rows and not dry_run and files.settings.exists():
            collect(files)
    except RegistryError as error:
        raise CommandError(str(error)) from None
    if output.for_programs(rows):
        return
    cells = [[r["repository"], r["tag"], r["digest"]] for r in rows]
    output.table(("REPOSITORY", "TAG", "DIGEST"), cells, empty="nothing to delete")


def _names(snapshot: "Snapshot") -> frozenset[str]:
    """Of the images that were ever built, as far as records tell."""
    from flow.model.builds import made_from
    from schema.images import PROJECT

    builds = snapshot.projects[PROJECT].executions if PROJECT in snapshot.projects else ()
    return frozenset(made[0] for each in builds if (made := made_from(each)))


def _kept(snapshot: "Snapshot") -> frozenset[str]:
    """Digests of builds that somebody may still run: of trees on main and of chains, and what executions ran."""
    from flow.model.builds import kept, tree_of
    from schema.images import PROJECT

    others = [view for view in snapshot.projects.values() if view.id != PROJECT]
    trees = set(snapshot.images.values()) | {tree for view in others for _, tree in kept(view.definition)}
    builds = snapshot.projects[PROJECT].executions if PROJECT in snapshot.projects else ()
    values = [each.result.values for each in builds if each.result and tree_of(each) in trees]
    made = {str(each.get("digest", "")) for each in values}
    from_ = {base.rpartition("@")[2] for each in values for base in str(each.get("bases", "")).split()}
    ran = {digest for view in others for each in view.executions for digest in _ran(each)}
    return frozenset(made | from_ | ran) - {""}


def _ran(record: "Execution") -> Iterator[str]:
    """Digests of what an execution ran, and of what ran beside it."""
    for image in (record.image, *(each.image for each in record.services)):
        if image and image.digest:
            yield image.digest


def _folder(folder: Path | None) -> Path:
    return (folder or settings.data() / "registry").absolute()
