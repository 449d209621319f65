"""A tab that nobody looks at says how many projects need a person."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

GATE = "name: g\nstages:\n  - {name: review, when: manual, confirm: Good enough?}\n"


def test_title_and_icon_say_how_many_need_a_person_as_soon_as_one_does(
    lab: Callable[..., Lab], house: Callable[[Lab], House], tab: Page
) -> None:
    here = lab(stage("one"))
    made = house(here)
    tab.goto(f"{made.url}/nodes")
    expect(tab).to_have_title("Nodes · Winslow")
    icon = tab.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", "/static/icon.svg")
    here.edit({"pipelines/g.yaml": GATE, "projects/w/project.yaml": "pipeline: g\n",
               "projects/w/requests/0001-start.yaml": "request: start\n"})  # fmt: skip
    expect(tab).to_have_title("(1) Nodes · Winslow")
    expect(icon).to_have_attribute("href", "/static/icon-asks.svg")
    tab.reload()
    expect(tab).to_have_title("(1) Nodes · Winslow")
