"""The wall in a corridor: lanes, queue and who is waited for; it goes on without a hand."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.browser.house import House
from tests.browser.test_page import WIDER
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage
from webui.access.tokens import Tokens

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
WEEK = 7 * 24 * 3600
GATE = "  - {name: review, when: manual, confirm: Are the lanes right?}\n"


@pytest.fixture
def busy(lab: Labs, house: Houses) -> House:
    """One project runs, one asks, one cannot be placed."""
    here = lab(stage("one", UNTIL_TOLD))
    here.edit(
        {
            "pipelines/asks.yaml": f"name: asks\nstages:\n{GATE}",
            "pipelines/large.yaml": "name: large\nstages:\n" + stage("huge", resources="{memory: 900 TiB}"),
            "projects/crossing/project.yaml": "pipeline: asks\n",
            "projects/large/project.yaml": "pipeline: large\n",
        }
    )
    made = house(here)
    for project in ("v", "crossing", "large"):
        here.ask("request: start", project)
    here.until(lambda view: bool(view.executions) and view.executions[0].state == "running")
    here.until_reply("crossing")
    here.until_reply("large")
    return made


def test_P8_the_wall_shows_lanes_queue_and_who_is_waited_for_and_renews_itself_for_a_week(
    busy: House, tab: Page, shot: Callable[[Page, str], None], accessible: Callable[[str, str], list[str]]
) -> None:
    token = Tokens(busy.lab.folder / "n1" / "web").make("corridor", "c <c@token.invalid>", "wall", WEEK + 3600.0)
    tab.clock.install()
    tab.goto(f"{busy.url}/wall?token={token}")
    assert tab.url == f"{busy.url}/wall", "the token does not stay in the address"
    expect(tab.locator(".lane .span")).to_have_count(1)
    expect(tab.locator(".columns")).to_contain_text("Are the lanes right?")
    expect(tab.locator(".columns section", has_text="Queue")).to_contain_text("large")
    assert tab.locator("a, button, input, select, summary, [tabindex]").count() == 0
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in (390, 1280, 1920):
            tab.set_viewport_size({"width": width, "height": 1080})
            assert tab.evaluate(WIDER) == []
            shot(tab, f"wall-{scheme}-{width}")
        assert accessible(f"{busy.url}/wall?token={token}", scheme) == []

    busy.lab.go()
    busy.lab.until(lambda view: view.executions[0].state.ended)
    busy.until(lambda: _renewed(tab, ".sums", "0 running"))
    busy.page.kill()
    busy.page.wait()
    busy.until(lambda: _renewed(tab, "#lost", "does not answer"))
    busy.restart_page()
    tab.clock.fast_forward(WEEK * 1000)
    busy.until(lambda: _renewed(tab, ".sums", "0 running") and tab.locator("#lost").is_hidden())
    tab.evaluate("window.same = true")
    tab.route("**/wall", _upgraded)
    loads: list[object] = []
    tab.on("framenavigated", lambda frame: loads.append(frame))
    busy.until(lambda: bool(loads) or _stepped(tab, loads))
    tab.wait_for_load_state()
    assert not tab.evaluate("window.same"), "fresh scripts after an upgrade"


def _renewed(tab: Page, place: str, text: str) -> bool:
    tab.clock.run_for(11_000)
    return text in tab.locator(place).inner_text().replace("\n", " ")


def _upgraded(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('data-version="', 'data-version="newer'))


def _stepped(tab: Page, loads: list[object]) -> bool:
    with suppress(Error):  # the page may leave in the middle of it
        tab.clock.run_for(11_000)
    return bool(loads)
