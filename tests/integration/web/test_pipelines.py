"""Pipelines on the page: shown, checked while somebody types, saved as a commit or proposed as a branch."""

import pytest

from schema.published import schema
from tests.integration.web.conftest import PIPELINE, Bench
from webui.site import commit_link

EVIL = "</textarea><img src=x onerror=alert(1)>"


def post(bench: Bench, path: str, **form: str):  # type: ignore[no-untyped-def]
    form["csrf_token"] = bench.token("/pipelines/p/edit")
    return bench.browser.post(path, data=form, follow_redirects=False)


def test_R1120_pipelines_are_shown_with_their_users_and_history(bench: Bench) -> None:
    bench.commit({"pipelines/p.yaml": PIPELINE.replace("echo, hi", "echo, hello")})
    text = bench.browser.get("/pipelines").text
    assert "detect" in text
    assert '<td class="num">2</td>' in text
    text = bench.browser.get("/pipelines/p").text
    assert 'href="/projects/ulm"' in text
    assert "+  - {name: detect, image: host/x, command: [echo, hello]}" in text
    assert text.count("<summary>") == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: p\nstages: []\n", "line 2"),
        ("name: q\nstages: [{name: a, image: x, command: [x]}]\n", "its file says"),
        ("name: p\nstages:\n  - {name: a, image: x, comand: [x]}\n", "line 3"),
        (EVIL, "line 1"),
        ("a: [" * 3000, "line 1"),
    ],
)
def test_R1110_what_is_wrong_is_said_by_line_and_nothing_is_saved(bench: Bench, text: str, said: str) -> None:
    before = bench.look().snapshot.main
    checked = post(bench, "/pipelines/p/check", text=text)
    assert said in checked.text
    assert "<img" not in checked.text
    saved = post(bench, "/pipelines/p", text=text, **{"as": "commit"})
    assert saved.status_code == 422
    assert "<img" not in saved.text
    assert bench.look().snapshot.main == before


def test_R1110_R1120_a_pipeline_is_saved_as_a_commit(bench: Bench) -> None:
    text = PIPELINE.replace("name: p", "name: fresh")
    assert "a new pipeline" in post(bench, "/pipelines/fresh/check", text=text).text
    assert post(bench, "/pipelines/fresh", text=text.replace("\n", "\r\n"), comment="For Ulm").status_code == 303
    assert bench.look().snapshot.pipelines["fresh"].stages[0].name == "detect"
    assert bench.source.clone.read_main("pipelines/fresh.yaml") == text
    assert "For Ulm" in bench.browser.get("/pipelines/fresh").text


def test_what_would_change_names_stages_and_users(bench: Bench) -> None:
    text = post(bench, "/pipelines/p/check", text=PIPELINE.replace("echo, hi", "echo, ho")).text
    assert "changed: stage detect" in text
    assert "2 projects use it" in text


def test_M9_a_pipeline_is_proposed_on_a_branch_of_its_own(bench: Bench) -> None:
    before = bench.look().snapshot.main
    text = PIPELINE.replace("echo, hi", "echo, ho")
    assert post(bench, "/pipelines/p", text=text, **{"as": "proposal"}).status_code == 303
    assert bench.look().snapshot.main == before
    assert "proposed as the branch winslow-proposals/p-" in bench.browser.get("/pipelines").text
    refs = bench.repository.clone.repo.__class__(str(bench.remote)).references
    assert sum(name.startswith("refs/heads/winslow-proposals/p-") for name in refs) == 1


@pytest.mark.parametrize(
    ("repo", "category", "address"),
    [
        ("https://git.example.org/lab/state.git", "merge:https://git.example.org/lab/state/-/merge_requests/7",
         "https://git.example.org/lab/state/-/merge_requests/7"),
        ("https://git.example.org/lab/state.git", "branch:winslow-proposals/p-1",
         "https://git.example.org/lab/state/-/merge_requests/new?merge_request%5Bsource_branch%5D=winslow-proposals%2Fp-1"),
        ("https://git.example.org/lab/state.git", "commit:abc", "https://git.example.org/lab/state/-/commit/abc"),
        ("https://token@git.example.org/lab/state.git", "branch:winslow-proposals/p-1", ""),
        ("/srv/state.git", "branch:winslow-proposals/p-1", ""),
        ("https://git.example.org/lab/state.git", "message", ""),
    ],
)  # fmt: skip
def test_M9_a_proposal_leads_to_its_merge_request_or_to_the_form_for_one(
    repo: str, category: str, address: str
) -> None:
    assert commit_link(repo, category) == address


