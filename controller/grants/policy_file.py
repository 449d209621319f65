"""The policy file of this node: read at the start and whenever it changes.

A file that cannot be taken changes nothing: what was in force stays so, over restarts too (`DATA/node/policy.yaml`).
Where nothing was, nothing is granted beyond what every stage has.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from runner import durable
from schema.binding import read
from schema.errors import DocumentError
from schema.policy import Policy

USUAL = Path("/etc/winslow/policy.yaml")
LARGEST = 1 << 20


class PolicyRefused(Exception):
    """The file cannot be taken; the text says why, and what to do."""


def load(path: Path) -> Policy:
    """The policy in a file that nobody but root and this user can write. PolicyRefused; FileNotFoundError."""
    return parse(checked(path), str(path))


def checked(path: Path) -> bytes:
    for place in (path.parent, path):
        found = place.stat()
        if why := _open_to_others(found):
            mend = f"chown root:root {place}; chmod go-w {place}"
            raise PolicyRefused(f"{place} {why}, so it is not taken: {mend}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise PolicyRefused(f"{path} is no plain file")
    with path.open("rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise PolicyRefused(f"{path} is larger than {LARGEST} bytes")
    return text


def _open_to_others(found: os.stat_result) -> str:
    if found.st_uid not in (0, os.geteuid()):
        return f"belongs to user {found.st_uid}"
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return ""
    if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid != 0):
        return "can be written by others than its owner"
    return ""


def parse(text: bytes, name: str) -> Policy:
    if not text.strip() or all(line.lstrip().startswith(b"#") for line in text.splitlines() if line.strip()):
        return Policy()
    try:
        return read(Policy, text, name)
    except DocumentError as error:
        raise PolicyRefused(str(error)) from None


class PolicyFile:
    """`path` None looks at the usual place, where there need not be one."""

    def __init__(self, path: Path | None, data: Path, tell: Callable[[str], None]) -> None:
        self.path, self.tell = path or USUAL, tell
        self._kept = data / "node" / "policy.yaml"
        self._seen: tuple[int, ...] | None = None
        self._policy = self._before()
        self.look()

    def _before(self) -> Policy:
        try:
            return parse(self._kept.read_bytes(), str(self._kept))
        except (OSError, PolicyRefused):
            return Policy()

    def look(self) -> Policy:
        """The policy in force. What stands in the way of a newer one is told, an empty text once that is over."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._renew()
        return self._policy

    def _stamp(self) -> tuple[int, ...]:
        try:
            found, folder = self.path.stat(), self.path.parent.stat()
        except OSError:
            return ()
        of_file = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode, found.st_uid)
        return (*of_file, folder.st_mode, folder.st_uid)

    def _renew(self) -> None:
        try:
            text = checked(self.path)
            self._policy = parse(text, str(self.path))
        except FileNotFoundError:
            self._policy, text = Policy(), b""
        except (OSError, PolicyRefused) as error:
            self.tell(f"the policy stays as it was: {error}")
            return
        self.tell("")
        self._keep(text)

    def _keep(self, text: bytes) -> None:
        try:
            if text:
                durable.put(self._kept, text)
            else:
                self._kept.unlink(missing_ok=True)
        except OSError as error:
            self.tell(f"the policy is in force, and could not be kept for the next start: {error}")
