"""How a machine's page is reached and who may log in: `web.yaml`, a file of that machine. Secrets lie elsewhere."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from schema.base import Wanted
from schema.binding import read
from schema.quantities import Duration

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS = {"http": 80, "https": 443}
MOST_BYTES = 65_536
Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+/?$", max_length=300)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f]+$")]


class Oidc(Wanted):
    """An OpenID provider like GitLab: an application there, with the redirect address `<url>/login/back`."""

    issuer: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$", max_length=300)]
    client_id: Text
    client_secret_file: Text
    name: Annotated[str, StringConstraints(max_length=40)] = "GitLab"
    scope: Text = "openid profile email"
    groups: Text = "groups"

    @model_validator(mode="after")
    def _safe(self) -> Self:
        found = urlsplit(self.issuer)
        if found.scheme != "https" and found.hostname not in LOCAL:
            raise ValueError("the issuer is asked by https only")
        return self

    def secret(self) -> str:
        """OSError."""
        return Path(self.client_secret_file).read_text().strip()


class Tls(Wanted):
    certificate: Text
    key: Text


class PageConfig(Wanted):
    """`url` is how people reach the page, where that is not this address: a proxy's, for instance."""

    url: Url | None = None
    hosts: tuple[Text, ...] = ()
    login: Literal["auto", "always"] = "auto"
    session: Duration = Field(default=12 * 3600.0, gt=0)
    oidc: Oidc | None = None
    tls: Tls | None = None
    plain_http: bool = False
    proxies: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f.:/, ]+$", max_length=1000)] = "127.0.0.1,::1"
    token_file: Text | None = None
    push: bool = True

    @field_validator("url", mode="before")
    @classmethod
    def _at_the_top(cls, said: object) -> object:
        if isinstance(said, str) and urlsplit(said).path.strip("/"):
            raise ValueError(
                "the page does not work below a path: give it a host name of its own, like https://winslow.lan"
            )
        return said

    @property
    def secure(self) -> bool:
        """Whether people reach it by https."""
        return self.tls is not None or bool(self.url and self.url.startswith("https://"))

    @property
    def far(self) -> bool:
        """Whether people reach it from other machines, by a proxy for instance, wherever it listens."""
        return bool(self.url or self.hosts)

    @property
    def names(self) -> frozenset[str]:
        own = {urlsplit(self.url).hostname or ""} if self.url else set()
        return frozenset(name.lower() for name in {*self.hosts, *own})

    @property
    def origins(self) -> frozenset[str]:
        """Origins that people see as this page. A further host counts on the usual ports only."""
        further = (f"{scheme}://{name}" for scheme in ("http", "https") for name in self.hosts)
        return frozenset(origin_of(each) for each in (*([self.url] if self.url else []), *further))


def origin_of(url: str) -> str:
    """Scheme, host and port as a browser writes them; empty where that is none."""
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        return ""
    if not found.hostname or found.scheme not in PORTS:
        return ""
    host = f"[{found.hostname}]" if ":" in found.hostname else found.hostname
    return f"{found.scheme}://{host}" + (f":{port}" if port and port != PORTS[found.scheme] else "")


class WrongConfig(Exception):
    """The text says what to do."""


def config_of(path: Path) -> PageConfig:
    """What the file says; nothing at all where there is none. WrongConfig, DocumentError with `file:line:col`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise WrongConfig(f"{path} is larger than {MOST_BYTES} bytes")
        text = path.read_text()
    except FileNotFoundError:
        return PageConfig()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongConfig(f"{path} cannot be read: {error}") from None
    return read(PageConfig, text, str(path))


def refuse_open_door(host: str, config: PageConfig, *, can_log_in: bool) -> None:
    """Whether this may be listened on. WrongConfig."""
    if host in LOCAL and not config.far:
        return
    if not can_log_in:
        raise WrongConfig(
            f"{config.url or (config.hosts or (host,))[0]} can be reached from other machines, and there is nobody yet "
            "who could log in: `winslowctl web users add NAME`, `winslowctl web tokens add NAME`, or `oidc:` in "
            "web.yaml"
        )
    if not config.secure and not config.plain_http:
        raise WrongConfig(
            "passwords would cross the network in the clear: name `tls:` in web.yaml, or have a proxy with https in "
            "front and say `url: https://…`; `plain_http: true` if that is what you want"
        )


MODELS = {"PageConfig": PageConfig, "Oidc": Oidc, "Tls": Tls}
MEANING = {
    "PageConfig": {
        "url": "how people reach the page, where that is not its own address: a proxy's; then all have to log in",
        "hosts": "further names under which it is answered",
        "login": "`always`: also on loopback, before there is a user",
        "session": "after so long people log in again",
        "oidc": "an OpenID provider as GitLab, by which people log in",
        "tls": "certificate and key, for https without a proxy",
        "plain_http": "listen beyond loopback although passwords cross the network in the clear",
        "proxies": "addresses or networks of proxies, whose word on a client's address and https counts",
        "token_file": "the page's own credential for the repository, as `WINSLOW_TOKEN_FILE`",
        "push": "`false`: it commits nothing, and shows what to commit instead",
    },
    "Oidc": {
        "issuer": "the provider's address; by https",
        "client_id": "as the provider calls this page",
        "client_secret_file": "a file that holds what the provider gave",
        "name": "as the button says it",
        "scope": "what is asked of the provider",
        "groups": "the claim that holds somebody's groups",
    },
    "Tls": {
        "certificate": "a PEM file, with the chain",
        "key": "a PEM file",
    },
}
"""What each field means, for the reference."""
