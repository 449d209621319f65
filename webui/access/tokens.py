"""Tokens for programs: random, kept as digests only, each with a role of its own and an end."""

import re
import secrets
import time
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Literal

from blake3 import blake3

from schema.access import Role
from webui.access.record_file import CannotChange, RecordFile

WALL = "wall"
"""The word for a token in place of a role: it may look at `/wall`, and do nothing else."""
_TOKEN = re.compile(r"winslow_([a-z0-9._-]{1,63})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """`digest` is that of the secret, which nobody keeps; `ends` is seconds since 1970, 0 for never."""

    name: str
    author: str
    role: str
    digest: str
    since: float
    ends: float = 0.0

    @property
    def ended(self) -> bool:
        return bool(self.ends) and time.time() > self.ends


class Tokens:
    """`folder` is the page's own."""

    def __init__(self, folder: Path) -> None:
        self.kept = RecordFile(folder / "tokens.json", ApiToken, "token")
        self.all, self.remove = self.kept.all, self.kept.remove

    def make(self, name: str, author: str, role: Role | Literal["wall"], lasts: float = 0.0) -> str:
        """The token, which is shown once. `lasts` seconds, 0 for ever. CannotChange."""
        if name in self.all():
            raise CannotChange(f"there is a token {name!r} already; remove it first")
        word = role.word if isinstance(role, Role) else role
        secret, now = secrets.token_urlsafe(32), time.time()
        fresh = ApiToken(name, author, word, _digest(secret), now, now + lasts if lasts else 0.0)
        self.kept.put(name, fresh)
        return f"winslow_{name}_{secret}"

    def find(self, text: str) -> ApiToken | None:
        """Whose token it is, if it is good now. CannotChange: the file is damaged."""
        match = _TOKEN.fullmatch(text)
        token = self.all().get(match[1]) if match else None
        if match is None or token is None or token.ended:
            return None
        return token if compare_digest(token.digest, _digest(match[2])) else None


def _digest(secret: str) -> str:
    return blake3(secret.encode()).hexdigest()
