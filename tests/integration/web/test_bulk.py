"""One wish for many projects: those that are ticked, and all that a filter finds."""

import re

import pytest

from state.git.git_repository import GitRepository
from tests.integration.web.conftest import Bench
from webui.pages import bulk

PROJECTS = {f"projects/d{number:03}/project.yaml": "pipeline: p\ntags: [many]\n" for number in range(130)}


def post(bench: Bench, **form: object):  # type: ignore[no-untyped-def]
    form["csrf_token"] = bench.token("/new")
    return bench.browser.post("/bulk", data=form, follow_redirects=False)


def commits(bench: Bench) -> list[str]:
    """The messages of `main`, the newest first."""
    repository = GitRepository(str(bench.remote), bench.folder / "told.git")
    return [each.message for each in repository.line(repository.fetch().main)]


def test_what_is_ticked_becomes_one_commit(bench: Bench) -> None:
    before = len(commits(bench))
    answer = post(bench, request="start", project=["ulm", "bonn"], back="/?tag=drone")
    assert answer.headers["location"] == "/?tag=drone"
    found = bench.look().snapshot.projects
    assert all(found[id].unanswered for id in ("ulm", "bonn"))
    assert "start: 2 of 2 projects, committed as" in bench.browser.get("/").text
    said = commits(bench)
    assert len(said) == before + 1
    assert said[0] == "start 2 projects\n\nulm bonn\n"
    assert post(bench, request="start", project=["ulm"], back="//evil.example").headers["location"] == "/"
    assert post(bench, request="drop", project=["ulm"]).status_code == 404


def test_each_is_judged_by_itself(bench: Bench) -> None:
    post(bench, request="abort", projects="ulm nowhere ulm")  # as the page that says what is lost sends it
    text = bench.browser.get("/").text
    assert "abort: 0 of 2" in text
    assert "nowhere: there is no project" in text
    assert commits(bench)[0] != "abort ulm\n"


def test_all_that_match_are_named_before_and_asked_in_one_commit(bench: Bench) -> None:
    bench.commit(PROJECTS)
    assert "Apply to all 132 found" in bench.browser.get("/").text
    before = bench.look().snapshot.main
    asked = post(bench, request="start", all="1", tag="many", back="/?tag=many")
    assert bench.look().snapshot.main == before, "it is only asked whether"
    assert "Start 130 projects?" in asked.text
    assert all(f">{id}</a>" in asked.text for id in ("d000", "d129"))
    assert ">ulm<" not in asked.text
    bench.commit({"projects/late/project.yaml": "pipeline: p\ntags: [many]\n"})
    ids = re.search('name="projects" value="([^"]*)"', asked.text)
    assert ids
    assert post(bench, request="start", projects=ids[1], back="/?tag=many").headers["location"] == "/?tag=many"
    found = bench.look().snapshot.projects
    assert sum(bool(view.unanswered) for view in found.values()) == 130
    assert not found["late"].unanswered, "it was not among those that were confirmed"
    assert commits(bench)[0].startswith("start 130 projects\n\nd000 d001")


def test_of_all_that_match_those_that_cannot_are_told_apart(bench: Bench) -> None:
    text = post(bench, request="abort", all="1").text
    assert "Abort 0 projects?" in text
    assert "Not asked of 2" in text
    assert '<button class="main"' not in text


def test_one_commit_asks_no_more_than_it_may(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 1)
    before = bench.look().snapshot.main
    for form in ({"all": "1"}, {"projects": "ulm bonn"}):
        assert post(bench, request="start", **form).status_code == 303
        assert "narrow the filter" in bench.browser.get("/").text
    assert bench.look().snapshot.main == before


def test_R6_many_wishes_wait_while_the_server_is_away_and_leave_out_what_is_gone_by_then(bench: Bench) -> None:
    away = bench.remote.with_name("away.git")
    bench.remote.rename(away)
    post(bench, request="start", project=["ulm", "bonn"])
    assert "Not yet sent: start 2 projects" in bench.browser.get("/").text
    away.rename(bench.remote)
    bench.commit({"projects/bonn/": None})
    bench.outbox.send_all()
    found = bench.look().snapshot.projects
    assert found["ulm"].unanswered
    assert not found["bonn"].unanswered
    assert not bench.outbox.waiting()
    assert commits(bench)[0] == "start ulm\n"


def test_a_part_of_the_overview_carries_its_filter_to_what_is_asked_of_all(bench: Bench) -> None:
    text = bench.browser.get("/?q=ulm", headers={"HX-Request": "true"}).text
    assert 'id="matched"' in text
    assert '<input type="hidden" name="q" value="ulm">' in text
    assert 'hx-swap-oob="true">1 project</span>' in text
