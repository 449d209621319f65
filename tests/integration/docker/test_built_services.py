"""I1, I6: a service whose image the state repository builds, with a real engine."""

import pytest

from flow.status.states import project_state
from schema.execution import State
from schema.reasons import Wait
from tests.integration.docker.test_images import DOCKERFILE, builds, lab, log_of  # noqa: F401
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
SERVES = "import http.server as h, os; os.chdir('/served'); h.test(h.SimpleHTTPRequestHandler, port=8000)"
ASKS = "import urllib.request; print(urllib.request.urlopen('http://db:8000/words', timeout=5).read().decode())"
PIPELINE = f"""name: p
stages:
  - name: one
    image: host/python
    command: [python, -c, "{ASKS}"]
    services:
      - name: db
        image: build/hello
        command: [python, -c, "{SERVES}"]
        ready: {{tcp: 8000}}
"""


def words(where: Lab, text: str) -> None:
    dockerfile = DOCKERFILE.replace("/words\n", "/served/words\n")
    where.edit({"images/hello/Dockerfile": dockerfile, "images/hello/words": text, "pipelines/p.yaml": PIPELINE})


def test_I1_I6_a_service_runs_the_image_of_the_tree_that_its_chain_keeps(
    lab: Lab,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_BUILD", "")
    words(lab, "first words")
    waits = lab.node()
    lab.ask("request: start\n")
    lab.until_reply()
    snapshot = lab.repository.fetch()
    assert project_state(snapshot, snapshot.projects["v"]).reason == Wait.IMAGE_BUILDING
    waits.stop()
    monkeypatch.setenv("TEST_BUILD", "1")
    lab.node()
    [record] = lab.until_state(State.SUCCEEDED).executions
    assert "first words" in log_of(lab, record)
    [build], [service] = builds(lab), record.services
    assert build.result
    assert build.image
    assert (service.image.ref, service.image.build) == (build.image.ref, build.execution)
    assert service.image.id == build.result.values["id"]
    words(lab, "second words")
    lab.ask("request: start\nstage: one\n")
    lab.until(lambda view: len(view.executions) == 2 and view.executions[1].state is State.SUCCEEDED)
    assert "second words" in log_of(lab, lab.view().executions[1])
