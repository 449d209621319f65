"""The page behind each proxy that the documents tell how to set up, with https."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from schema.execution import State
from tests.browser.house import WAIT, House
from tests.integration.node.lab import Lab, stage
from tests.servers.doors import PROXIES, certificate, door
from tests.servers.programs import free_port
from webui.access.users import Users

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
WORDS = "correct horse battery"
GO = "[time.sleep(0.02) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]; print('last words')"
LARGE = 3 * 1024 * 1024


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    yield page
    context.close()


@pytest.mark.parametrize("name", PROXIES)
def test_B7_behind_each_documented_proxy_people_log_in_upload_and_watch_a_log_over_a_restart(
    lab: Labs, house: Houses, visitor: Page, tmp_path: Path, name: str
) -> None:
    here, port = lab(stage("one", f"print('first words', flush=True); {GO}")), free_port()
    own = here.folder / "n1" / "web"
    own.mkdir(parents=True, mode=0o700)
    (own / "web.yaml").write_text(f"url: https://localhost:{port}\n")
    Users(own).put("ada", "ada@example.org", "Ada Lovelace", WORDS)
    made = house(here)
    here.ask("request: start")
    here.until_state(State.RUNNING)
    doors = tmp_path / "doors"
    doors.mkdir()
    certificate(doors)
    with door(name, doors, port, made.port):
        made.until(lambda: visitor.goto(f"https://localhost:{port}/files").status == 200)  # type: ignore[union-attr]
        visitor.get_by_label("Name").fill("ada")
        visitor.get_by_label("Password").fill(WORDS)
        visitor.get_by_role("button", name="Log in").click()
        expect(visitor.locator("body")).to_contain_text("Ada Lovelace")
        (tmp_path / "large.bin").write_bytes(os.urandom(LARGE))
        expect(visitor.locator("#drop input[type=file]")).to_be_enabled()
        visitor.locator("#drop input[type=file]").set_input_files(tmp_path / "large.bin")
        expect(visitor.locator(".uploads .good")).to_contain_text("done")
        visitor.goto(f"https://localhost:{port}/projects/v/1")
        expect(visitor.locator(".age")).to_have_text("live")
        expect(visitor.locator("#logbook .tx", has_text="first words")).to_be_attached()
        made.restart_page()
        Path(f"{here.runs}.go").touch()
        expect(visitor.locator("#logbook .tx", has_text="last words")).to_be_attached()
        expect(visitor.locator(".age")).to_have_text("live")
        expect(visitor.locator("#facts .state").first).to_have_text("succeeded")
    assert (here.folder / "n1" / "pool" / "large.bin").stat().st_size == LARGE
