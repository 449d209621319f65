"""Making a project whose recording is put in on the way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from runner.store.digests import of_file
from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

Shot = Callable[[Page, str], None]


@pytest.fixture
def filmed(lab: Callable[..., Lab], house: Callable[[Lab], House]) -> House:
    """A pipeline that takes a video, and one in the pool."""
    here = lab(stage("one"))
    text = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    video = "inputs:\n  video: {type: file, description: the recording}\nstages:\n"
    here.edit({"pipelines/p.yaml": str(text).replace("stages:\n", video)})
    made = house(here)
    pool = here.folder / "n1" / "pool" / "ulm"
    pool.mkdir(parents=True)
    (pool / "morning.mp4").write_bytes(b"film" * 1000)
    return made


def video(made: House, project: str) -> object:
    made.until(lambda: project in made.lab.repository.fetch().projects)
    found = made.lab.view(project).project
    return found and found.inputs["video"]


def test_R1210_R1310_a_recording_is_put_in_where_a_project_is_made(
    filmed: House, tab: Page, tmp_path: Path, shot: Shot, accessible: Callable[[str, str], list[str]]
) -> None:
    film = tmp_path / "DJI 0001.mp4"
    film.write_bytes(bytes(range(256)) * 4096 * 100)
    held: list[Route] = []
    tab.goto(f"{filmed.url}/new")
    tab.route("**/uploads/*", lambda route: held.append(route) if not held else route.continue_())
    tab.get_by_role("textbox", name="Id *").fill("ulm-1")
    tab.get_by_label("folder").fill("ulm/2020")
    tab.get_by_label("or put video in").set_input_files(film)
    row = tab.locator("#uploads li")
    expect(row).to_contain_text("DJI 0001.mp4")
    tab.get_by_role("button", name="Make the project").click()
    expect(tab.get_by_role("status").filter(has_text="as soon as the upload is done")).to_be_visible()
    assert "ulm-1" not in filmed.lab.repository.fetch().projects
    shot(tab, "wizard")
    while not held:
        tab.wait_for_timeout(50)
    held[0].continue_()
    expect(tab.locator("body")).to_contain_text("committed as", timeout=60_000)
    assert video(filmed, "ulm-1") == "ulm/2020/DJI 0001.mp4"
    assert of_file(filmed.lab.folder / "n1" / "pool" / "ulm/2020" / film.name) == of_file(film)
    assert accessible(f"{filmed.url}/new", "light") + accessible(f"{filmed.url}/new", "dark") == []


def test_a_dropped_file_fills_the_field_and_what_is_there_already_is_said(
    filmed: House, tab: Page, tmp_path: Path
) -> None:
    tab.goto(f"{filmed.url}/new")
    drop = """each => {
        const data = new DataTransfer();
        data.items.add(new File(["film"], "evening.mp4"));
        each.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data}));
    }"""
    tab.locator(".drop").evaluate(drop)
    expect(tab.get_by_role("combobox", name="video")).to_have_value("evening.mp4")
    tab.locator(".drop").evaluate(drop)
    expect(tab.locator("#uploads li.bad")).to_contain_text("is there already")


def test_the_pool_is_offered_while_somebody_types(filmed: House, tab: Page) -> None:
    tab.goto(f"{filmed.url}/new")
    offered = tab.locator("#films option")
    expect(offered).to_have_count(1)
    tab.get_by_role("combobox", name="video").press_sequentially("evening")
    expect(offered).to_have_count(0)
    tab.get_by_role("combobox", name="video").fill("MORNING")
    expect(offered).to_have_attribute("value", "ulm/morning.mp4")


def test_R4_without_a_script_a_project_is_made_all_the_same(filmed: House, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{filmed.url}/new")
    expect(page.get_by_label("or put video in")).not_to_be_visible()
    page.get_by_role("textbox", name="Id *").fill("plain")
    page.get_by_role("combobox", name="video").fill("ulm/morning.mp4")
    page.get_by_role("button", name="Make the project").click()
    expect(page.locator("body")).to_contain_text("committed as")
    context.close()
    assert video(filmed, "plain") == "ulm/morning.mp4"
