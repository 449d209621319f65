"""What holds on every page: accessible, no element that is not from a template, live, and usable while Git is away."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.house import House
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
EVIL = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>"
PAGES = (
    *("/", "/projects/v", "/projects/v/1", "/nodes", "/nodes/n1", "/history", "/pipelines", "/pipelines/p"),
    *("/pipelines/p/edit", "/files", "/projects/v/files", "/projects/v/1/files", "/projects/v/1/provenance"),
    *("/projects/v/compare/1/2", "/projects/v/redo/1", "/projects/v/settings", "/new", "/pipelines/p/edit?view=form"),
)
WIDER = """Array.from(document.querySelectorAll('body *'))
    .filter(each => document.documentElement.scrollWidth > innerWidth + 1
        && each.getBoundingClientRect().right > innerWidth + 1)
    .map(each => each.outerHTML.slice(0, 120))"""

COUNTS = """() => document.addEventListener('sse:project-v', () => { window.heard = (window.heard || 0) + 1; })"""


@pytest.fixture
def finished(lab: Labs, house: Houses) -> House:
    """A project that ran once, with a hostile name, hostile tags and a hostile log."""
    here = lab(stage("one", f"print('{EVIL.replace(chr(39), '')}', chr(27) + '[31mred')") + stage("two"))
    here.edit({"projects/v/project.yaml": f"pipeline: p\nname: {json.dumps(EVIL)}\ntags: [{json.dumps('<b>t</b>')}]\n"})
    made = house(here)
    here.ask("request: start")
    here.until_reason("Done")
    return made


def test_S6_hostile_names_and_logs_make_no_element(finished: House, tab: Page) -> None:
    for path in PAGES:
        tab.goto(finished.url + path)
        assert tab.locator("main img[src=x], main b, main script").count() == 0, path
    tab.goto(f"{finished.url}/projects/v/1")
    expect(tab.get_by_text("<img src=x", exact=False).first).to_be_visible()


@pytest.mark.parametrize("width", [390, 820, 1920])
def test_no_page_is_wider_than_its_window(finished: House, tab: Page, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        tab.goto(finished.url + path)
        assert tab.evaluate(WIDER) == [], path


def test_R2_M10_the_overview_follows_what_happens_without_a_reload(lab: Labs, house: Houses, tab: Page) -> None:
    here = lab(stage("one", UNTIL_TOLD))
    made = house(here)
    tab.goto(made.url)
    tab.evaluate("window.same = true")
    here.ask("request: start")
    row = tab.locator("#row-v")
    expect(row).to_contain_text("running")
    here.go()
    expect(row).to_contain_text("succeeded")
    assert tab.evaluate("window.same"), "the page was loaded anew"


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [("", "**/rows/v?*", "#row-v"), ("/projects/v/1", "**/projects/v/1", "#facts")],
    ids=["row", "execution"],
)
def test_R2_news_that_comes_while_an_answer_is_under_way_is_not_lost(
    lab: Labs, house: Houses, tab: Page, path: str, asked: str, said: str
) -> None:
    """The answer is of before the last news, and takes the place of the element that heard them."""
    here = lab(stage("one", UNTIL_TOLD))
    made = house(here)
    here.ask("request: start")
    here.until(lambda view: bool(view.executions) and view.executions[0].state == "running")
    tab.goto(made.url + path)
    expect(tab.locator(said)).to_contain_text("running")
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if held or route.request.headers.get("hx-trigger") != said[1:]:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    tab.route(asked, hold)
    tab.evaluate(COUNTS)
    here.edit({"projects/v/project.yaml": "pipeline: p\nname: another\n"})
    made.until(lambda: bool(tab.evaluate("window.heard || 0")) and bool(held))
    before = tab.evaluate("window.heard")
    here.go()
    made.until(lambda: "s-succeeded" in tab.request.get(f"{made.url}/projects/v/1").text())
    made.until(lambda: int(tab.evaluate("window.heard")) > before)
    held[0][0].fulfill(response=held[0][1])
    expect(tab.locator(said)).to_contain_text("succeeded")


def test_N5_a_file_without_effect_is_told_on_the_first_page_and_goes_from_it_without_a_reload(
    lab: Labs, house: Houses, tab: Page
) -> None:
    here = lab(stage("one"))
    made = house(here)
    tab.goto(made.url)
    told = tab.locator("#problems")
    expect(told).to_be_empty()
    (here.remote / "hooks" / "pre-receive").unlink()
    here.edit({"pipelines/broken.yaml": "name: broken\nstagse: []\n"})
    expect(told).to_contain_text("stagse")
    here.edit({"pipelines/broken.yaml": None})
    expect(told).to_be_empty()


def test_R6_M4_a_request_waits_while_git_is_away_and_is_sent_on_its_return(lab: Labs, house: Houses, tab: Page) -> None:
    here = lab(stage("one"))
    made = house(here)
    here.take_away()
    tab.goto(f"{made.url}/projects/v")
    tab.get_by_role("button", name="Start", exact=True).first.click()
    expect(tab.locator("body")).to_contain_text("Not yet sent")
    made.restart_page()
    tab.goto(f"{made.url}/projects/v")
    expect(tab.locator("body")).to_contain_text("Not yet sent")
    here.bring_back()
    here.until_reason("Done")
    tab.goto(f"{made.url}/projects/v")
    expect(tab.locator("body")).not_to_contain_text("Not yet sent")


def test_R1110_the_editor_says_while_somebody_types_what_is_wrong_and_what_would_change(
    finished: House, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    """In the plain text area, which stays where the editor's script does not come."""
    tab.route("**/codemirror.min.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    tab.goto(f"{finished.url}/pipelines/p/edit")
    text = tab.get_by_label("Definition")
    good = text.input_value()
    text.fill(good.replace("stages:", "stagges:"))
    expect(tab.locator("#draft")).to_contain_text("did you mean")
    shot(tab, "editor")
    text.fill(good.replace("name: two", "name: three"))
    expect(tab.locator("#draft")).to_contain_text("new: stage three")
    tab.get_by_label("What you changed").fill("Call it three")
    tab.get_by_role("button", name="Save as a commit").click()
    expect(tab.locator("body")).to_contain_text("committed as")
    finished.until(lambda: finished.lab.repository.fetch().pipelines["p"].stage("three") is not None)
    tab.goto(f"{finished.url}/pipelines/p")
    expect(tab.locator("body")).to_contain_text("Call it three")
    shot(tab, "pipeline")


def test_M16_time_travel_shows_everything_as_it_was(
    finished: House, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    tab.goto(f"{finished.url}/history?event=claim")
    tab.get_by_title("The page as it was after this commit").last.click()
    expect(tab.locator("body")).to_contain_text("Nothing can be asked of the past")
    expect(tab.get_by_role("button", name="Start", exact=True)).to_have_count(0)
    tab.get_by_role("link", name="Projects").click()
    expect(tab.locator("#row-v")).to_contain_text("running")
    shot(tab, "past")
    tab.get_by_role("link", name="Back to now").click()
    expect(tab.locator("#row-v")).to_contain_text("succeeded")
