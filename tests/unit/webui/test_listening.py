"""Whose word on a client's address and on https counts: a proxy's that `web.yaml` names, and nobody else's."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from webui.access.config import PageConfig
from webui.asgi.serve import WebOptions, listening

URL = "https://winslow.example.org"


def seen(config: PageConfig, peer: str, *headers: tuple[str, str]) -> tuple[str, str]:
    """The client's address and the scheme that the page sees, as it is run with that configuration."""
    found: list[tuple[str, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append((scope["client"][0], scope["scheme"]))

    made = uvicorn.Config(app, **listening(WebOptions("repo", Path("data")), config))
    made.load()
    sent = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": sent,
             "client": (peer, 4711), "scheme": "http", "server": ("127.0.0.1", 80), "asgi": {"version": "3.0"},
             "http_version": "1.1", "raw_path": b"/", "root_path": ""}  # fmt: skip
    asyncio.run(made.loaded_app(scope, None, None))
    return found[0]


FOR, PROTO = ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")


@pytest.mark.parametrize(
    ("config", "peer", "headers", "expected"),
    [
        (PageConfig(url=URL), "127.0.0.1", (FOR, PROTO), ("203.0.113.7", "https")),
        (PageConfig(url=URL), "198.51.100.9", (FOR, PROTO), ("198.51.100.9", "http")),
        (PageConfig(url=URL, proxies="10.0.0.0/8"), "10.1.2.3", (FOR, PROTO), ("203.0.113.7", "https")),
        (PageConfig(url=URL, proxies="10.0.0.0/8"), "127.0.0.1", (FOR, PROTO), ("127.0.0.1", "http")),
        (PageConfig(), "127.0.0.1", (FOR, PROTO), ("127.0.0.1", "http")),
        (PageConfig(url=URL), "127.0.0.1", (("x-forwarded-for", "192.0.2.1, 203.0.113.7"),), ("203.0.113.7", "http")),
    ],
    ids=[
        "a proxy here",
        "no proxy",
        "a proxy's network",
        "no more the default",
        "nobody comes by one",
        "a forged part",
    ],
)
def test_S7_a_named_proxy_says_who_asks_and_how(
    config: PageConfig, peer: str, headers: tuple[tuple[str, str], ...], expected: tuple[str, str]
) -> None:
    assert seen(config, peer, *headers) == expected
