"""Files in a real browser: uploads with a bar, which go on after the server was restarted."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from runner.store.digests import of_file
from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]


def test_R1310_F24_an_upload_goes_on_after_the_server_was_restarted(
    lab: Labs, house: Houses, tab: Page, tmp_path: Path, shot: Callable[[Page, str], None]
) -> None:
    made = house(lab(stage("one")))
    film = tmp_path / "ulm crossing.mp4"
    film.write_bytes(bytes(range(256)) * 4096 * 150)
    tab.goto(f"{made.url}/files")
    tab.route("**/uploads/**", lambda route: route.continue_())
    tab.get_by_label("Put files here").set_input_files(film)
    row = tab.locator(".uploads li")
    expect(row).to_contain_text("of 150 MiB")
    made.restart_page()
    shot(tab, "upload")
    expect(row).to_contain_text("done", timeout=60_000)
    expect(tab.locator("#files")).to_contain_text("ulm crossing.mp4")
    assert of_file(made.lab.folder / "n1" / "pool" / film.name) == of_file(film)


def test_R1340_what_an_execution_left_is_looked_at(
    lab: Labs, house: Houses, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    table = "open('speeds.csv', 'w').write('car,speed\\\\n1,50\\\\n2,61\\\\n')"
    made = house(lab(stage("one", table)))
    made.lab.ask("request: start")
    made.lab.until_reason("Done")
    tab.goto(f"{made.url}/projects/v/1")
    tab.get_by_role("link", name="look at its files").click()
    tab.get_by_role("link", name="speeds.csv").click()
    expect(tab.get_by_role("cell", name="61")).to_be_visible()
    shot(tab, "table")
    with tab.expect_download() as got:
        tab.get_by_role("link", name="download").click()
    assert Path(got.value.path()).read_text().startswith("car,speed")
