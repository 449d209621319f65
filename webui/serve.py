"""Running the page until it is told to end."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from state.git import GitRepository
from state.urls import shown
from state.watch import watch
from webui.app import LOCAL, create_app
from webui.asking import Outbox
from webui.fleet import Fleet
from webui.site import Page
from webui.source import NODE_VIEW, NodeSource, OwnSource, Source


@dataclass(frozen=True, slots=True)
class WebOptions:
    """`data` is the node's directory, or one of this page's own; `repo` may be another URL for the same repository."""

    repo: str
    data: Path
    host: str = "127.0.0.1"
    port: int = 8484
    poll: float = 5.0
    beside_node: bool = False
    author: Callable[[], str] = lambda: "winslow <winslow@winslow.invalid>"


def run_page(options: WebOptions) -> None:
    own = options.data / "web"
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    source, outbox = _source(options), Outbox(own / "outbox", lambda: GitRepository(options.repo, own / "clone.git"))
    page = Page(
        source=source,
        outbox=outbox,
        author=options.author,
        secret=_secret(own / "secret"),
        data=options.data,
        fleet=Fleet(source.use if isinstance(source, OwnSource) else outbox.use),
        repo=shown(options.repo),
    )
    app = create_app(page, LOCAL | {options.host})
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", server_header=False)


def _source(options: WebOptions) -> Source:
    if options.beside_node or (options.data / NODE_VIEW).exists():
        return NodeSource(options.data)
    source = OwnSource(GitRepository(options.repo, options.data / "web" / "view.git"), options.poll)
    watch(options.repo, source.hurry)
    return source


def _secret(path: Path) -> bytes:
    """Kept, so that a restart ends nobody's session."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
