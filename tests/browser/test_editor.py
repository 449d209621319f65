"""The text of a pipeline in an editor that completes, explains and marks what is wrong."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from schema.published import schema
from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

TEXT = """name: p
description: counts
inputs:
  video: {type: file}
stages:
  - name: detect
    image: host/x
    command: [echo, hi]
    resources: {cpus: 2, gpus: 0}
  - name: merge
    image: host/x
    needs: [detect]
"""
PLACES = [
    ("", [], False),
    ("na", [], False),
    ("description: ", ["description"], True),
    ("stages:\n  - ", ["stages", "[]"], False),
    ("stages:\n- name: a\n  im", ["stages", "[]"], False),
    ("stages:\n  - name: a\n    ", ["stages", "[]"], False),
    ("stages:\n  - name: a\n    when: ", ["stages", "[]", "when"], True),
    ("stages:\n  - name: a\n    resources:\n      c", ["stages", "[]", "resources"], False),
    ("stages:\n  - {name: a, im", ["stages", "[]"], False),
    ("stages:\n  - {name: a, resources: {cpus: 2}, ", ["stages", "[]"], False),
    ("stages:\n  - {name: 'a, {b', when: ", ["stages", "[]", "when"], True),
    ("stages:\n  - name: a\n    needs: [", ["stages", "[]", "needs", "[]"], True),
    ("stages:\n  - name: a\n    command:\n      - |\n        x: {", ["stages", "[]", "command", "[]"], True),
    ("stages:\n  - name: a # {\n    # x: y\n  - name: b\nde", [], False),
    ("inputs:\n  video: {type: file}\n  ", ["inputs"], False),
    ("inputs:\n  video: {ty", ["inputs", "video"], False),
]


@pytest.fixture
def drafted(lab: Callable[..., Lab], house: Callable[[Lab], House]) -> House:
    here = lab(stage("one"))
    here.edit({"pipelines/p.yaml": TEXT})
    return house(here)


def saved(made: House) -> str:
    made.lab.repository.fetch()
    return str(made.lab.repository.read_main("pipelines/p.yaml"))


def opened(tab: Page, made: House) -> None:
    tab.goto(f"{made.url}/pipelines/p/edit")
    expect(tab.get_by_role("textbox", name="Definition")).to_be_visible()
    expect(tab.locator("#explained")).to_contain_text("name: ")


def at(tab: Page, text: str) -> None:
    """The cursor behind the first place where this stands."""
    tab.get_by_role("textbox", name="Definition").focus()
    tab.keyboard.press("Control+Home")
    line, _, column = TEXT[: TEXT.index(text) + len(text)].rpartition("\n")
    for _ in range(line.count("\n") + 1 if line else 0):
        tab.keyboard.press("ArrowDown")
    tab.keyboard.press("End" if TEXT[TEXT.index(text) + len(text)] == "\n" else "Home")
    assert column or text


def options(tab: Page) -> list[str]:
    expect(tab.get_by_role("option").first).to_be_visible()
    return [each.split("\n")[0] for each in tab.locator(".cm-completionLabel").all_inner_texts()]


def offered(tab: Page, first: str) -> None:
    """The list follows what is typed, and what is pressed too soon is a line's end."""
    expect(tab.locator(".cm-completionLabel").first).to_have_text(first)


@pytest.mark.parametrize(("before", "path", "value"), PLACES)
def test_P6_a_place_is_found_in_a_text_that_is_not_finished(
    browser: Browser, before: str, path: list[str], value: bool
) -> None:
    page = browser.new_page()
    page.add_script_tag(path="webui/static/editor.js")
    found = page.evaluate("before => placeIn(before)", before)
    page.close()
    assert (found["path"], found["value"]) == (path, value)


