"""What the page committed itself is seen by the next request, although the node beside it has not looked yet."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from state.git.git_repository import GitRepository
from tests.integration.web.conftest import AUTHOR, Bench
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NODE_VIEW, NodeSource

API = "/api/v1"


@dataclass
class Beside:
    """A page beside a node that looks only when the test says so."""

    data: Path
    node: GitRepository
    outbox: Outbox
    here: TestClient

    def look(self) -> None:
        found = self.node.fetch()
        view = {"node": "n1", "main": found.main, "state": found.state, "heartbeats": {}, "silence": {}, "halted": None}
        (self.data / "part").write_text(json.dumps({**view, "heard": 1.0}))
        (self.data / "part").replace(self.data / NODE_VIEW)

    def get(self, address: str) -> Any:
        answer = self.here.get(f"{API}{address}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def beside(bench: Bench, tmp_path: Path) -> Iterator[Beside]:
    data, url = tmp_path / "node", str(bench.remote)
    data.mkdir()
    outbox = Outbox(data / "web/outbox", lambda: GitRepository(url, data / "web/clone.git"))
    page = Page(NodeSource(data), outbox, lambda: AUTHOR, b"secret", data)
    with TestClient(create_app(page), base_url="http://localhost") as here:
        made = Beside(data, GitRepository(url, data / "clone.git"), outbox, here)
        made.look()
        yield made


def test_K3_who_makes_a_project_sees_it_changes_it_and_starts_it_at_once(beside: Beside) -> None:
    made = beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p", "name": "Aachen"})
    assert made.status_code == 201
    assert made.headers["location"] == f"{API}/projects/aachen"
    shown = beside.here.get(made.headers["location"])
    assert (shown.status_code, shown.json()["name"]) == (200, "Aachen")
    changed = beside.here.patch(
        f"{API}/projects/aachen", json={"name": "Aachen west"}, headers={"if-match": shown.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert beside.get("/projects/aachen")["name"] == "Aachen west"
    asked = beside.here.post(f"{API}/projects/aachen/requests", json={"request": "start"})
    assert asked.status_code == 201, asked.text
    assert [each["kind"] for each in beside.get("/projects/aachen/requests")["items"]] == ["start"]
    assert "aachen" in beside.here.get("/").text
    assert beside.here.get("/projects/aachen").status_code == 200


def test_K3_a_pipeline_and_a_deletion_are_seen_at_once_too(beside: Beside) -> None:
    text = "name: q\nstages:\n  - {name: one, image: host/x, command: [echo]}\n"
    assert beside.here.put(f"{API}/pipelines/q", json={"text": text}).status_code in (200, 201)
    assert beside.get("/pipelines/q")["text"] == text
    assert beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "q"}).status_code == 201
    assert beside.here.delete(f"{API}/projects/aachen").status_code == 200
    again = beside.here.delete(f"{API}/projects/aachen")
    assert again.status_code in (404, 409), again.text


def test_K3_nothing_goes_back_while_the_node_catches_up(beside: Beside) -> None:
    beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p"})
    beside.get("/projects/aachen")
    beside.node.fetch()  # it has fetched, and has not yet said so
    beside.get("/projects/aachen")
    beside.look()
    assert beside.get("/projects/aachen")["id"] == "aachen"
    beside.here.post(f"{API}/projects/aachen/requests", json={"request": "start"})
    beside.look()
    assert beside.get("/projects/aachen")["unanswered"] == 1


def test_a_page_whose_own_clone_is_gone_shows_what_the_node_has(beside: Beside) -> None:
    beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p"})
    shutil.rmtree(beside.data / "web/clone.git")
    beside.look()
    beside.get("/projects/aachen")
    assert beside.here.get("/projects/ulm").status_code == 200
