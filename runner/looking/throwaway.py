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
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import LogConfig

from runner import isolated
from runner.contract.errors import EngineRefused, ImageUnavailable, RunnerError
from runner.contract.labels import PREFIX, of_nobody
from runner.contract.spec import Limits, Mount, Overlay, Spec
from runner.docker import inside, options
from runner.docker.ends import watchdog
from runner.docker.engine import connect, talking
from runner.looking import guard
from runner.looking.port import LoopbackPort
from runner.store.checkout import copy_tree, link_tree
from runner.store.manifest import Manifest
from runner.store.workspaces import Workspaces

FOLDER = "looking"
LABEL, ROOT = f"{PREFIX}.looking", f"{PREFIX}.looking.root"
"""Which one it is, and the folder that its own lies in."""
LOOK_EVERY = 0.5
LAST_WORDS = 2.0
"""Seconds for what a program printed before it ended."""


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


@dataclass(frozen=True, slots=True)
class ServedPort:
    """`told` is given the number on this machine; `idle` are seconds without a byte after which it ends; programs of
    `users` may connect."""

    port: int
    idle: float
    told: Callable[[int], None]
    users: tuple[int, ...] = (0,)


@contextmanager
def laid_out(data: Path, look: Inspection) -> Iterator[Spec]:
    """Everything on disk for it. StoreError where what it looks at is not here; OSError."""
    root = data.absolute() / FOLDER
    root.mkdir(mode=0o711, parents=True, exist_ok=True)
    id = secrets.token_hex(8)
    folder = root / id
    with _alone(root):
        _clear(root)
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


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """A folder that is made is not cleared before its maker holds it."""
    lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _clear(root: Path) -> None:
    """What nobody holds any more, and no guard saw to; and what an engine made after its command was gone."""
    for folder in root.iterdir():
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if guard.removed(_name(folder.name)):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
    with suppress(RunnerError), talking():
        for each in connect().api.containers(all=True, filters={"label": f"{ROOT}={root}"}):
            if not (root / each["Labels"].get(LABEL, "")).is_dir():
                guard.removed(_name(each["Labels"][LABEL]))


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
        labels={**of_nobody(), **look.labels, LABEL: id, ROOT: str(folder.parent)},
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


def serve(spec: Spec, images: Sequence[str], words: Sequence[str], at: ServedPort) -> str:
    """Let a program in it be reached by one port until it ends, or nothing went through for long; which of the two.

    What it prints is printed. ImageUnavailable, EngineRefused, OSError.
    """
    api, user = connect().api, options.stages_user()
    with talking():
        spec = replace(spec, image=_image(api, images))
        options.hand_over(spec, user)
        made = _create(api, spec, user, words, terminal=False)
        printer = Thread(target=_print_all, args=(api.attach(made, stream=True),), daemon=True)
        api.start(made)
        printer.start()
        pid = int(api.inspect_container(made)["State"]["Pid"] or 0)
        if not watchdog.belongs(pid, made):
            return _end_of(api, made) or "it cannot be reached: the engine's processes are not visible here"
        port = LoopbackPort(pid, at.port, at.users)
        with port.opened():
            at.told(port.number)
            while not (why := _end_of(api, made)):
                if time.monotonic() - port.moved > at.idle:
                    return f"nothing went through its port for {at.idle:g} s"
                time.sleep(LOOK_EVERY)
        printer.join(LAST_WORDS)
        return why


def _end_of(api: Any, container: str) -> str:
    """Nothing while it runs."""
    state = api.inspect_container(container)["State"]
    return "" if state["Running"] else f"its program ended with exit code {state['ExitCode']}"


def _print_all(pieces: Iterator[bytes]) -> None:
    with suppress(APIError, OSError, ValueError):
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def find_image(images: Sequence[str]) -> None:
    """Look whether one of them is here, before anybody is told that it is run. ImageUnavailable, EngineRefused."""
    api = connect().api
    with talking():
        _image(api, images)


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
            entrypoint=[words[0]] if words else None,
            environment=options.environment(spec),
            labels=dict(spec.labels),
            user=user,
            working_dir="/workspace",
            tty=terminal,
            stdin_open=True,
            host_config=api.create_host_config(**options.options(spec, user), log_config=LogConfig(type="none")),
            use_config_proxy=False,
        )
    except APIError as error:
        raise EngineRefused(f"the engine refuses the container: {error.explanation}") from None
    return str(made["Id"])


def _name(id: str) -> str:
    return f"{PREFIX}-looking-{id}"
