"""Verbs `images push` and `images import`: an image in a file, for machines that no other registry reaches."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError, needs
from runner import extras

if TYPE_CHECKING:
    from runner.building.saved_image import SavedImage

File = Annotated[Path, typer.Argument(metavar="FILE", help="an archive of `docker save`, also packed with gzip")]
Replace = Annotated[bool, typer.Option("--replace", help="its names may be taken from other images of this engine")]


def add_to(group: typer.Typer) -> None:
    group.command()(push)
    group.command("import")(load)


def push(
    file: File,
    name: Annotated[str, typer.Option("--name", help="below the registry; default: the last part of its own")] = "",
    tag: Annotated[str, typer.Option("--tag", help="default: its own")] = "",
    replace: Replace = False,
) -> None:
    """Bring an image from a file into the registry that winslow.yaml names, and tell the digest for pipelines.

    The file is checked first: one image, whole, by its digests. It goes through this machine's engine, with its logins.
    Example: winslowctl images push speeds.tar
    """
    needs(extras.DOCKER)
    from runner.building.pushing import NotPushed, pushed
    from runner.contract.errors import RunnerError
    from runner.docker.engine import connect, talking
    from schema import images

    _, snapshot = settings.snapshot(live=True)
    registry = snapshot.settings.registry
    if not registry:
        raise CommandError("winslow.yaml names no registry: `winslowctl registry up` starts one, and prints that line")
    image = _loaded(file, replace=replace)
    own_name, own_tag = _called(image)
    name, tag = name or own_name, tag or own_tag or "latest"
    if not images.NAME.fullmatch(name) or not _fit_tag(tag):
        raise CommandError(
            f"{name[:60]!r} with tag {tag[:60]!r} cannot stand in the registry: give --name and --tag (a-z, 0-9, ., _ "
            f"and -; a tag of {images.STAMP} hexadecimal digits is a build's)",
            2,
        )
    repository = images.repository(registry, name)
    try:
        with talking():
            digest = pushed(connect().api, image.id, repository, tag, lambda text: None)
    except (NotPushed, RunnerError) as error:
        raise CommandError(f"{error}; `docker login {registry.partition('/')[0]}` if it wants a password") from None
    _tell({"image": f"{repository}@{digest}", "digest": digest, "id": image.id, "tag": f"{repository}:{tag}"})


def load(
    file: File,
    name: Annotated[str, typer.Option("--name", help="NAME:TAG, for a file without, or beside its own")] = "",
    replace: Replace = False,
) -> None:
    """Load an image from a file into this machine's engine, and tell how its stages name it. No registry is needed.

    The file is checked first: one image, whole, by its digests, under no name that means another image here.
    Example: winslowctl images import speeds.tar
    """
    needs(extras.DOCKER)
    from runner.building.saved_image import OWN, REFERENCE
    from runner.contract.errors import RunnerError
    from runner.docker.engine import connect, talking

    if name and (not REFERENCE.fullmatch(name) or name.startswith(OWN)):
        raise CommandError(f"--name takes NAME:TAG, and none that nodes give themselves, not {name[:60]!r}", 2)
    image = _loaded(file, replace=replace, more=(name,) if name else ())
    names = (name, *image.names) if name else image.names
    if not names:
        raise CommandError(f"{image.id[:19]}… is here, and has no name that a stage could say: give --name NAME:TAG")
    if name:
        try:
            with talking():
                connect().api.tag(image.id, *name.rsplit(":", 1), force=True)
        except RunnerError as error:
            raise CommandError(str(error)) from None
    _tell({"image": names[0], "digest": None, "id": image.id, "tag": names[0]})


def _loaded(file: Path, *, replace: bool, more: tuple[str, ...] = ()) -> "SavedImage":
    from runner.building.loading import loaded
    from runner.building.saved_image import BadArchive
    from runner.contract.errors import RunnerError
    from runner.docker.engine import connect

    try:
        with file.open("rb") as source:
            return loaded(connect(), source, replace=replace, more=more)
    except (BadArchive, RunnerError, OSError) as error:
        raise CommandError(f"{output.safe(str(file))}: {output.safe(str(error))}") from None


def _called(image: "SavedImage") -> tuple[str, str]:
    first, _, tag = (image.names[0] if image.names else "").rpartition(":")
    return first.rpartition("/")[2], tag


def _fit_tag(tag: str) -> bool:
    import re

    from runner.building.registry import STAMPED

    return bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", tag)) and not STAMPED.fullmatch(tag)


def _tell(row: dict[str, Any]) -> None:
    if output.for_programs(row):
        return
    output.line(f"image: {output.shown(row['image'], 600)}")
    output.line(f"id: {output.shown(row['id'], 80)}")
