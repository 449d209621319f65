"""The page behind each proxy that the documents tell how to set up, with https."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from schema.execution import State
from tests.browser.house import WAIT, House, WholeNode
from tests.integration.node.lab import Lab, stage
from tests.servers.doors import PROXIES, certificate, door, inner_door
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


class Behind:
    """A lab whose page people reach by https at `url`, through what stands before it."""

    def __init__(self, lab: Labs, tmp_path: Path) -> None:
        self.lab = lab(stage("one", f"print('first words', flush=True); {GO}"))
        self.port, self.folder = free_port(), tmp_path / "doors"
        self.url = f"https://localhost:{self.port}"
        own = self.lab.folder / "n1" / "web"
        own.mkdir(parents=True, mode=0o700)
        (own / "web.yaml").write_text(f"url: {self.url}\n")
        Users(own).put("ada", "ada@example.org", "Ada Lovelace", WORDS)
        self.folder.mkdir()
        certificate(self.folder)

    def log_in(self, visitor: Page) -> None:
        found: list[Response | None] = []
        while not (found and found[-1] and found[-1].status == 200):
            found.append(visitor.goto(f"{self.url}/files"))
        visitor.get_by_label("Name").fill("ada")
        visitor.get_by_label("Password").fill(WORDS)
        visitor.get_by_role("button", name="Log in").click()
        expect(visitor.locator("body")).to_contain_text("Ada Lovelace")

    def upload(self, visitor: Page) -> None:
        (self.folder / "large.bin").write_bytes(os.urandom(LARGE))
        expect(visitor.locator("#drop input[type=file]")).to_be_enabled()
        visitor.locator("#drop input[type=file]").set_input_files(self.folder / "large.bin")
        expect(visitor.locator(".uploads .good")).to_contain_text("done")
        assert (self.lab.folder / "n1" / "pool" / "large.bin").stat().st_size == LARGE

    def watch(self, visitor: Page) -> None:
        visitor.goto(f"{self.url}/projects/v/1")
        expect(visitor.locator(".age")).to_have_text("live")
        expect(visitor.locator("#logbook .tx", has_text="first words")).to_be_attached()

    def to_the_end(self, visitor: Page) -> None:
        Path(f"{self.lab.runs}.go").touch()
        expect(visitor.locator("#logbook .tx", has_text="last words")).to_be_attached()
        expect(visitor.locator(".age")).to_have_text("live")
        expect(visitor.locator("#facts .state").first).to_have_text("succeeded")


@pytest.mark.parametrize("name", PROXIES)
def test_B7_behind_each_documented_proxy_people_log_in_upload_and_watch_a_log_over_a_restart(
    lab: Labs, house: Houses, visitor: Page, tmp_path: Path, name: str
) -> None:
    behind = Behind(lab, tmp_path)
    made = house(behind.lab)
    behind.lab.ask("request: start")
    behind.lab.until_state(State.RUNNING)
    with door(name, behind.folder, behind.port, made.port):
        behind.log_in(visitor)
        behind.upload(visitor)
        behind.watch(visitor)
        made.restart_page()
        behind.to_the_end(visitor)


@pytest.mark.parametrize("name", PROXIES)
def test_B7_a_live_log_goes_on_over_a_restart_of_the_node_and_its_page(
    lab: Labs, visitor: Page, tmp_path: Path, name: str
) -> None:
    behind, port = Behind(lab, tmp_path), free_port()
    node = WholeNode(behind.lab, port)
    try:
        behind.lab.ask("request: start")
        behind.lab.until_state(State.RUNNING)
        with door(name, behind.folder, behind.port, port):
            behind.log_in(visitor)
            behind.watch(visitor)
            node.restart()
            behind.to_the_end(visitor)
    finally:
        node.end()


@pytest.mark.parametrize("holds_back", [False, True])
def test_B7_behind_two_nginx_all_is_live_or_the_page_says_that_it_is_not(
    lab: Labs, house: Houses, visitor: Page, tmp_path: Path, holds_back: bool
) -> None:
    """The one that people reach learns nothing of X-Accel-Buffering: the one behind it has kept that to itself."""
    behind, middle = Behind(lab, tmp_path), free_port()
    made = house(behind.lab)
    behind.lab.ask("request: start")
    behind.lab.until_state(State.RUNNING)
    (behind.folder / "inner").mkdir()
    held = {
        "proxy_buffering off;": "proxy_buffering on;",
        " ssl http2;": " ssl;",
    }  # over HTTP/2 it passes all on at once
    changed = held if holds_back else {}
    with (
        inner_door(behind.folder / "inner", middle, made.port),
        door("nginx", behind.folder, behind.port, middle, changed),
    ):
        behind.log_in(visitor)
        if holds_back:
            visitor.goto(f"{behind.url}/projects/v")
            expect(visitor.locator(".age")).to_contain_text("not connected")
        else:
            behind.watch(visitor)
            behind.to_the_end(visitor)


def test_B7_where_a_proxy_takes_no_large_pieces_an_upload_goes_on_in_smaller_ones(
    lab: Labs, house: Houses, visitor: Page, tmp_path: Path
) -> None:
    behind = Behind(lab, tmp_path)
    made = house(behind.lab)
    answers: list[int] = []
    visitor.on("response", lambda found: answers.append(found.status) if "/uploads" in found.url else None)
    small = {"client_max_body_size 64m;": "client_max_body_size 300k;"}
    with door("nginx", behind.folder, behind.port, made.port, small):
        behind.log_in(visitor)
        behind.upload(visitor)
    assert answers.count(413) > 1
    assert answers.count(204) >= LARGE // (300 * 1024)
