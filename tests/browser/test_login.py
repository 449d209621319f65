"""Logging in, in a real browser: to where one wanted to go, and out again."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage
from webui.access.users import Users

WORDS = "correct horse battery"


@pytest.fixture
def guarded(lab: Callable[..., Lab], house: Callable[[Lab], House]) -> House:
    """A house whose page has two users; one of them may only look."""
    here = lab(stage("one"))
    settings = here.repository.fetch() and here.repository.read_main("winslow.yaml")
    here.edit({"winslow.yaml": f"{settings}access: {{operator: ['user:ada'], reader: ['user:eve']}}\n"})
    made = house(here)
    for name in ("ada", "eve"):
        Users(here.folder / "n1" / "web").put(name, f"{name}@example.org", f"{name.title()} Lovelace", WORDS)
    return made


def enter(tab: Page, name: str, password: str = WORDS) -> None:
    tab.get_by_label("Name").fill(name)
    tab.get_by_label("Password").fill(password)
    tab.get_by_role("button", name="Log in").click()


def test_S7_a_person_logs_in_asks_and_logs_out(guarded: House, tab: Page, shot: Callable[[Page, str], None]) -> None:
    tab.goto(f"{guarded.url}/projects/v")
    enter(tab, "ada", "a wrong password")
    expect(tab.get_by_role("alert")).to_have_text("Wrong name or password.")
    shot(tab, "login")
    enter(tab, "ada")
    tab.wait_for_url("**/projects/v")
    tab.get_by_role("button", name="Start", exact=True).first.click()
    view = guarded.lab.until_reason("Done")
    assert view.replies[0].by == "Ada Lovelace <ada@example.org>"
    tab.get_by_role("button", name="Log out").click()
    tab.goto(guarded.url)
    expect(tab.get_by_label("Password")).to_be_visible()


def test_S7_who_may_only_look_is_shown_nothing_to_press(guarded: House, tab: Page) -> None:
    tab.goto(f"{guarded.url}/projects/v")
    enter(tab, "eve")
    expect(tab.get_by_role("heading", name="History")).to_be_visible()
    expect(tab.get_by_role("button", name="Start", exact=True)).to_have_count(0)
    expect(tab.get_by_role("button", name="Log out")).to_be_visible()
    for path in ("/nodes", "/pipelines/p", "/", "/files"):
        tab.goto(guarded.url + path)
        expect(tab.get_by_role("button", name="Apply to the ticked")).to_have_count(0)
        expect(tab.get_by_role("button", name="Drain")).to_have_count(0)
        expect(tab.get_by_label("Put files here")).not_to_be_visible()


def test_the_login_is_accessible(guarded: House, accessible: Callable[[str, str], list[str]]) -> None:
    assert accessible(f"{guarded.url}/login", "light") + accessible(f"{guarded.url}/login", "dark") == []
