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


@pytest.mark.parametrize("name", ["UPPER", "..", "a%00b", "x" * 64, "-x"])
def test_S9_a_name_that_is_none_is_not_found(bench: Bench, name: str) -> None:
    assert bench.browser.get(f"/pipelines/{name}/edit").status_code == 404
