"""A server's webhook wakes a real node that would ask it only in an hour, through the page beside it."""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from state.git.git_repository import GitRepository
from tests.docs.pages import ROOT, blocks
from tests.integration.node.lab import AUTHOR, HANG, Lab, stage
from tests.integration.web.conftest import silent
from tests.servers.http import HttpServer
from webui.access import hook_secret
from webui.asgi.app import create_app
from webui.asgi.hooks import Hook
from webui.site import Page
from webui.source.view_source import NodeSource, OwnSource, ViewSource

HOUR = 3600.0


@pytest.fixture
def slow(lab: Callable[..., Lab], http: HttpServer, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Nobody can watch a repository behind a server."""
    monkeypatch.setenv("TEST_POLL", str(HOUR))
    here = lab(stage("a"))
    here.url = http.url(here.remote)
    return here


def page(source: ViewSource, data: Path) -> TestClient:
    made = Page(source, silent(data), lambda: AUTHOR, b"secret", data)
    return TestClient(create_app(made), base_url="http://localhost")


def push_hook(server: TestClient, data: Path) -> int:
    secret = hook_secret.read(data / hook_secret.PATH)
    return server.post("/hooks/git", json={"object_kind": "push"}, headers={"X-Gitlab-Token": secret}).status_code


def test_a_hook_makes_a_node_see_a_commit_at_once(slow: Lab) -> None:
    slow.node()
    data = slow.folder / "n1"
    slow.until(lambda _: bool(slow.repository.fetch().inventories) and (data / "nudge").exists())
    slow.ask("request: start\n")
    with page(NodeSource(data), data) as server:
        slow.until(lambda _: push_hook(server, data) == 202 and slow.ran() == ["a"])
        slow.until_reason("Done")
        slow.until(lambda _: "succeeded" in server.get("/projects/v").text)


def test_a_hook_makes_a_page_without_a_node_look_at_once(slow: Lab) -> None:
    data = slow.folder / "page"
    source = OwnSource(GitRepository(slow.url, data / "view.git"), HOUR)
    with page(source, data) as server:
        slow.until(lambda _: server.get("/readyz").status_code == 200)
        slow.edit({"projects/later/project.yaml": "pipeline: p\n"})
        slow.until(lambda _: push_hook(server, data) == 202 and server.get("/projects/later").status_code == 200)


def test_the_command_of_the_page_on_gitlab_wakes(tmp_path: Path) -> None:
    [command] = [
        block.text for block in blocks(ROOT / "docs" / "gitlab.md") if block.argument.endswith("test_hooks.py")
    ]
    woken = threading.Event()
    app = Starlette(routes=[Hook(tmp_path, woken.set).route()])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + HANG
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    typed = command.replace("/var/lib/winslow", str(tmp_path)).replace("localhost:8484", f"127.0.0.1:{port}")
    subprocess.run(["sh", "-euc", typed], check=True, timeout=HANG)
    server.should_exit = True
    thread.join(HANG)
    assert woken.is_set()
