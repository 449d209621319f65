"""Verbs `debug` and `open`: a shell, or a program with a port, in a throw-away container of any execution."""

import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import settings
from cli.errors import CommandError, needs
from cli.history import execution_of
from cli.inside import MOST, told
from runner import extras

if TYPE_CHECKING:
    from runner.contract.spec import Limits
    from runner.looking.throwaway import Inspection
    from schema.execution import Execution, ImageRecord
    from schema.policy import Caps

LAYERS = ("winslow", "pipeline", "stage", "project", "request")
PLACES = {
    "WINSLOW_WORKSPACE": "/workspace",
    "WINSLOW_POOL": "/pool",
    "WINSLOW_FILES": "/files",
    "WINSLOW_NEEDS": "/needs",
    "WINSLOW_INPUTS": "/winslow/inputs.json",
    "WINSLOW_PROGRESS": "/winslow/progress",
    "WINSLOW_RESULT": "/winslow/result",
}


def add_to(app: typer.Typer) -> None:
    app.command()(debug)
    app.command("open")(opened)


def debug(
    target: Annotated[str, typer.Argument(metavar="PROJECT/N", help="an execution, also one of last month")],
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="default: a shell")] = None,
    begin: Annotated[bool, typer.Option("--begin", help="with the files that it began with")] = False,
    pool: Annotated[Path | None, typer.Option("--pool", help="the node's pool; default: DATA/pool")] = None,
) -> None:
    """Look at an execution in a container of its image, with its inputs, environment and the files that it left.

    What is changed there is thrown away, and nothing is left behind. It gets no network, secret or other right that the
    stage was granted, no GPU and no services. On the machine whose node has the files, for who may use its engine and
    commit to `main`: a comment in Git says who ran what. Its exit code is the program's.
    Example: winslowctl debug crossing/3     winslowctl debug crossing/3 --begin -- python -m traffic.detect --help
    """
    needs(extras.DOCKER)
    from cli.requests import comment
    from runner.contract.errors import RunnerError
    from runner.looking import throwaway
    from runner.store.errors import StoreError

    project, _, number = target.partition("/")
    settings.checked_name(project, "project")
    _, _, view = settings.project(project, live=True)
    record = execution_of(view, number)
    words = command or ["/bin/sh"]
    data = settings.data()
    look = _look(data, project, record, pool or data / "pool", begin=begin)
    look = _permitted(data, look, record.image.ref if record.image else "")
    _tell(record, begin=begin)
    try:
        throwaway.find_image(look.images)
        with throwaway.laid_out(data, look) as spec:
            with redirect_stdout(sys.stderr):  # what the program prints stands alone
                comment(f"{project}/{record.execution}", f"debug: {told(words)}")
            code = throwaway.run(spec, look.images, words)
    except StoreError as error:
        where = f"{record.claim.node} ran it; there `winslowctl debug` finds them, unless they were dropped"
        raise CommandError(
            f"the files of {project}/{record.execution} are not on this machine: {error}; {where}"
        ) from None
    except (RunnerError, OSError) as error:
        raise CommandError(f"{project}/{record.execution}: {error}") from None
    raise typer.Exit(code)


def opened(
    target: Annotated[str, typer.Argument(metavar="PROJECT/N", help="the execution whose files it sees")],
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="default: the image's")] = None,
    image: Annotated[str, typer.Option("--image", help="what to run, say Jupyter; it has to be here")] = "",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="where its program listens")] = 8888,
    idle: Annotated[str, typer.Option("--idle", help="end it after so long without a byte")] = "30m",
    begin: Annotated[bool, typer.Option("--begin", help="with the files that the execution began with")] = False,
    pool: Annotated[Path | None, typer.Option("--pool", help="the node's pool; default: DATA/pool")] = None,
) -> None:
    """Run a program with a page of its own on a copy of an execution's files, and reach it by a port of this machine.

    As `debug`, with an image of your choice (default: the execution's), which the node's policy has to take. The port
    is open to root and to who runs it by sudo, and to nobody else; `ssh -L` brings it to yours. It ends with Ctrl-C,
    with its program, or when nobody used it for a while. As root, on the machine whose node has the files.
    Example: winslowctl open crossing/3 --image lab/jupyter --port 8888
    """
    needs(extras.DOCKER)
    from cli.requests import comment
    from runner.contract.errors import ImageUnavailable, RunnerError
    from runner.looking import throwaway
    from runner.store.errors import StoreError
    from schema.quantities import parse_duration

    if os.geteuid() != 0:
        raise CommandError("only root can enter the container's network: run it with sudo")
    project, _, number = target.partition("/")
    settings.checked_name(project, "project")
    _, _, view = settings.project(project, live=True)
    record, data, words = execution_of(view, number), settings.data(), command or []
    look = _look(data, project, record, pool or data / "pool", begin=begin)
    look = _permitted(data, look, image or (record.image.ref if record.image else ""))
    _tell(record, begin=begin)
    try:
        at = throwaway.ServedPort(port, parse_duration(idle), _tell_port, _users())
        images = [image] if image else look.images
        throwaway.find_image(images)
        with throwaway.laid_out(data, look) as spec:
            with redirect_stdout(sys.stderr):
                comment(f"{project}/{record.execution}", f"open: {image or 'its image'} port {port}: {told(words)}")
            settings.warn(throwaway.serve(spec, images, words, at))
    except ValueError as error:
        raise CommandError(f"--idle: {error}", 2) from None
    except ImageUnavailable as error:
        why = f"image {image} is not on this machine: `docker pull {image}` fetches it" if image else error
        raise CommandError(f"{project}/{record.execution}: {why}") from None
    except (StoreError, RunnerError, OSError) as error:
        raise CommandError(f"{project}/{record.execution}: {error}") from None
    except KeyboardInterrupt:
        settings.warn("ended")


