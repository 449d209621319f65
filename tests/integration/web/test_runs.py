"""All runs of a stage on the page and by the API: ranked, drawn, shared by address; and a sweep by a form."""

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

Labs = Callable[..., Lab]
PIPELINE = """
name: p
inputs: {x: {type: integer, default: 0}, kind: {type: string, default: a}}
stages:
  - name: fit
    image: host/python
    command: [python, -c, "import json, os; x = int(os.environ['INPUT_X']);
      json.dump({'score': -abs(x - 2), '<b>': 1}, open('metrics.json', 'w'));
      open('curve.csv', 'w').write('step,loss\\\\n' + ''.join(f'{n},{x * n}\\\\n' for n in range(5)))"]
    artifacts: {paths: [metrics.json], reports: {metrics: metrics.json, charts: [curve.csv]}}
"""


@pytest.fixture
def page(lab: Labs) -> Iterator[tuple[Lab, TestClient]]:
    here = lab("  - {name: x, image: host/python}\n")
    here.edit({"pipelines/p.yaml": PIPELINE})
    here.node()
    data = here.folder / "n1"
    outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
    page = Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data)
    with TestClient(create_app(page), base_url="http://localhost") as client:
        here.until(lambda _: client.get("/projects/v").status_code == 200)
        yield here, client


def test_G4_G7_a_sweep_by_a_form_is_one_request_and_its_points_are_ranked(page: tuple[Lab, TestClient]) -> None:
    here, client = page
    token = client.get("/projects/v").text.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token, "request": "start", "stage": "fit", "values": "x=1:3:1\nkind=a,b\n"}
    refused = client.post("/projects/v/requests", data={**form, "values": "x=1:2:0"}, follow_redirects=False)
    assert refused.status_code == 422
    assert "has no values" in refused.text
    assert client.post("/projects/v/requests", data=form, follow_redirects=False).status_code == 303
    view = here.until_reason("Done")
    assert len(view.replies) == 1
    assert len(view.executions) == 6
    state = "/api/v1/projects/v"  # the page sees it a moment after the repository has it
    here.until(lambda _: client.get(state).json()["state"] == "succeeded")
    address = "/projects/v/runs/fit?by=score&across=x&only=1&only=3"
    text = client.get(address).text
    rows = [part.split('"')[0] for part in text.split('name="only" value="')[1:]]
    assert {int(rows[0]), int(rows[1])} == {e.execution for e in view.executions if e.inputs["x"] == 2}
    assert text.count('<circle class="r') == 6
    assert text.count("<polyline class=") >= 6
    assert text.count(" checked") == 2
    assert "curve.csv: loss" in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert "none has" in client.get("/projects/v/runs/fit?by=nope").text
    assert client.get("/projects/v/runs/nope").status_code == 404
    ranked = client.get("/api/v1/projects/v/stages/fit/compare?by=score&lowest=true").json()
    assert [row["measures"]["score"] for row in ranked["rows"]] == [-1, -1, -1, -1, 0, 0]
    assert set(ranked["rows"][0]["settings"]) == {"x", "kind"}
    assert "none has 'nope'" in client.get("/api/v1/projects/v/stages/fit/compare?by=nope").json()["problem"]
