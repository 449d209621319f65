"""Making, changing and deleting projects by forms, and one wish for many."""

import pytest

from tests.integration.web.conftest import Bench

EVIL = "<img src=x onerror=alert(1)>"


def post(bench: Bench, path: str, **form: object):  # type: ignore[no-untyped-def]
    form["csrf_token"] = bench.token("/new")
    return bench.browser.post(path, data=form, follow_redirects=False)


def test_R1210_R1230_a_project_is_made_and_started_in_one_commit(bench: Bench) -> None:
    answer = post(bench, "/new", id="aachen", pipeline="p", name="Aachen", tags="drone, west", start="1",
                  **{"input-threshold": "0.7"})  # fmt: skip
    assert answer.status_code == 303
    view = bench.look().snapshot.projects["aachen"]
    assert view.project
    assert (view.project.name, view.project.tags, view.project.inputs) == (
        "Aachen",
        ("drone", "west"),
        {"threshold": 0.7},
    )
    assert [file.name for file in view.unanswered] == ["0001-start.yaml"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"id": "Bad Id"}, "lower-case letters"),
        ({"id": ""}, "an id is needed"),
        ({"id": "ulm"}, "one of that id already"),
        ({"id": "x", "input-threshold": "seven"}, "threshold"),
        ({"id": "x", "pipeline": "nowhere"}, "there is no pipeline"),
    ],
)
def test_R1220_what_cannot_be_is_refused_and_nothing_that_was_typed_is_lost(
    bench: Bench, form: dict[str, str], said: str
) -> None:
    before = bench.look().snapshot.main
    answer = post(bench, "/new", **{"pipeline": "p", "name": EVIL, **form})
    assert answer.status_code == 422
    assert said in answer.text
    assert "&lt;img" in answer.text
    assert "<img src=x" not in answer.text
    assert bench.look().snapshot.main == before


def test_a_project_is_filled_in_after_the_example_of_another(bench: Bench) -> None:
    bench.ask("ulm", request="start", **{"input-threshold": "0.9"})
    assert 'value="drone"' in bench.browser.get("/new?from=ulm").text


@pytest.mark.parametrize(("id", "said"), [("ulm", "already"), ("UPPER", "lower-case"), ("fresh", "free")])
def test_an_id_is_judged_while_it_is_typed(bench: Bench, id: str, said: str) -> None:
    assert said in bench.browser.get(f"/new/check?id={id}").text


def test_R1240_name_tags_and_pipeline_are_changed(bench: Bench) -> None:
    answer = post(bench, "/projects/ulm/settings", name="Ulm evening", tags="night", pipeline="p")
    assert answer.status_code == 303
    project = bench.look().snapshot.projects["ulm"].project
    assert project
    assert (project.name, project.tags) == ("Ulm evening", ("night",))
    assert post(bench, "/projects/ulm/settings", name="x", tags="", pipeline="nowhere").status_code == 422


def test_R1250_a_project_is_deleted_only_by_its_id(bench: Bench) -> None:
    assert post(bench, "/projects/ulm/delete", confirm="bonn").status_code == 422
    assert not bench.look().snapshot.projects["ulm"].deletion
    assert post(bench, "/projects/ulm/delete", confirm="ulm", now="1").status_code == 303
    deletion = bench.look().snapshot.projects["ulm"].deletion
    assert deletion
    assert deletion.now
    text = bench.browser.get("/").text
    assert 'aria-label="deleted"' in text
    assert 'aria-label="needs you"' not in text, "it needs nobody"


def test_the_overview_groups_by_tag(bench: Bench) -> None:
    text = bench.browser.get("/?group=tag").text
    assert text.index('id="g-drone"') < text.index('id="g-without-a-tag"')


def test_what_was_typed_stays_where_a_request_is_refused(bench: Bench) -> None:
    answer = bench.ask("ulm", request="start", comment="a long thought", **{"input-threshold": "much"})
    assert answer.status_code == 422
    assert "threshold" in answer.text
    assert 'value="a long thought"' in answer.text
    assert 'value="much"' in answer.text


def test_R1240_inputs_and_priority_are_changed_and_what_stays_is_not_said(bench: Bench) -> None:
    form = {"name": "Ulm crossing", "tags": "drone", "pipeline": "p", "description": "at eight", "priority": "70"}
    assert post(bench, "/projects/ulm/settings", **form, **{"input-threshold": "0.3"}).status_code == 303
    project = bench.look().snapshot.projects["ulm"].project
    assert project
    assert (project.description, project.priority, project.inputs) == ("at eight", 70, {"threshold": 0.3})
    before = bench.look().snapshot.main
    assert 'value="0.3"' in bench.browser.get("/projects/ulm/settings").text
    post(bench, "/projects/ulm/settings", **form, **{"input-threshold": "0.3"})
    assert bench.look().snapshot.main == before
    assert post(bench, "/projects/ulm/settings", **form, **{"input-threshold": "9"}).status_code == 422
    assert "at eight" in bench.browser.get("/projects/ulm").text
