"""Nothing moves under a reader's eyes: what Chromium sums up as layout shift, from the first paint on."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from schema.execution import State
from tests.browser.house import House
from tests.browser.test_page import PAGES
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
MOST = 0.05
RENEWED = 6000
"""Milliseconds in which each page has asked for what it renews by itself."""
OBSERVES = """
window.moved = 0;
window.movers = [];
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) {
    window.moved += each.value;
    for (const from of each.sources) window.movers.push((from.node?.outerHTML || "").slice(0, 120));
  }
}).observe({ type: "layout-shift", buffered: true });
"""
SHOWS = "open('a.csv', 'w').write('x,y\\\\n1,2\\\\n3,4\\\\n'); open('r.html', 'w').write('<h1>report</h1>'); "


@pytest.fixture
def watched(tab: Page) -> Page:
    tab.add_init_script(OBSERVES)
    return tab


def moved(tab: Page) -> tuple[float, list[str]]:
    return float(tab.evaluate("window.moved")), list(tab.evaluate("window.movers"))


@pytest.mark.parametrize("width", [390, 1280])
def test_P10_nothing_moves_after_the_first_paint(lab: Labs, house: Houses, watched: Page, width: int) -> None:
    here = lab(stage("one", SHOWS, show="[a.csv, r.html]") + stage("two"))
    made = house(here)
    here.ask("request: start")
    here.until_reason("Done")
    watched.set_viewport_size({"width": width, "height": 900})
    found = {}
    for path in PAGES:
        watched.goto(made.url + path)
        if watched.locator(".age").count():
            expect(watched.locator(".age")).to_have_attribute("data-connected", "yes")
        watched.wait_for_timeout(RENEWED if path in ("/", "/nodes", "/nodes/n1", "/projects/v/1") else 500)
        if moved(watched)[0] >= MOST:
            found[path] = moved(watched)
    assert found == {}


def test_P10_little_moves_while_a_stage_begins_and_ends(lab: Labs, house: Houses, watched: Page) -> None:
    here = lab(stage("one", UNTIL_TOLD) + stage("two"))
    made = house(here)
    others = [watched.context.new_page() for _ in range(2)]
    for page, path in zip((watched, *others), ("/", "/projects/v", "/nodes"), strict=True):
        page.add_init_script(OBSERVES)
        page.goto(made.url + path)
    here.ask("request: start")
    here.until_state(State.RUNNING)
    expect(watched.locator("#row-v")).to_contain_text("running")
    here.go()
    expect(watched.locator("#row-v")).to_contain_text("succeeded")
    for page in (watched, *others):
        assert moved(page)[0] < MOST, (page.url, moved(page))
