"""Saying something of an execution, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage


def test_what_is_said_of_an_execution_stands_there_and_under_its_project(
    lab: Callable[..., Lab], house: Callable[[Lab], House], tab: Page, shot: Callable[[Page, str], None]
) -> None:
    here = lab(stage("one"))
    made = house(here)
    here.ask("request: start")
    here.until_reason("Done")
    tab.goto(f"{made.url}/projects/v/1")
    tab.get_by_label("Comment").fill("shadows count as cars")
    tab.get_by_role("button", name="Comment", exact=True).click()
    expect(tab.get_by_text("comment: committed as")).to_be_visible()
    tab.goto(f"{made.url}/projects/v")
    said = tab.locator(".comments li")
    expect(said).to_contain_text("shadows count as cars Ada Lovelace, of execution 1")
    tab.get_by_label("Comment", exact=True).last.fill("half a thought")
    here.edit({"projects/v/comments/0002.yaml": "comment: from elsewhere\n"})
    expect(said.first).to_contain_text("from elsewhere Ada")
    expect(tab.get_by_label("Comment", exact=True).last).to_have_value("half a thought")
    shot(tab, "comments")
    tab.goto(f"{made.url}/projects/v/1")
    expect(said).to_have_count(1)
