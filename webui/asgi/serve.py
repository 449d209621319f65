"""Running the page until it is told to end."""

import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import uvicorn

from flow.model.snapshot import Snapshot
from runner import durable
from runner.files import modes
from runner.worker import keep_at
from schema.access import Access
from state.contract.errors import StateError
from state.git.git_repository import GitRepository
from state.server.main_check import passes
from state.transport.credentials import TOKEN
from state.transport.urls import shown
from state.transport.watch import watch
from webui.access.authenticator import Logins
from webui.access.config import LOCAL, PageConfig, WrongConfig, config_of, refuse_open_door
from webui.access.gate import Anyone
from webui.access.sessions import Sessions
from webui.access.tokens import Tokens
from webui.access.users import Users
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.fleet import Fleet
from webui.source.outbox import Outbox
from webui.source.view_source import NODE_VIEW, NodeSource, OwnSource, ViewSource

CONFIG = "web.yaml"
SECRET = 32
LOOKS_AFTER = 2.0
"""Seconds between two looks whether a node was lost."""
EVERYWHERE = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class WebOptions:
    """`data` is the node's directory, or one of this page's own; `repo` may be another URL for the same repository.

    `config` is a `web.yaml`; else the one in `data/web` counts, if there is one.
    """

    repo: str
    data: Path
    host: str = "127.0.0.1"
    port: int = 8484
    poll: float = 5.0
    beside_node: bool = False
    author: Callable[[], str] = lambda: "winslow <winslow@winslow.invalid>"
    config: Path | None = None
    looked: Callable[[Snapshot], None] | None = None  # told each view that is not late


def check(options: WebOptions) -> PageConfig:
    """Whether the page may listen there. WrongConfig, DocumentError, CannotChange."""
    own = options.data / "web"
    config = config_of(options.config or own / CONFIG)
    can = bool(Users(own).all() or Tokens(own).all() or config.oidc)
    refuse_open_door(options.host, config, can_log_in=can)
    return config


def run_page(options: WebOptions, listening_on: socket.socket) -> None:
    """Until it is told to end. As `check` before it answers on the socket."""
    config, own = check(options), options.data / "web"
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    modes.for_stages()  # what people put in
    if config.token_file:
        os.environ[TOKEN] = config.token_file
    page = _page(options, config, own)
    app = create_app(page, hosts(options.host, config))
    if options.looked:
        tell = options.looked
        keep_at("looking after nodes", lambda: _looked_after(page.source, tell), lambda: time.sleep(LOOKS_AFTER))
    uvicorn.Server(uvicorn.Config(app, **listening(options, config))).run(sockets=[listening_on])


def _looked_after(source: ViewSource, tell: Callable[[Snapshot], None]) -> None:
    """What a view says that is late may have changed long ago."""
    try:
        look = source.look()
    except (StateError, OSError, ValueError):
        return
    if not look.late:
        tell(look.snapshot)


def listening(options: WebOptions, config: PageConfig) -> dict[str, Any]:
    """What a proxy says of a client's address and of https counts only where people come by one, and only its word."""
    return {
        "host": options.host, "port": options.port, "log_level": "warning", "server_header": False,
        "proxy_headers": config.far, "forwarded_allow_ips": config.proxies,
        "ssl_certfile": config.tls.certificate if config.tls else None,
        "ssl_keyfile": config.tls.key if config.tls else None,
    }  # fmt: skip


def _page(options: WebOptions, config: PageConfig, own: Path) -> Page:
    source, secret = _source(options), _secret(own / "secret")
    outbox = Outbox(
        own / "outbox", lambda: GitRepository(options.repo, own / "clone.git", check=passes), push=config.push
    )
    return Page(
        source=source,
        outbox=outbox,
        author=options.author,
        secret=secret,
        data=options.data,
        fleet=Fleet(source.use if isinstance(source, OwnSource) else outbox.use),
        repo=shown(options.repo),
        logins=_logins(options, config, own, secret, source),
        config=config,
        address=f"{'https' if config.tls else 'http'}://{_bracketed(options.host)}:{options.port}",
    )


def _logins(options: WebOptions, config: PageConfig, own: Path, secret: bytes, source: ViewSource) -> Logins:
    """On this machine alone nobody has to log in, unless somebody could or the file says so."""
    closed = config.login == "always" or config.oidc is not None or config.far or options.host not in LOCAL

    def access() -> Access | None:
        try:
            return source.look().snapshot.settings.access
        except (StateError, OSError, ValueError):
            return None

    anyone = None if closed else Anyone(options.author)
    return Logins(Users(own), Tokens(own), Sessions(secret, int(config.session), own), access, config.secure, anyone)


def hosts(host: str, config: PageConfig) -> frozenset[str]:
    """Under which names the page is answered: those of this machine where it listens everywhere."""
    if host not in EVERYWHERE:
        return LOCAL | config.names | {host.lower()}
    own = {address.address.partition("%")[0] for each in psutil.net_if_addrs().values() for address in each}
    names = {socket.gethostname(), socket.getfqdn()}
    return LOCAL | config.names | {name.lower() for name in own | names}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _source(options: WebOptions) -> ViewSource:
    if options.beside_node or (options.data / NODE_VIEW).exists():
        return NodeSource(options.data)
    source = OwnSource(GitRepository(options.repo, options.data / "web" / "view.git"), options.poll)
    watch(options.repo, source.hurry)
    return source


def _secret(path: Path) -> bytes:
    """Kept, so that a restart ends nobody's session."""
    if not path.exists():
        durable.put(path, secrets.token_bytes(SECRET))
    found = path.read_bytes()
    if len(found) != SECRET:
        raise WrongConfig(f"{path} is damaged: remove it, and everybody logs in anew")
    return found
