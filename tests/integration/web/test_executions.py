"""The page of one execution, with what a real node left."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from starlette.testclient import TestClient

from runner.metrics import load
from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab, stage
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

Labs = Callable[..., Lab]
EVIL = "print('<img src=x onerror=alert(1)>', chr(27) + '[31mred' + chr(27) + '[0m', chr(8238) + 'abc')"
INPUTS = "inputs:\n  speed: {type: number, default: 1}\nstages:\n"


@pytest.fixture
def browser(lab: Labs) -> Iterator[tuple[Lab, TestClient]]:
    """The page beside a node that has run the pipeline twice, with another input."""
    here = lab(stage("one", EVIL))
    pipeline = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    here.edit({"pipelines/p.yaml": str(pipeline).replace("stages:\n", INPUTS)})
    here.node()
    here.ask("request: start")
    here.until_reason("Done")
    here.ask("request: start\nstage: one\ninputs: {speed: 2}")
    here.until(lambda view: len(view.executions) == 2)
    here.until_reason("Done")
    data = here.folder / "n1"
    outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
    page = Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data)
    with TestClient(create_app(page), base_url="http://localhost") as client:
        here.until(lambda _: client.get("/projects/v/2").status_code == 200)
        yield here, client


def test_R1450_M2_an_execution_shows_its_facts_log_and_what_was_changed(browser: tuple[Lab, TestClient]) -> None:
    _, client = browser
    text = client.get("/projects/v/2").text
    assert "speed: 1 → 2" in text
    assert "red" in text
    assert "execution 1" in text or "before: 1" in text
    assert client.get("/projects/v/executions/2/log/lines").status_code == 200
    side = client.get("/projects/v/compare/1/2").text
    assert side.index("speed") < side.index("image"), "what differs stands first"


def test_S6_hostile_lines_make_no_element(browser: tuple[Lab, TestClient]) -> None:
    _, client = browser
    text = client.get("/projects/v/2").text
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("path", ["/projects/v/9", "/projects/v/x", "/projects/v/compare/1/9"])
def test_what_is_not_there_is_not_found(browser: tuple[Lab, TestClient], path: str) -> None:
    assert browser[1].get(path).status_code == 404


def test_the_page_says_where_inputs_come_from_and_how_it_ended(browser: tuple[Lab, TestClient]) -> None:
    _, client = browser
    text = client.get("/projects/v/2").text
    assert "from request 2 by Ada" in text
    assert "exit code 0" in text


def test_R1510_what_a_stage_used_is_shown_after_its_end_too(browser: tuple[Lab, TestClient]) -> None:
    here, client = browser
    record = here.view().executions[1]
    began = datetime.fromisoformat(str(record.times.started)).timestamp()
    kept = load.Record(here.folder / "n1" / "runs" / record.claim.container / "load", load.STAGE, 10, lambda: began + 1)
    kept.put({"cpu": 150.0, "memory": 2**30, "progress": 40})
    assert client.get("/projects/v/executions/2/usage").json() == {
        "time": [began + 1], "cpu": [150.0], "memory": [2**30], "progress": [40.0],
    }  # fmt: skip
    text = client.get("/projects/v/2").text
    assert 'aria-label="CPU 150 %"' in text
    assert 'aria-label="memory 1.0 GiB"' in text


def test_R1450_M2_where_it_failed_it_says_what_the_program_said_last_and_who_answered_has_answered(lab: Labs) -> None:
    here = lab(
        "  - {name: gate, when: manual}\n"
        + stage(
            "one", "import sys; print('a', 'b'); print('too few <b>cars</b>', file=sys.stderr); print(); sys.exit(3)"
        )
        + stage("two")
    )
    here.node()
    here.ask("request: start")
    here.until_reason("ManualApproval")
    data = here.folder / "n1"
    outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
    page = Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data)
    with TestClient(create_app(page), base_url="http://localhost") as client:
        here.until(lambda _: ">needs you<" in client.get("/projects/v").text)
        history = client.get("/projects/v").text.partition('id="history"')[2]
        assert history.count("not run yet") == 2, "and what waits for somebody says so"
        here.ask("request: answer\nstage: gate")
        here.until_reason("Failed")
        here.until(lambda _: ">failed<" in client.get("/projects/v").text)
        history = client.get("/projects/v").text.partition('id="history"')[2]
        assert (history.count(">answered<"), history.count("not run yet")) == (1, 1)
        said = client.get("/projects/v/1").text.partition("What it said last")[2].partition('class="two"')[0]
        assert "too few &lt;b&gt;cars&lt;/b&gt;" in said
        assert "data-at" not in said.partition("data-at")[2], "one line"