def _users() -> tuple[int, ...]:
    """Root, and who became it by sudo: `ssh -L` connects as who logged in."""
    person = os.environ.get("SUDO_UID", "")
    return (0, int(person)) if person.isascii() and person.isdigit() else (0,)


def _tell_port(number: int) -> None:
    host = socket.gethostname()
    settings.warn(f"http://127.0.0.1:{number}/ on this machine; from yours: ssh -L {number}:127.0.0.1:{number} {host}")


def _look(data: Path, project: str, record: "Execution", pool: Path, *, begin: bool) -> "Inspection":
    from flow.fold.interpolation import as_text
    from runner.contract.spec import Limits
    from runner.looking.throwaway import Inspection

    if record.image is None:
        raise CommandError(f"{project}/{record.execution} has no image: it never was a container")
    env = {name: as_text(value) for layer in LAYERS for name, value in record.env.get(layer, {}).items()}
    left = record.result.manifest if record.result and not begin else None
    asked = record.asked
    return Inspection(
        labels={"winslow.project": project, "winslow.execution": str(record.execution)},
        images=[*_images(record.image)],
        environment={**env, **PLACES},
        inputs=json.dumps({name: _value(value) for name, value in record.inputs.items()}, ensure_ascii=False),
        manifest=left or record.workspace.manifest,
        needs=_needs(record),
        pool=pool,
        files=data / "projects" / project / "files",
        limits=Limits(asked.memory, asked.cpus, asked.shm) if asked else Limits(),
    )


def _images(image: "ImageRecord") -> Iterator[str]:
    """By what it was, never by its tag: that may mean another one by now."""
    from runner.contract.images import repository
    from schema import images

    if image.digest:
        built = images.built(image.ref)
        name = images.tag(*built).partition(":")[0] if built else repository(image.ref)
        yield f"{name}@{image.digest}"
        yield image.digest
    if image.id and image.id.startswith("sha256:"):
        yield image.id
    if not image.digest and not image.id:
        raise CommandError(f"which image {image.ref} was is not recorded: the execution never came so far")
    if image.id and not image.id.startswith("sha256:"):
        raise CommandError(f"it ran as a process ({image.id}), so there is no image to look into")


def _value(value: object) -> object:
    """A file by its path inside."""
    from schema.file_input import FileInput

    return f"/pool/{value.path}" if isinstance(value, FileInput) else value


def _needs(record: "Execution") -> dict[str, str]:
    found = {}
    for stage, needed in record.needs.items():
        for each in needed:
            if each.manifest:
                settings.checked_name(stage, "stage")  # it becomes a folder
                found[stage if each.point is None else f"{stage}/{each.point}"] = each.manifest
    return found


def _permitted(data: Path, look: "Inspection", ref: str) -> "Inspection":
    """What this node's owner permits is that of now: images, and the most that a stage may have."""
    from controller.grants.policy_file import PolicyRefused, parse
    from schema import images
    from schema.policy import takes_image

    kept = data / "node" / "policy.yaml"
    try:
        policy = parse(kept.read_bytes(), str(kept))
    except FileNotFoundError:
        return look
    except (OSError, PolicyRefused) as error:
        raise CommandError(f"the node's policy cannot be read: {error}") from None
    if not images.built(ref) and not takes_image(policy.images, ref):
        raise CommandError(f"image {ref} is not granted on this machine (policy.images)")
    return replace(look, limits=_at_most(look.limits, policy.limits))


def _at_most(asked: "Limits", most: "Caps") -> "Limits":
    limits = {}
    for name in ("memory", "cpus", "shm_size", "pids"):
        known = [each for each in (getattr(asked, name), getattr(most, name)) if each is not None]
        limits[name] = min(known, default=None)
    return replace(asked, **limits)


def _tell(record: "Execution", *, begin: bool) -> None:
    """What is not as it was."""
    rights = record.asked.rights if record.asked and record.asked.rights else None
    withheld = [f"{ask.part} {ask.name}".strip() for ask in rights.asks()] if rights else []
    withheld += [f"service {each.name}" for each in record.services]
    withheld += ["GPUs"] if record.gpus else []
    if record.command:
        settings.warn(f"its command was: {shlex.join(record.command)[:MOST]}")
    if withheld:
        settings.warn(f"not given here: {', '.join(withheld)}")
    if record.state.active and not begin:
        settings.warn("it still runs: these are the files that it began with; `winslowctl exec` looks at it as it is")
