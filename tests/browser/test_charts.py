"""Values of drawings: by pointing, by touch, by the arrow keys, and on through live updates."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

TABLE = (
    "t = int(os.environ['INPUT_T']); rows = ['t,speed'] + [str(i) + ',' + str(50 + t * i) for i in range(11)]; "
    "open('s.csv', 'w').write(chr(10).join(rows)); "
    "open('m.json', 'w').write(chr(123) + chr(34) + 'cars' + chr(34) + ': ' + str(t) + chr(125))"
)


@pytest.fixture
def drawn(lab: Callable[..., Lab], house: Callable[[Lab], House]) -> House:
    """Two executions with a metric and a table each."""
    here = lab(stage("one", TABLE, artifacts="{reports: {metrics: m.json, charts: [s.csv]}}"))
    text = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    here.edit({"pipelines/p.yaml": str(text).replace("stages:\n", "inputs: {t: {type: integer}}\nstages:\n")})
    made = house(here)
    for number, value in ((1, 3), (2, 7)):
        here.ask(f"request: start\ninputs: {{t: {value}}}\n")
        here.until(lambda view, n=number: len(view.executions) == n and view.executions[-1].state.ended)
    return made


def test_values_are_told_where_somebody_points_and_by_the_arrow_keys(
    drawn: House, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    tab.goto(f"{drawn.url}/projects/v")
    trend, tip = tab.locator(".trend"), tab.locator(".told")
    trend.hover(position={"x": 3, "y": 10})
    expect(tip).to_have_text("execution 1: 3")
    shot(tab, "values")
    trend.hover(position={"x": 157, "y": 10})
    expect(tip).to_have_text("execution 2: 7")
    tab.get_by_role("heading", name="History").hover()
    expect(tip).to_be_hidden()
    tab.goto(f"{drawn.url}/projects/v/2")
    plot = tab.locator("#charts .plot")
    plot.focus()
    expect(tip).to_have_text("t 10: speed 120")
    for key, said in (("ArrowLeft", "t 9: speed 113"), ("Home", "t 0: speed 50"), ("ArrowLeft", "t 0: speed 50")):
        plot.press(key)
        expect(tip).to_have_text(said)
    expect(tip).to_have_attribute("aria-live", "polite")
    plot.press("Escape")
    expect(tip).to_be_hidden()


def test_who_reads_a_node_s_load_by_keys_goes_on_through_live_updates(drawn: House, tab: Page) -> None:
    tab.goto(f"{drawn.url}/nodes")
    spark = tab.get_by_role("img", name="cpu of the last hour")
    tip = tab.locator(".told")
    expect(spark).to_have_attribute("data-values", re.compile(r"\],\["))
    spark.focus()
    expect(tip).to_contain_text(" %")
    spark.press("Home")
    first = tip.inner_text()
    spark.evaluate("each => { each.dataset.old = '1'; }")
    expect(spark).not_to_have_attribute("data-old", "1")
    expect(spark).to_be_focused()
    expect(tip).to_have_text(first)


def test_values_are_told_by_touch(drawn: House, browser: Browser) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{drawn.url}/projects/v/2")
    box = page.locator("#charts .plot").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 2, box["y"] + 5)
    expect(page.locator(".told")).to_have_text("t 0: speed 50")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_what_was_used_is_told_by_the_arrow_keys(
    lab: Callable[..., Lab], house: Callable[[Lab], House], tab: Page
) -> None:
    here = lab(stage("one", "time.sleep(600)"))
    made = house(here)
    here.ask("request: start")
    here.until(lambda view: bool(view.executions) and view.executions[0].state == "running")
    tab.goto(f"{made.url}/projects/v/1")
    over = tab.locator("#usage .u-over").first
    expect(over).to_be_visible(timeout=40_000)
    over.focus()
    value = tab.locator("#usage .u-legend .u-series .u-value").nth(1)
    expect(value).to_contain_text("%")
    over.press("Home")
    expect(value).to_have_text("–")
    over.press("ArrowRight")
    expect(value).to_contain_text("%")
    with tab.expect_response("**/usage"):
        pass
    expect(value).to_contain_text("%")
