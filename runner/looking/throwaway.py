"""One throw-away container: the files of an execution, on which what is changed is lost, with least rights.

    DATA/looking/<id>/{lower,upper,work,workspace,needs,io}   gone with it

It carries neither a claim's label nor a node's, so no controller takes it for a stage of its own. What a power cut left
goes at the next use.
"""

import fcntl
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound

from runner import isolated
from runner.contract.errors import EngineRefused, ImageUnavailable
from runner.contract.labels import PREFIX
from runner.contract.spec import Limits, Mount, Overlay, Spec
from runner.docker import inside, options
from runner.docker.engine import connect, talking
from runner.looking import guard
from runner.store.checkout import copy_tree, link_tree
from runner.store.manifest import Manifest
from runner.store.workspaces import Workspaces

FOLDER = "looking"
LABEL = f"{PREFIX}.looking"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a person looks at. `images` are names of the same image, the first that is here is taken."""

    labels: Mapping[str, str]
    images: Sequence[str]
    environment: Mapping[str, str]
    inputs: str  # as JSON
    manifest: str | None
    needs: Mapping[str, str] = field(default_factory=dict)  # manifests by path
    pool: Path | None = None
    files: Path | None = None
    limits: Limits = field(default_factory=Limits)


@contextmanager
def laid_out(data: Path, look: Inspection) -> Iterator[Spec]:
    """Everything on disk for it. StoreError where what it looks at is not here; OSError."""
    root = data.absolute() / FOLDER
    root.mkdir(mode=0o711, parents=True, exist_ok=True)
    _clear(root)
    id = secrets.token_hex(8)
    folder = root / id
    folder.mkdir(mode=0o711)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    child = subprocess.Popen(
        isolated.command("runner.looking.guard", _name(id), str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    try:
        yield _spec(data, id, folder, look)
    finally:
        assert child.stdin
        child.stdin.close()
        child.wait()
        os.close(lock)


def _clear(root: Path) -> None:
    """What nobody holds any more, and no guard saw to."""
    for folder in root.iterdir():
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if guard.removed(_name(folder.name)):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _spec(data: Path, id: str, folder: Path, look: Inspection) -> Spec:
    user = options.stages_user()
    work = Workspaces(data, options.ids(user))
    files = work.manifest(look.manifest) if look.manifest else Manifest()
    overlay = _workspace(work, files, folder)
    (folder / "io").mkdir()
    (folder / "io" / "inputs.json").write_text(look.inputs)
    mounts = [Mount(path, target) for path, target in ((look.pool, "/pool"), (look.files, "/files")) if path]
    if look.needs:
        (folder / "needs").mkdir(mode=0o755)
        for path, manifest in look.needs.items():
            (folder / "needs" / path).parent.mkdir(mode=0o755, exist_ok=True)
            link_tree(work.objects, work.manifest(manifest), folder / "needs" / path)
        mounts.append(Mount(folder / "needs", "/needs"))
    return Spec(
        id=id,
        labels={**look.labels, LABEL: id},
        image="",
        command=(),
        entrypoint=None,
        environment=look.environment,
        workspace=folder / "workspace",
        directory=folder,
        mounts=tuple(mount for mount in mounts if mount.source.exists()),
        limits=look.limits,
        overlay=overlay,
    )


def _workspace(work: Workspaces, files: Manifest, folder: Path) -> Overlay | None:
    if not work.overlays:
        copy_tree(work.objects, files, folder / "workspace")
        return None
    link_tree(work.objects, files, folder / "lower")
    for name in ("upper", "work", "workspace"):
        (folder / name).mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(folder / name, *work.owner)
    return Overlay(folder / "lower", folder / "upper", folder / "work")


def run(spec: Spec, images: Sequence[str], words: Sequence[str]) -> int:
    """The exit code of a program in it, which gets this one's terminal. ImageUnavailable, EngineRefused."""
    api, user = connect().api, options.stages_user()
    with talking():
        spec = replace(spec, image=_image(api, images))
        options.hand_over(spec, user)
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        made = _create(api, spec, user, words, terminal=terminal)
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        line = api.attach_socket(made, params=wanted)
        api.start(made)
        inside.converse(line, terminal=terminal, resize=lambda height, width: api.resize(made, height, width))
        return int(api.wait(made)["StatusCode"])


def _image(api: Any, images: Sequence[str]) -> str:
    """The id of the first that is here."""
    for image in images:
        with suppress(ImageNotFound, NotFound):
            return str(api.inspect_image(image)["Id"])
    named = next((image for image in images if "@sha256:" in image), "")
    mend = f"`docker pull {named}` fetches it" if named else "build or load it again: only this node had it"
    raise ImageUnavailable(f"image {images[0]} is not on this machine any more; {mend}")


def _create(api: Any, spec: Spec, user: str, words: Sequence[str], *, terminal: bool) -> str:
    try:
        made = api.create_container(
            spec.image,
            list(words[1:]) or None,
            name=_name(spec.id),
            entrypoint=[words[0]],
            environment=options.environment(spec),
            labels=dict(spec.labels),
            user=user,
            working_dir="/workspace",
            tty=terminal,
            stdin_open=True,
            host_config=api.create_host_config(**options.options(spec, user)),
            use_config_proxy=False,
        )
    except APIError as error:
        raise EngineRefused(f"the engine refuses the container: {error.explanation}") from None
    return str(made["Id"])


def _name(id: str) -> str:
    return f"{PREFIX}-looking-{id}"
