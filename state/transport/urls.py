"""Which remotes are taken: a path, or file, http, https and ssh URLs. Everything else could make git run something."""

import re
from pathlib import Path

from state.contract.errors import StateError

_URL = re.compile(r"(?P<scheme>file|https?|ssh)://(?P<rest>[^\s\x00-\x1f]+)")
_ESCAPED = re.compile(r"%(0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)
_SCP = re.compile(
    r"(?:[A-Za-z0-9_.][A-Za-z0-9_.-]*@)?[A-Za-z0-9_.][A-Za-z0-9_.-]*:(?!:)[^\s\x00-\x1f:-][^\s\x00-\x1f:]*"
)


class BadUrl(StateError):
    """This is no address of a repository that Winslow takes."""


def check(url: str) -> str:
    """The address as git may have it: paths become absolute. BadUrl otherwise."""
    if not url or len(url) > 2000 or url.startswith("-") or any(ord(c) < 32 for c in url):
        raise BadUrl(_sentence(url))
    if match := _URL.fullmatch(url):
        who = match["rest"].split("/")[0]
        local = match["scheme"] == "file"
        if local == bool(who) or who.startswith("-") or "@-" in who or _ESCAPED.search(url):
            raise BadUrl(_sentence(url))
        return url
    if "::" in url or "://" in url:
        raise BadUrl(_sentence(url))
    if ":" in url.split("/")[0] and not Path(url).exists():
        if not _SCP.fullmatch(url):
            raise BadUrl(_sentence(url))
        return url
    return str(Path(url).expanduser().absolute())


def local_path(url: str) -> Path | None:
    """The folder of a repository by path or `file://`, else None."""
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    return Path(url) if url.startswith("/") else None


def shown(url: str) -> str:
    """The address without a password, and without a token in the place of a user's name."""
    url = re.sub(r"(https?://)[^/:@\s]*@", r"\1…@", url)
    return re.sub(r"(://[^/:@\s]*):[^/\s]*@", r"\1:…@", url)


def secrets(url: str) -> set[str]:
    """What `shown` leaves out, as it stands in the address."""
    match = re.match(r"(?P<scheme>\w+)://(?P<user>[^/:@\s]*)(?::(?P<password>[^/\s]*))?@", url)
    if match is None:
        return set()
    return {match["password"] or (match["user"] if match["scheme"].startswith("http") else "")} - {""}


def _sentence(url: str) -> str:
    return f"{shown(url)[:80]!r} is no repository address; use a path, or file://, https:// or ssh:// or user@host:path"
