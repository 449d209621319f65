"""Events, and the page as it was then."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab, stage
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

Labs = Callable[..., Lab]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, TestClient]]:
    """A project that has run once, beside the node."""
    here = Lab(tmp_path_factory.mktemp("history") / "lab", stage("one"))
    try:
        here.node()
        here.ask("request: start")
        here.until_reason("Done")
        data = here.folder / "n1"
        outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
        page = Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data)
        with TestClient(create_app(page), base_url="http://localhost") as client:
            here.until(lambda _: ">succeed<" in client.get("/history").text)
            yield here, client
    finally:
        here.close()


def links(text: str) -> list[str]:
    return re.findall(r'(?:href|action|hx-get)="(/[^"]*)"', text)


def test_R1450_events_are_listed_newest_first_and_filtered(done: tuple[Lab, TestClient]) -> None:
    _, client = done
    events = re.findall(r"<td>([a-z]+)</td>", client.get("/history").text)
    assert events.index("succeed") < events.index("claim") < events.index("join")
    assert ">claim<" not in client.get("/history?event=succeed").text
    assert "Nothing like that" in client.get("/history?q=nowhere-to-be-found").text
    assert ">claim<" in client.get("/history?project=v").text
    assert ">join<" not in client.get("/history?project=v").text


def test_M16_the_whole_page_is_shown_as_it_was_at_any_commit(done: tuple[Lab, TestClient]) -> None:
    _, client = done
    claims = re.search(r'href="/at/([0-9a-f]+)/projects/v"', client.get("/history?event=claim").text)
    assert claims
    root = f"/at/{claims[1]}"
    then = client.get(f"{root}/projects/v").text
    assert "s-claimed" in then or "s-running" in then
    assert "s-succeeded" not in then
    inside = [link for link in links(then) if not link.startswith("/static/")]
    assert all(link.startswith(f"{root}/") or link == "/" for link in inside), inside
    assert client.get(f"{root}/").status_code == 200
    assert "s-succeeded" in client.get("/projects/v").text


def test_M16_nothing_can_be_asked_of_the_past(done: tuple[Lab, TestClient]) -> None:
    here, client = done
    token = client.get("/projects/v").text.split('name="csrf_token" value="')[1].split('"')[0]
    before = here.repository.fetch().main
    answer = client.post("/at/1s/projects/v/requests", data={"csrf_token": token, "request": "start"})
    assert answer.status_code == 405
    assert here.repository.fetch().main == before


@pytest.mark.parametrize("when", ["nonsense", "1999-01-01", "0123456789", "9999d", "%2e%2e", "x" * 64])
def test_M16_a_moment_that_never_was_is_not_found(done: tuple[Lab, TestClient], when: str) -> None:
    assert done[1].get(f"/at/{when}/").status_code == 404


def test_events_before_something_that_is_no_event(done: tuple[Lab, TestClient]) -> None:
    for before in ("nonsense", "0" * 40, "--all", "HEAD"):
        assert done[1].get("/history", params={"before": before}).status_code == 404


@pytest.mark.parametrize(
    "when",
    ['"><b hx-get=/raw/pool/x hx-trigger=load>', '"><b hx-post=&#47logout hx-trigger=load>', "\\g<x>", "<b>", "'"],
)
def test_S6_no_moment_becomes_an_element(done: tuple[Lab, TestClient], when: str) -> None:
    _, client = done
    answer = client.get(f"/at/{quote(when, safe='')}/")
    assert answer.status_code == 404
    assert "<b" not in answer.text.partition("<body")[2].replace("<body", "").replace("<button", "")
    assert client.get("/history/then", params={"when": when}, follow_redirects=False).status_code == 404
