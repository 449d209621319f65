"""Who logged in, as a signed cookie: nothing is kept here, so any number of people cost nothing."""

from dataclasses import asdict, dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

MOST_NAMES = 60


@dataclass(frozen=True, slots=True)
class Claims:
    """`names` are all by which `access` in `winslow.yaml` may mean somebody; `stamp` is a local user's."""

    login: str
    author: str
    names: tuple[str, ...]
    stamp: str = ""


class Sessions:
    """`secret` outlives restarts; `lasts` seconds after somebody logged in they have to do so again."""

    def __init__(self, secret: bytes, lasts: int) -> None:
        self.lasts = lasts
        self._signer = URLSafeTimedSerializer(secret, salt="winslow login")

    def give(self, claims: Claims) -> str:
        return str(self._signer.dumps(asdict(claims) | {"names": claims.names[:MOST_NAMES]}))

    def read(self, text: str) -> Claims | None:
        """Nobody where it was not signed here, or is too old."""
        try:
            found = self._signer.loads(text, max_age=self.lasts)
            return Claims(**found | {"names": tuple(found["names"])})
        except (BadData, TypeError, KeyError):
            return None
