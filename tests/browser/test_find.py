"""Keys that find anything, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage


def test_P5_a_project_is_found_and_opened_with_keys_alone(
    lab: Callable[..., Lab],
    house: Callable[[Lab], House],
    tab: Page,
    shot: Callable[[Page, str], None],
    accessible: Callable[[str, str], list[str]],
) -> None:
    here = lab(stage("one"))
    here.edit({"projects/harbour/project.yaml": "pipeline: p\nname: Harbour, take 2\n"})
    made = house(here)
    tab.goto(f"{made.url}/nodes")
    tab.keyboard.press("Control+k")
    expect(tab.get_by_role("combobox", name="Search projects, runs, files, actions")).to_be_focused()
    tab.keyboard.type("harb")
    expect(tab.get_by_role("option", name="Harbour, take 2").first).to_have_attribute("aria-selected", "true")
    shot(tab, "palette")
    tab.keyboard.press("ArrowDown")
    expect(tab.get_by_role("option", name="Start Harbour")).to_have_attribute("aria-selected", "true")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/projects/harbour")
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog", name="Keys")).to_be_visible()
    tab.keyboard.press("Escape")
    tab.keyboard.press("g")
    tab.keyboard.press("n")
    tab.wait_for_url("**/nodes")
    assert accessible(f"{made.url}/find?q=harb", "light") == []
    assert accessible(f"{made.url}/find?q=harb", "dark") == []
