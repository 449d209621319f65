"""Finding anything by a few letters, and what stands beside every page."""

import re

import pytest

from flow.status.states import STATES
from tests.integration.web.conftest import AUTHOR, Bench
from webui.access.person import Person, Role
from webui.pages import find

LINK = re.compile(r'<li role="option"[^>]*><a href="([^"]*)"[^>]*>([^<]*)')


def found(bench: Bench, text: str) -> dict[str, str]:
    """Title to address."""
    answer = bench.browser.get("/find", params={"q": text}, headers={"HX-Request": "true"}).text
    return {title.strip(): address for address, title in LINK.findall(answer)}


def test_P5_a_project_is_found_by_its_name_or_its_id(bench: Bench) -> None:
    assert found(bench, "ulm c")["Ulm crossing"] == "/projects/ulm"
    assert found(bench, "BON")["bonn"] == "/projects/bonn"
    assert "bonn" not in found(bench, "ulm")


def test_P5_actions_pipelines_and_pages_are_found(bench: Bench) -> None:
    assert found(bench, "ulm")["Start Ulm crossing…"] == "/projects/ulm#head"
    assert found(bench, "p")["p"] == "/pipelines/p"
    assert found(bench, "eve")["Events"] == "/history"


def test_P5_without_a_script_it_is_a_page_and_nothing_found_is_said(bench: Bench) -> None:
    page = bench.browser.get("/find", params={"q": "<img src=x>"}).text
    assert "<h1>Find</h1>" in page
    assert "Nothing is called like that" in page
    assert "<img src=x>" not in page
    assert 'href="/find"' in bench.browser.get("/").text


def test_P5_of_many_only_the_first_are_shown(bench: Bench) -> None:
    bench.commit({f"projects/d{number:03}/project.yaml": "pipeline: p\n" for number in range(30)})
    answer = bench.browser.get("/find", params={"q": "d0" + "x" * 5000}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    projects = [address for title, address in found(bench, "d0").items() if title.startswith("d0")]
    assert projects == [f"/projects/d{number:03}" for number in range(8)]


def test_R1310_how_many_projects_wait_for_a_person_stands_beside_every_page(bench: Bench) -> None:
    assert 'class="count"' not in bench.browser.get("/pipelines").text
    gate = "name: g\nstages:\n  - {name: review, when: manual, confirm: Good?}\n"
    bench.commit({"pipelines/g.yaml": gate, "projects/gate/project.yaml": "pipeline: g\n"})
    beside = bench.browser.get("/fleet").text
    assert 'id="asks"' in beside
    assert "0 of 0 nodes" in beside


def test_P1_every_state_has_a_badge_among_the_components(bench: Bench) -> None:
    text = bench.browser.get("/components").text
    assert all(f'class="state s-{state}"' in text for state in STATES)
    assert text.count("<use href=") > 10


def test_P5_who_may_only_look_is_offered_nothing_to_do(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "person", lambda: Person(AUTHOR, Role.READER))
    assert list(found(bench, "ulm")) == ["Ulm crossing"]


def test_P5_a_file_is_reached_whatever_signs_are_in_its_name(bench: Bench) -> None:
    pool = bench.folder / "pool"
    pool.mkdir()
    (pool / "50% #1?.mp4").write_bytes(b"film")
    address = found(bench, "#1?")["50% #1?.mp4"]
    assert address == "/files/50%25%20%231%3F.mp4"
    assert bench.browser.get(address).status_code == 200
