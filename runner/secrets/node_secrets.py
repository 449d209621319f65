"""`DATA/secrets/NAME`: the secrets of this node, in files that only its user can read."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runner import durable
from runner.extras import AGE, lacking
from runner.secrets.masking import LEAST
from schema.names import ENVIRONMENT

MOST = 64 * 1024
KEY = ".age-key"
"""In the same folder: what values in the repository are encrypted to. No secret can have that name."""
PATIENCE = 20.0
"""Seconds that a command has to give a secret."""


class BadSecret(ValueError):
    """A value that cannot be kept or given; the text says why, and never the value."""


class NodeSecrets:
    def __init__(self, data: Path) -> None:
        self.folder = data / "secrets"

    def names(self) -> frozenset[str]:
        try:
            return frozenset(name for name in os.listdir(self.folder) if re.fullmatch(ENVIRONMENT, name))
        except OSError:
            return frozenset()

    def put(self, name: str, value: bytes) -> None:
        """BadSecret; OSError."""
        checked(value)
        if not re.fullmatch(ENVIRONMENT, name):
            raise BadSecret(f"{name[:60]!r} is no name of a secret: letters, digits, _, no digit first")
        self._keep(name, value)

    def _keep(self, name: str, value: bytes) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)
        path = self.folder / name
        durable.put(path, value)
        owner = self.folder.parent.stat()
        for place in (self.folder, path):
            if (place.stat().st_uid, place.stat().st_gid) != (owner.st_uid, owner.st_gid):
                os.chown(place, owner.st_uid, owner.st_gid)

    def remove(self, name: str) -> bool:
        """Whether there was one."""
        if name not in self.names():
            return False
        (self.folder / name).unlink()
        return True

    @property
    def key(self) -> str:
        """The secret half of this node's key; nothing where there is none. OSError."""
        try:
            return (self.folder / KEY).read_text().strip()
        except FileNotFoundError:
            return ""

    @property
    def decrypts(self) -> bool:
        """Whether this node can read what is encrypted in the repository."""
        return (self.folder / KEY).exists() and not lacking(AGE)

    def keep_key(self, key: str) -> None:
        """OSError."""
        self._keep(KEY, f"{key}\n".encode())

    def get(self, name: str, command: Sequence[str] = ()) -> bytes:
        """BadSecret where there is none."""
        if command:
            return _said(name, command)
        if name not in self.names():
            raise BadSecret(f"secret {name} has no value on this node: winslowctl secrets set {name}")
        return checked((self.folder / name).read_bytes())


def forget(directory: Path) -> None:
    """What a run was given, once its container is gone."""
    shutil.rmtree(directory / "secrets", ignore_errors=True)


def checked(value: bytes) -> bytes:
    if len(value) < LEAST:
        raise BadSecret(f"a secret of fewer than {LEAST} bytes could not be hidden in logs; take a longer one")
    if len(value) > MOST:
        raise BadSecret(f"a secret has at most {MOST} bytes")
    if b"\0" in value:
        raise BadSecret("a secret with a NUL byte cannot be given to programs")
    return value


def _said(name: str, command: Sequence[str]) -> bytes:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadSecret(f"the command for secret {name} gives nothing: {type(error).__name__}") from None
    if done.returncode:
        raise BadSecret(f"the command for secret {name} fails with exit code {done.returncode}")
    return checked(done.stdout[: MOST + 2].removesuffix(b"\n"))
