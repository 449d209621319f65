"""Who logged in, as a signed cookie: nothing is kept of it but which ones people ended before their time."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from blake3 import blake3
from itsdangerous import BadData, URLSafeTimedSerializer

from webui.access.record_file import RecordFile

LONGEST = 2500
"""Characters of all names together: a browser drops a cookie of more than 4096 bytes."""


@dataclass(frozen=True, slots=True)
class Claims:
    """`names` are all by which `access` in `winslow.yaml` may mean somebody; `stamp` is a local user's."""

    login: str
    author: str
    names: tuple[str, ...]
    stamp: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that somebody logged out of; it can be forgotten once it would have ended by itself."""

    name: str  # the session's
    until: float


def cookie(name: str, secret: bytes, *, secure: bool) -> str:
    """What a page calls a cookie of its own. A browser keeps cookies by host, whatever the port: two pages on one
    machine, or behind two tunnels, would overwrite each other's; so each has a tag of its secret in the name.

    A browser takes one with the prefix `__Host-` from https only, and gives it to this host only.
    """
    return f"{'__Host-' if secure else ''}{name}-{blake3(b'winslow cookie' + secret).hexdigest()[:8]}"


class Sessions:
    """`secret` outlives restarts; `lasts` seconds after somebody logged in they have to do so again.

    `folder` is the page's own, where it is written down who logged out.
    """

    def __init__(self, secret: bytes, lasts: int, folder: Path) -> None:
        self.lasts, self.secret = lasts, secret
        self._ended = RecordFile(folder / "logouts.json", EndedSession, "session")
        self._signer = URLSafeTimedSerializer(secret, salt="winslow login")

    def give(self, claims: Claims, first: Callable[[str], bool] = lambda name: False) -> str:
        """Where there is no room for all names, those are kept that `first` says yes to."""
        claims = replace(claims, names=tuple(sorted(claims.names, key=lambda name: not first(name))))
        return str(self._signer.dumps(asdict(claims) | {"names": tuple(_first(claims.names))}))

    def read(self, text: str) -> Claims | None:
        """Nobody where it was not signed here, is too old, or was ended. CannotChange."""
        try:
            found = self._signer.loads(text, max_age=self.lasts)
            claims = Claims(**found | {"names": tuple(found["names"])})
        except (BadData, TypeError, KeyError):
            return None
        return None if claims.id in self._ended.all() else claims

    def end(self, text: str) -> None:
        """Good for nobody any more, also where somebody copied it. CannotChange."""
        if claims := self.read(text):
            now = time.time()
            self._ended.put(claims.id, EndedSession(claims.id, now + self.lasts), keep=lambda other: other.until > now)


def _first(names: tuple[str, ...]) -> Iterator[str]:
    room = LONGEST
    for name in names:
        room -= len(name) + 3
        if room < 0:
            return
        yield name
