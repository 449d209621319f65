"""Pages and forms, as a browser without scripts meets them."""

import json
import threading

import pytest

from flow.model.snapshot import Snapshot
from tests.integration.web.conftest import AUTHOR, Bench
from webui.asgi.streams import changed
from webui.source.view_source import Look


def test_R2_the_overview_shows_every_project_and_its_state(bench: Bench) -> None:
    text = bench.browser.get("/").text
    assert "Ulm crossing" in text
    assert "bonn" in text
    assert text.count("not started") >= 2


@pytest.mark.parametrize(
    ("query", "shown"), [("q=ulm", True), ("tag=drone", True), ("state=failed", False), ("q=xyz", False)]
)
def test_the_overview_filters(bench: Bench, query: str, shown: bool) -> None:
    assert ("Ulm crossing" in bench.browser.get(f"/?{query}").text) is shown


def test_R1410_a_form_becomes_the_commit_a_person_could_have_made(bench: Bench) -> None:
    answer = bench.ask("ulm", request="start", stage="detect", comment="again")
    assert answer.status_code == 303
    [file] = bench.look().snapshot.projects["ulm"].unanswered
    assert (file.name, file.by) == ("0001-start.yaml", AUTHOR)
    assert file.request
    assert (file.request.stage, file.request.comment) == ("detect", "again")


@pytest.mark.parametrize("value", ["7", "much"])
def test_M1_a_wrong_value_is_refused_with_the_fields_name_and_commits_nothing(bench: Bench, value: str) -> None:
    before = bench.look().snapshot.main
    answer = bench.ask("ulm", request="start", **{"input-threshold": value})
    assert answer.status_code == 422
    assert "threshold" in answer.text
    assert bench.look().snapshot.main == before


def test_S7_without_the_token_nothing_is_committed(bench: Bench) -> None:
    before = bench.look().snapshot.main
    assert bench.browser.post("/projects/ulm/requests", data={"request": "start"}).status_code == 400
    assert bench.look().snapshot.main == before


def test_S7_another_host_is_not_answered(bench: Bench) -> None:
    assert bench.browser.get("/", headers={"host": "evil.example"}).status_code == 421
    assert bench.browser.get("/", headers={"host": "127.0.0.1:8484"}).status_code == 200


def test_S6_evil_names_make_no_element(bench: Bench) -> None:
    evil = "<img src=x onerror=alert(1)> \"'><script>alert(1)</script>"
    bench.commit(
        {"projects/evil/project.yaml": f"pipeline: p\nname: {json.dumps(evil)}\ntags: [{json.dumps('<b>x</b>')}]\n"}
    )
    for path in ("/", "/projects/evil"):
        text = bench.browser.get(path).text
        assert "<img" not in text
        assert "<b>" not in text
        assert "<script>alert" not in text


def test_S6_every_answer_carries_a_policy(bench: Bench) -> None:
    for path in ("/", "/nowhere", "/healthz", "/static/winslow.css"):
        assert "script-src 'self'" in bench.browser.get(path).headers["content-security-policy"]


def test_R6_while_the_server_is_away_requests_wait_and_are_sent_once_it_is_back(bench: Bench) -> None:
    away = bench.remote.with_name("away.git")
    bench.remote.rename(away)
    assert bench.ask("ulm", request="start").status_code == 303
    assert "Not yet sent" in bench.browser.get("/").text
    away.rename(bench.remote)
    bench.outbox.send_all()
    assert [file.name for file in bench.look().snapshot.projects["ulm"].unanswered] == ["0001-start.yaml"]
    assert "Not yet sent" not in bench.browser.get("/").text
    bench.outbox.send_all()
    assert len(bench.look().snapshot.projects["ulm"].unanswered) == 1


def test_an_unknown_project_is_not_found_and_the_nearest_is_named(bench: Bench) -> None:
    answer = bench.browser.get("/projects/ulmm")
    assert answer.status_code == 404
    assert "ulm" in answer.text


def test_events_name_the_projects_that_changed() -> None:
    def look(**projects: object) -> Look:
        return Look(Snapshot("m", "s", projects=projects), 0.0)  # type: ignore[arg-type]

    same, one, two = object(), object(), object()
    assert changed(look(a=same, b=two), look(a=same, b=one)) == ["project-b", "any"]
    assert changed(look(a=same), look(a=same, gone=one)) == ["project-gone", "list", "any"]
    assert changed(look(a=same), None) == ["all", "any"]
    many = {f"p{number}": object() for number in range(300)}
    assert changed(look(**many), look()) == ["all", "any"]


def test_a_listener_hears_of_a_commit(bench: Bench) -> None:
    from webui.source.view_source import Watch

    heard = threading.Event()
    watch = Watch(bench.source)
    watch.listen(lambda look, before: heard.set() if before is not None else None)
    for number in range(50):
        bench.commit({"projects/ulm/project.yaml": f"pipeline: p\ntags: [t{number}]\n"})
        if heard.wait(0.3):
            break
    assert heard.is_set()


def test_a_wrong_method_names_the_right_ones(bench: Bench) -> None:
    for path, allowed in (("/api/v1/projects", "GET"), ("/api/v1/me", "GET"), ("/", "GET"), ("/raw/pool/x", "GET")):
        answer = bench.browser.request("DELETE", path)
        if path == "/" and answer.status_code == 400:  # a form without its token is refused before
            continue
        assert answer.status_code == 405, path
        assert allowed in answer.headers["allow"], path


def test_a_tab_says_which_project_it_is_and_how_that_stands(bench: Bench) -> None:
    assert "<title>Ulm crossing: not started · Winslow</title>" in bench.browser.get("/projects/ulm").text