def test_P6_the_editor_gets_the_published_fields_and_the_graph_stands_beside_the_text(bench: Bench) -> None:
    assert bench.browser.get("/schemas/pipeline.json").json() == schema("pipeline")
    checked = post(bench, "/pipelines/p/check", text=PIPELINE).text
    assert 'aria-label="2 stages: detect, review after detect"' in checked
    assert "a person answers" in checked
    assert 'aria-label="2 stages: detect, review after detect"' in bench.browser.get("/pipelines/p").text


FORM = PIPELINE.replace("inputs:", "# of the lab\ninputs:")


def form_of(text: str, **fields: str) -> dict[str, str]:
    return {"text": text, **{f"f:{name.replace('__', '.')}": value for name, value in fields.items()}}


def test_P6_the_form_view_changes_a_field_and_nothing_else_of_the_text(bench: Bench) -> None:
    bench.commit({"pipelines/p.yaml": FORM})
    text = bench.browser.get("/pipelines/p/edit?view=form").text
    assert 'name="f:stages.0.image" value="host/x"' in text
    assert "editor.js" not in text
    same = form_of(FORM, stages__0__image="host/x", stages__0__command="echo\r\nhi", inputs__threshold__min="0")
    assert "nothing" in post(bench, "/pipelines/p/check", **same).text
    asked = form_of(FORM, stages__0__image="host/y", stages__0__resources__cpus="2", inputs__threshold__max="")
    assert "changed: stage detect" in post(bench, "/pipelines/p/check", **asked).text
    assert post(bench, "/pipelines/p", **asked, **{"as": "commit"}).status_code == 303
    bench.look()
    wanted = FORM.replace("host/x", "host/y").replace("hi]}", "hi], resources: {cpus: 2}}").replace(", max: 1", "")
    assert bench.source.clone.read_main("pipelines/p.yaml") == wanted


def test_P6_stages_and_inputs_come_and_go_and_nothing_is_saved_by_that(bench: Bench) -> None:
    before = bench.look().snapshot.main
    more = post(bench, "/pipelines/p/edit", **form_of(PIPELINE), turn="add-stage", called="report").text
    assert "Stage report" in more
    assert "new: stage report" in more
    asked = post(bench, "/pipelines/p/edit", **form_of(PIPELINE), turn="add-input", called="video").text
    assert "Input video" in asked
    less = post(bench, "/pipelines/p/edit", **form_of(PIPELINE), turn="remove:stages.1").text
    assert "gone: stage review" in less
    gone = post(bench, "/pipelines/p/edit", **form_of(PIPELINE), turn="remove:inputs.threshold").text
    assert "the inputs change" in gone
    back = post(bench, "/pipelines/p/edit", **form_of(PIPELINE, stages__0__image="host/z"), view="text").text
    assert "editor.js" in back
    assert "host/z" in back
    assert bench.look().snapshot.main == before


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (form_of(PIPELINE, stages__0__timeout="soon"), "line 5"),
        (form_of(PIPELINE, stages__0__image=EVIL), "line 5"),
        (form_of("a: [" * 3000), "line 1"),
        (form_of(PIPELINE, stages__7__image="x", name="y"), "nothing"),
    ],
)
def test_P6_what_the_form_cannot_mean_is_said_and_harms_nothing(bench: Bench, form: dict[str, str], said: str) -> None:
    answer = post(bench, "/pipelines/p/check", **form)
    assert said in answer.text
    assert "<img" not in answer.text
    assert post(bench, "/pipelines/p/edit", **form, turn="remove:stages.99").status_code in (200, 409)
    assert "Only as a text" in post(bench, "/pipelines/p/edit", text="a: [", view="form").text


@pytest.mark.parametrize("name", ["UPPER", "..", "a%00b", "x" * 64, "-x"])
def test_S9_a_name_that_is_none_is_not_found(bench: Bench, name: str) -> None:
    assert bench.browser.get(f"/pipelines/{name}/edit").status_code == 404
