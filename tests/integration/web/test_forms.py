"""What cannot be taken back says what is lost; what is refused is not lost; a form says only what was changed."""

from typing import Any

import pytest

from state.edits.main import NotCommitted
from tests.integration.web.conftest import PIPELINE, Bench

REFUSED = NotCommitted("the server's check refused it")


@pytest.fixture
def refusing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The server takes nothing."""

    def no(*args: Any) -> None:
        raise REFUSED

    monkeypatch.setattr(bench.outbox, "_send", no)
    return bench


def test_a_refused_form_keeps_what_was_typed(refusing: Bench) -> None:
    token = {"csrf_token": refusing.token("/projects/ulm")}
    forms = {
        "/projects/ulm/requests": {"request": "start", "comment": "half a thought", "input-threshold": "0.7"},
        "/projects/ulm/settings": {"name": "half a thought", "pipeline": "p", "tags": "x", "priority": "7"},
        "/projects/ulm/comments": {"comment": "half a thought"},
        "/pipelines/p": {"text": PIPELINE + "# more\n", "comment": "half a thought", "as": "commit"},
        "/new": {"id": "aachen", "pipeline": "p", "name": "half a thought"},
    }
    for path, form in forms.items():
        answer = refusing.browser.post(path, data={**form, **token}, follow_redirects=False)
        assert answer.status_code in (409, 422), (path, answer.status_code)
        assert "the server&#39;s check refused it" in answer.text, path
        assert 'value="half a thought"' in answer.text, path
    assert "# more" in refusing.browser.post("/pipelines/p", data={**forms["/pipelines/p"], **token}).text


def test_settings_that_do_not_fit_keep_what_was_typed(bench: Bench) -> None:
    form = {
        "csrf_token": bench.token("/projects/ulm/settings"),
        "name": "A new name",
        "pipeline": "none",
        "tags": "x, y",
    }
    answer = bench.browser.post("/projects/ulm/settings", data=form)
    assert answer.status_code == 422
    for kept in ('name="name" value="A new name"', 'name="tags" value="x, y"', 'name="pipeline" value="none"'):
        assert kept in answer.text


def test_a_start_says_only_what_is_otherwise_than_without_it(bench: Bench) -> None:
    bench.ask("ulm", request="start", stage="detect", **{"input-threshold": "0.5"})
    bench.ask("bonn", request="start", stage="detect", **{"input-threshold": "0.6"})
    projects = bench.look().snapshot.projects
    said = [projects[id].unanswered[0].request for id in ("ulm", "bonn")]
    assert [each and each.inputs for each in said] == [{}, {"threshold": 0.6}]


def test_a_changed_pipeline_offers_the_new_stages(bench: Bench) -> None:
    bench.ask("ulm", request="start")
    bench.commit({"pipelines/p.yaml": PIPELINE + "  - {name: publish, image: host/x, command: [echo]}\n"})
    assert "<option>publish</option>" in bench.browser.get("/projects/ulm").text


def test_a_deleted_project_is_restored_as_it_was(bench: Bench) -> None:
    form = {"csrf_token": bench.token("/projects/ulm/settings"), "confirm": "ulm"}
    assert bench.browser.post("/projects/ulm/delete", data=form, follow_redirects=False).status_code == 303
    bench.look()
    shown = bench.browser.get("/projects/ulm").text
    assert "Restore the project" in shown
    assert "Deleted by Ada Lovelace" in shown
    again = bench.browser.post("/projects/ulm/restore", data={"csrf_token": form["csrf_token"]}, follow_redirects=False)
    assert again.status_code == 303
    view = bench.look().snapshot.projects["ulm"]
    assert view.deletion is None
    assert view.project
    assert (view.project.name, list(view.project.tags)) == ("Ulm crossing", ["drone"])
    assert bench.browser.post("/projects/ulm/restore", data={"csrf_token": form["csrf_token"]}).status_code == 409


def test_an_abort_of_those_that_are_ticked_is_confirmed_first(bench: Bench) -> None:
    before = bench.look().snapshot.main
    form = {"csrf_token": bench.token("/"), "request": "abort", "project": ["ulm", "bonn"]}
    answer = bench.browser.post("/bulk", data=form)
    assert answer.status_code == 200
    assert "is lost" in answer.text
    assert bench.look().snapshot.main == before
