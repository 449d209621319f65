"""A server's webhook wakes a real node that would ask it only in an hour, through the page beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from state.git import GitRepository
from tests.integration.node.lab import AUTHOR, Lab, stage
from tests.servers.http import HttpServer
from webui import hook_secret
from webui.app import create_app
from webui.site import Page
from webui.source import NodeSource, OwnSource, Source

HOUR = 3600.0


@pytest.fixture
def slow(lab: Callable[..., Lab], http: HttpServer, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Nobody can watch a repository behind a server."""
    monkeypatch.setenv("TEST_POLL", str(HOUR))
    here = lab(stage("a"))
    here.url = http.url(here.remote)
    return here


def page(source: Source, data: Path) -> TestClient:
    made = Page(source, None, lambda: AUTHOR, b"secret", data)
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