def test_P6_fields_are_completed_with_their_meaning_and_values_with_what_is_permitted(
    drafted: House, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    opened(tab, drafted)
    at(tab, "gpus: 0}")
    tab.keyboard.press("Enter")
    tab.keyboard.type("tim")
    offered(tab, "timeout")
    shot(tab, "editor-completes")
    words = schema("pipeline")["$defs"]["Stage"]["properties"]["timeout"]["description"]
    expect(tab.locator(".cm-completionInfo")).to_contain_text(words)
    tab.keyboard.press("Enter")
    tab.keyboard.type("5m")
    expect(tab.locator("#text")).to_have_value(TEXT.replace("0}\n", "0}\n    timeout: 5m\n"))
    tab.keyboard.press("Enter")
    tab.keyboard.type("when: ")
    tab.keyboard.press("Control+Space")
    assert set(options(tab)) == {"on_success", "manual", "manual_once", "always", "on_failure"}
    tab.keyboard.type("alw")
    offered(tab, "always")
    tab.keyboard.press("Enter")
    expect(tab.locator("#text")).to_have_value(TEXT.replace("0}\n", "0}\n    timeout: 5m\n    when: always\n"))
    expect(tab.locator("#draft")).to_contain_text("changed: stage detect")


def test_P6_a_field_is_explained_at_the_cursor_and_at_the_pointer(drafted: House, tab: Page) -> None:
    opened(tab, drafted)
    at(tab, "[echo, hi]")
    words = schema("pipeline")["$defs"]["Stage"]["properties"]["command"]["description"]
    expect(tab.locator("#explained")).to_contain_text(f"stages › command: {words}")
    tab.locator(".cm-line", has_text="image: host/x").first.get_by_text("image").hover()
    image = schema("pipeline")["$defs"]["Stage"]["properties"]["image"]["description"]
    expect(tab.locator(".said")).to_contain_text(image)


def test_P6_mistakes_are_marked_where_validate_finds_them_and_the_plan_comes_before_the_commit(
    drafted: House, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    opened(tab, drafted)
    at(tab, "needs: [detect]")
    for _ in range(len("detect]")):
        tab.keyboard.press("Backspace")
    tab.keyboard.type("detcet]")
    expect(tab.locator("#draft [data-line]", has_text="line 12, column 13")).to_be_visible()
    expect(tab.locator(".cm-lintRange-error")).to_have_text("detcet")
    shot(tab, "editor-marks")
    told = tab.locator(".cm-tooltip", has_text="detcet").first
    for _ in range(20):  # marks that come anew, after a later check of the same text, close what is told of one
        tab.keyboard.press("Control+Home")
        tab.keyboard.press("F8")
        expect(tab.locator("#explained")).to_contain_text("needs")
        if told.is_visible():
            break
        tab.wait_for_timeout(500)
    expect(told).to_be_visible()
    tab.get_by_role("button", name="Save as a commit on main").click()
    expect(tab.locator("#draft [data-line]")).to_contain_text("detcet")
    assert saved(drafted) == TEXT
    at(tab, "needs: [detect]")
    tab.keyboard.press("Shift+Home")
    tab.keyboard.type("needs: [detect]")
    at(tab, "[echo, hi]")
    tab.keyboard.press("Backspace")
    tab.keyboard.press("Backspace")
    tab.keyboard.type("o]")
    expect(tab.locator("#draft")).to_contain_text("changed: stage detect")
    expect(tab.get_by_role("img", name="2 stages: detect, merge after detect")).to_be_visible()
    tab.get_by_role("button", name="Save as a commit on main").click()
    expect(tab.get_by_role("status").filter(has_text="committed as")).to_be_visible()
    assert "echo, ho" in saved(drafted)


def test_P6_nothing_that_axe_finds_and_a_plain_text_area_without_a_script(
    drafted: House, browser: Browser, accessible: Callable[[str, str], list[str]]
) -> None:
    address = f"{drafted.url}/pipelines/p/edit"
    assert accessible(address, "light") + accessible(address, "dark") == []
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.get_by_label("Definition").fill(TEXT.replace("echo, hi", "echo, plain"))
    page.get_by_role("button", name="Save as a commit on main").click()
    expect(page.get_by_role("status").filter(has_text="committed as")).to_be_visible()
    context.close()


def test_P6_a_form_shows_what_would_change_and_hands_its_text_to_the_editor(
    drafted: House, tab: Page, shot: Callable[[Page, str], None], accessible: Callable[[str, str], list[str]]
) -> None:
    address = f"{drafted.url}/pipelines/p/edit?view=form"
    tab.goto(address)
    stage = tab.get_by_role("group", name="Stage detect")
    stage.get_by_label("image").fill("host/y")
    expect(tab.locator("#draft")).to_contain_text("changed: stage detect")
    stage.get_by_label("image").press("Enter")
    expect(tab.get_by_role("group", name="Stage detect").get_by_label("image")).to_have_value("host/y")
    assert saved(drafted) == TEXT
    shot(tab, "pipeline-form")
    tab.get_by_role("button", name="Edit as a text").click()
    expect(tab.get_by_role("textbox", name="Definition")).to_contain_text("image: host/y")
    expect(tab.locator("#text")).to_have_value(TEXT.replace("host/x", "host/y", 1))
    assert accessible(address, "light") + accessible(address, "dark") == []
