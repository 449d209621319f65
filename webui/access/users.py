"""Local users: a file in the node's data directory, with argon2 hashes of their passwords. Never in Git.

argon2's numbers are OWASP's for a server that has other things to do: 19 MiB, two passes. Two are computed at a time,
so that a flood of guesses costs neither memory nor the page.
"""

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from webui.access.record_file import CannotChange, RecordFile

SHORTEST, LONGEST = 10, 1024
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(2)
_NOBODY = _HASHER.hash("nobody has this password")
"""Compared with where there is no such user, so that the answer takes as long."""


@dataclass(frozen=True, slots=True)
class User:
    name: str  # what they log in with
    address: str
    full_name: str
    hash: str
    since: float = 0.0

    @property
    def author(self) -> str:
        return f"{self.full_name or self.name} <{self.address}>"

    @property
    def stamp(self) -> str:
        """Changes with the password: then older sessions end."""
        return self.hash[-16:]


class Users:
    """`folder` is the page's own."""

    def __init__(self, folder: Path) -> None:
        self.kept = RecordFile(folder / "users.json", User, "user")
        self.all, self.remove = self.kept.all, self.kept.remove

    def put(self, name: str, address: str, full_name: str, password: str) -> None:
        """Adds somebody, or gives them another password. CannotChange."""
        if not re.fullmatch(r"[^\s@<>]{1,64}@[^\s@<>]{1,253}", address):
            raise CannotChange(f"{address[:60]!r} is no mail address; commits carry it")
        if not SHORTEST <= len(password) <= LONGEST:
            raise CannotChange(f"a password has {SHORTEST} to {LONGEST} characters")
        if re.search(r"[\x00-\x1f<>]", full_name):
            raise CannotChange("a name has neither <> nor control characters")
        self.kept.put(name, User(name, address, full_name.strip()[:200], _HASHER.hash(password), time.time()))

    def check(self, name: str, password: str) -> User | None:
        """Whoever has that password. As slow for a name that there is not. CannotChange: the file is damaged."""
        user = self.all().get(name)
        with _AT_ONCE:
            try:
                _HASHER.verify(user.hash if user else _NOBODY, password[:LONGEST])
            except (VerificationError, InvalidHashError):
                return None
        return user
