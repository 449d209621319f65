"""A page that may not commit says for every wish which commit it would have been."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.integration.web.conftest import AUTHOR, PIPELINE, Bench, silent
from webui.asgi.app import create_app
from webui.site import Page


@pytest.fixture
def browser(bench: Bench) -> Iterator[TestClient]:
    page = Page(bench.source, silent(bench.folder), lambda: AUTHOR, b"secret", bench.folder)
    with TestClient(create_app(page), base_url="http://localhost") as client:
        yield client


def token(browser: TestClient) -> str:
    return browser.get("/projects/ulm").text.split('name="csrf_token" value="')[1].split('"')[0]


START = "projects/ulm/requests/0001-start.yaml"


@pytest.mark.parametrize(
    ("path", "form", "file", "says"),
    [
        ("/projects/ulm/requests", {"request": "start", "input-threshold": "0.7"}, START, "threshold: 0.7"),
        ("/new", {"id": "new", "pipeline": "p"}, "projects/new/project.yaml", "pipeline: p"),
        ("/projects/ulm/settings", {"name": "Other", "pipeline": "p"}, "projects/ulm/project.yaml", "name: Other"),
        ("/pipelines/p", {"text": PIPELINE + "# more", "comment": "x"}, "pipelines/p.yaml", "# more"),
        ("/pipelines/p", {"text": PIPELINE, "as": "proposal"}, "pipelines/p.yaml", "name: p"),
        ("/projects/ulm/delete", {"confirm": "ulm"}, "projects/ulm/", "is removed"),
    ],
)
def test_R1410_each_wish_is_shown_as_the_commit_to_make_and_nothing_is_committed(
    bench: Bench, browser: TestClient, path: str, form: dict[str, str], file: str, says: str
) -> None:
    before = bench.look().snapshot.main
    answer = browser.post(path, data=form | {"csrf_token": token(browser)}, follow_redirects=False)
    assert answer.status_code == 403
    assert "Commit this yourself" in answer.text
    assert file in answer.text
    assert says in answer.text
    assert bench.look().snapshot.main == before


def test_the_api_says_the_same(bench: Bench, browser: TestClient) -> None:
    answer = browser.post("/api/v1/projects/ulm/requests", json={"request": "start"})
    assert (answer.status_code, answer.json()["error"]) == (403, "CommitYourself")
    assert "--- projects/ulm/requests/0001-start.yaml\nrequest: start" in answer.json()["text"]
    assert browser.get("/api/v1/view").json()["commits"] is False
    told = browser.post("/bulk", data={"request": "start", "project": ["ulm", "bonn"], "csrf_token": token(browser)})
    assert told.status_code == 403
    assert all(f"projects/{id}/requests/0001-start.yaml" in told.text for id in ("ulm", "bonn"))
