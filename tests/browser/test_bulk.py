"""One wish for all that match, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage


def test_R2_all_that_match_are_started_after_their_names_were_seen(
    lab: Callable[..., Lab],
    house: Callable[[Lab], House],
    tab: Page,
    shot: Callable[[Page, str], None],
    accessible: Callable[[str, str], list[str]],
) -> None:
    here = lab(stage("one", "time.sleep(600)"))
    here.edit({f"projects/d{number:03}/project.yaml": "pipeline: p\n" for number in range(120)})
    made = house(here)
    tab.goto(made.url)
    everything = tab.get_by_role("button", name="Apply to all 121 found")
    expect(everything).to_be_visible()
    tab.get_by_label("Find").fill("d01")
    tab.get_by_role("button", name="Apply to all 10 found").click()
    expect(tab.get_by_role("heading", name="Start 10 projects?")).to_be_visible()
    expect(tab.locator(".names li")).to_have_count(10)
    shot(tab, "bulk")
    tab.get_by_role("button", name="Start 10 projects").click()
    expect(tab.get_by_text("start: 10 of 10 projects, committed as")).to_be_visible()
    expect(tab.get_by_label("Find")).to_have_value("d01")
    made.until(lambda: any(view.replies for view in here.repository.fetch().projects.values()))
    asked = {id for id, view in here.repository.fetch().projects.items() if view.unanswered or view.replies}
    assert asked == {f"d{number:03}" for number in range(10, 20)}
