"""What stands for an image where stages are processes: a folder and an interpreter of this host.

The node's own configuration maps names of images; `host` and names that begin with `host/` need no mapping.
"""

import fnmatch
import json
import os
import pwd
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.contract.errors import EngineRefused, ImageUnavailable
from runner.contract.spec import Spec
from runner.process.shim import STOP_SIGNAL

PYTHONS = ("python", "python3")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class HostImage:
    """Its folder goes on PATH and PYTHONPATH; its interpreter is what `python` means."""

    folder: Path | None = None
    interpreter: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def python(self) -> str:
        return str(self.interpreter.absolute() if self.interpreter else sys.executable)

    def argv(self, spec: Spec) -> list[str]:
        """Refused when the stage has no command."""
        argv = [*(spec.entrypoint or ()), *spec.command]
        if not argv:
            raise EngineRefused("the stage has no command; images have no default command as processes")
        return [self.python, *argv[1:]] if argv[0] in PYTHONS else argv

    def variables(self) -> dict[str, str]:
        """What the environment of its stages begins with: nothing of the controller's own."""
        folder = str(self.folder.absolute()) if self.folder else ""
        path = [folder, str(Path(self.python).parent), SYSTEM_PATH]
        base = {"PATH": ":".join(part for part in path if part), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
        return {**base, **({"PYTHONPATH": folder} if folder else {}), **self.environment}


def variables(spec: Spec, image: HostImage, directory: Path) -> dict[str, str]:
    """Nothing of the controller's own environment: only what the stage was given, and a home of its own."""
    own = {"HOME": str(directory / "home"), "TMPDIR": str(directory / "tmp")}
    for folder in own.values():
        Path(folder).mkdir(exist_ok=True)
    own |= dict.fromkeys(("USER", "LOGNAME"), user_name())
    told = {STOP_SIGNAL: spec.signal} if spec.signal != "TERM" else {}
    return {**image.variables(), **own, **spec.environment, **told}


def user_name() -> str:
    """Of the node's user, as whom its stages run: by the machine, not by variables, which say who called `sudo`."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def read_images(path: Path) -> dict[str, HostImage]:
    """`{"pattern": {"folder": …, "interpreter": …, "environment": {…}}}`, relative to the file. Refused otherwise."""
    try:
        content = json.loads(path.read_text())
        return {pattern: _host_image(path.parent, entry) for pattern, entry in content.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise EngineRefused(f"{path} does not map images to folders: {error}") from None


def _host_image(base: Path, entry: Mapping[str, object]) -> HostImage:
    folder, interpreter = entry.get("folder"), entry.get("interpreter")
    environment = entry.get("environment") or {}
    if not isinstance(environment, Mapping):
        raise TypeError("`environment` must map names to texts")
    return HostImage(
        base / str(folder) if folder else None,
        base / str(interpreter) if interpreter else None,
        {str(name): str(value) for name, value in environment.items()},
    )


def substitute(image: str, images: Mapping[str, HostImage]) -> HostImage:
    """The first pattern that fits. ImageUnavailable."""
    for pattern, found in images.items():
        if fnmatch.fnmatchcase(image, pattern):
            return found
    if image == "host" or image.startswith("host/"):
        return HostImage()
    raise ImageUnavailable(
        f"this node runs stages as processes, and nothing stands for image {image!r} here: start it with --images "
        f"FILE that maps the name to a folder, or start a Docker Engine"
    )
