"""The log of an execution in a real browser: live, by line, searched, and without a script."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from runner.metrics import load
from schema.execution import State
from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
GO = "[time.sleep(0.02) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]; print('last words')"
MANY = "[print('line', n) for n in range(1, 3001)]; sys.stdout.flush(); "
LIVE = f"import sys; {MANY}{GO}"
AT_END = "box => box.scrollHeight - box.scrollTop - box.clientHeight < 30"


def running(lab: Labs, house: Houses) -> House:
    here = lab(stage("one", LIVE))
    made = house(here)
    here.ask("request: start")
    here.until_state(State.RUNNING)
    return made


def test_M15_R1450_a_live_log_is_followed_until_the_reader_scrolls_up(lab: Labs, house: Houses, tab: Page) -> None:
    made = running(lab, house)
    tab.goto(f"{made.url}/projects/v/1")
    box = tab.locator("#logbook .lines").locator("..")
    box.scroll_into_view_if_needed()
    expect(tab.locator("#L3000")).to_be_in_viewport()
    box.hover()
    tab.mouse.wheel(0, -2000)
    expect(tab.locator(".follow")).not_to_be_checked()
    Path(f"{made.lab.runs}.go").touch()
    expect(tab.locator(".tx", has_text="last words")).to_be_attached()
    expect(tab.locator(".tx", has_text="last words")).not_to_be_in_viewport()
    tab.get_by_role("link", name="Jump to end").click()
    expect(tab.locator(".tx", has_text="succeeded")).to_be_in_viewport()
    assert box.evaluate(AT_END)


def test_R1450_a_line_is_reached_by_its_number_by_search_and_by_scrolling(
    lab: Labs, house: Houses, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    made = running(lab, house)
    tab.goto(f"{made.url}/projects/v/1#L1000")
    expect(tab.locator("#L1000")).to_be_in_viewport()
    expect(tab.locator("#L1000")).to_have_text(re.compile("1000.*line 1000"))
    tab.get_by_role("searchbox").fill("LINE 222")
    tab.get_by_role("searchbox").press("Enter")
    tab.get_by_role("link", name="line 222", exact=True).click()
    expect(tab.locator("#logbook .lines #L222")).to_be_in_viewport()
    shot(tab, "log")
    box = tab.locator("#logbook .lines").locator("..")
    for _ in range(3):
        box.evaluate("box => { box.scrollTop = 0; }")
    expect(tab.locator("#L1")).to_be_attached()
    tab.get_by_role("link", name="Jump to end").click()
    expect(tab.locator("#L3000")).to_be_in_viewport()


def test_R1450_without_a_script_there_are_links(lab: Labs, house: Houses, browser: Browser) -> None:
    made = running(lab, house)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{made.url}/projects/v/1")
    expect(page.get_by_text("line 3000", exact=True)).to_be_attached()
    page.get_by_role("link", name="Earlier lines").click()
    expect(page.get_by_text("line 2600", exact=True)).to_be_attached()
    page.get_by_role("searchbox").fill("line 77")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name="line 77", exact=True).click()
    expect(page.locator("#L77")).to_be_in_viewport()
    context.close()


def test_R1510_resource_use_is_drawn_over_time(
    lab: Labs, house: Houses, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    made = running(lab, house)
    Path(f"{made.lab.runs}.go").touch()
    record = made.lab.until_reason("Done").executions[0]
    times = (record.times.started, record.times.finished)
    began, ended = (datetime.fromisoformat(str(each)).timestamp() for each in times)
    folder = made.lab.folder / "n1" / "runs" / record.claim.container
    for moment, part in ((began, 1), (ended + 9.99, 2)):
        kept = load.Record(folder / "load", load.STAGE, 10, lambda moment=moment: moment)  # type: ignore[misc]
        kept.put(
            {"cpu": 90.0 * part, "memory": 2**30 * part, "gpu": 40 * part, "gpu_memory": 30, "progress": 50 * part}
        )
    tab.goto(f"{made.url}/projects/v/1")
    expect(tab.locator("#usage .uplot canvas")).to_have_count(4)
    expect(tab.locator("#usage svg")).to_have_count(0)
    shot(tab, "execution")
