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
from webui.source.view_source import NODE_VIEW, NodeSource, OwnSource

API = "/api/v1"
MANY = 230


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


def test_K3_what_waits_for_the_server_is_seen_changed_and_started_too(bench: Bench, beside: Beside) -> None:
    away = bench.remote.with_name("away.git")
    bench.remote.rename(away)
    made = beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p", "name": "Aachen"})
    assert (made.status_code, made.headers["location"]) == (202, f"{API}/projects/aachen")
    shown = beside.here.get(made.headers["location"])
    assert (shown.status_code, shown.json()["name"]) == (200, "Aachen")
    tagged = {"if-match": shown.headers["etag"]}
    changed = beside.here.patch(f"{API}/projects/aachen", json={"name": "Aachen west"}, headers=tagged)
    assert changed.status_code == 202, changed.text
    assert beside.get("/projects/aachen")["name"] == "Aachen west"
    assert beside.here.post(f"{API}/projects/aachen/requests", json={"request": "start"}).status_code == 202
    assert [each["kind"] for each in beside.get("/projects/aachen/requests")["items"]] == ["start"]
    again = beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p"})
    assert again.status_code == 409
    assert "aachen" in beside.here.get("/").text
    assert beside.get("/view")["main"] == beside.node.tips()[0]
    away.rename(bench.remote)
    beside.outbox.send_all()
    assert beside.get("/outbox") == []
    assert beside.get("/projects/aachen")["unanswered"] == 1
    beside.look()
    assert (beside.get("/projects/aachen")["name"], beside.get("/projects/aachen")["unanswered"]) == ("Aachen west", 1)


def test_K3_lists_have_all_that_waits_however_much(bench: Bench, beside: Beside) -> None:
    before = beside.get("/projects?limit=1")["total"]
    bench.remote.rename(bench.remote.with_name("away.git"))
    for number in range(MANY):
        subject = f"Create project many-{number}"
        beside.outbox.edit({f"projects/many-{number}/project.yaml": "pipeline: p\n"}, subject, AUTHOR)
    found = beside.get("/projects?q=many-&limit=500")
    assert (found["total"], len(found["items"])) == (MANY, MANY)
    assert beside.get("/projects?limit=1")["total"] == before + MANY
    assert len(beside.get("/outbox")) == MANY
    [one] = [each for each in beside.get("/outbox") if each["subject"].endswith("many-7")]
    beside.here.delete(f"{API}/outbox/{one['id']}")
    assert beside.here.get(f"{API}/projects/many-7").status_code == 404
    assert beside.get("/projects?q=many-&limit=1")["total"] == MANY - 1


def test_K3_what_waited_over_a_restart_of_the_page_is_seen(bench: Bench, beside: Beside) -> None:
    bench.remote.rename(bench.remote.with_name("away.git"))
    assert beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p"}).status_code == 202
    url = str(bench.remote)
    outbox = Outbox(beside.outbox.folder, lambda: GitRepository(url, beside.data / "web/clone.git"))
    page = Page(NodeSource(beside.data), outbox, lambda: AUTHOR, b"secret", beside.data)
    with TestClient(create_app(page), base_url="http://localhost") as here:
        assert here.get(f"{API}/projects/aachen").status_code == 200


def test_K3_what_the_server_refuses_later_is_not_shown(bench: Bench, beside: Beside) -> None:
    away = bench.remote.with_name("away.git")
    bench.remote.rename(away)
    assert beside.here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p"}).status_code == 202
    away.rename(bench.remote)
    hook = bench.remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)
    beside.outbox.send_all()
    [told] = beside.get("/outbox")
    assert told["refused"]
    assert beside.here.get(f"{API}/projects/aachen").status_code == 404


def test_K3_a_page_without_a_node_shows_what_waits(bench: Bench, tmp_path: Path) -> None:
    url, own = str(bench.remote), tmp_path / "alone"
    source = OwnSource(GitRepository(url, own / "view.git"), 3600.0)
    source.refresh()
    outbox = Outbox(own / "outbox", lambda: GitRepository(url, own / "clone.git"))
    page = Page(source, outbox, lambda: AUTHOR, b"secret", own)
    away = bench.remote.with_name("away.git")
    with TestClient(create_app(page), base_url="http://localhost") as here:
        bench.remote.rename(away)
        assert here.post(f"{API}/projects", json={"id": "aachen", "pipeline": "p"}).status_code == 202
        assert here.post(f"{API}/projects/aachen/requests", json={"request": "start"}).status_code == 202
        assert here.get(f"{API}/projects/aachen").json()["unanswered"] == 1
        away.rename(bench.remote)
        outbox.send_all()
        assert here.get(f"{API}/projects/aachen").json()["unanswered"] == 1
        assert here.get(f"{API}/outbox").json() == []
