"""Only our own answers become part of the page, whatever stands between it and the browser."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.house import House
from tests.browser.test_login import enter
from tests.integration.node.lab import Lab, stage
from webui.access.users import Users

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
FOREIGN = "<main><h1>Corporate login</h1><img src=x onerror='window.hit = true'></main>"


@pytest.fixture
def shown(lab: Labs, house: Houses, tab: Page) -> House:
    made = house(lab(stage("one")))
    tab.goto(made.url)
    expect(tab.locator("#row-v")).to_be_visible()
    return made


def find(tab: Page, text: str) -> None:
    """Asks for a part of the page by htmx."""
    tab.get_by_label("Find").fill(text)


def foreign(status: int = 200, kind: str = "text/html") -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, content_type=kind, body=FOREIGN)


ANSWERS = (
    (200, "text/html", "Something else than Winslow answered"),
    (503, "text/html", "Something else than Winslow answered"),
    (200, "text/plain", "Something else than Winslow answered"),
    (503, "text/plain", "Corporate login"),
    (200, "application/json", "Something else than Winslow answered"),
)


def test_S6_what_is_not_our_html_stays_out(shown: House, tab: Page) -> None:
    for number, (status, kind, said) in enumerate(ANSWERS):
        tab.route(f"**/?q=foreign-{number}*", foreign(status, kind))
        find(tab, f"foreign-{number}")
        expect(tab.locator("main > #answered")).to_contain_text(said)
        expect(tab.locator("#row-v")).to_be_visible()
        assert tab.get_by_role("heading", name="Corporate login").count() == tab.locator("img[src=x]").count() == 0
        find(tab, "v")
        expect(tab.locator("#answered")).to_have_count(0)
    find(tab, "nothing like this")
    expect(tab.locator("#row-v")).to_have_count(0)


class Login(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(FOREIGN.encode())

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A login on another host."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Login) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("same", [True, False])
def test_S7_where_a_proxy_sends_to_its_login_the_whole_page_goes(
    shown: House, tab: Page, elsewhere: str, same: bool
) -> None:
    to = f"{shown.url}/healthz" if same else elsewhere
    tab.route(
        lambda url: url.startswith(f"{shown.url}/?q=") or url == f"{shown.url}/",
        lambda route: route.fulfill(status=302, headers={"Location": to}),
    )
    find(tab, "zzz")
    tab.wait_for_url(to)
    expect(tab.locator("body")).to_contain_text('"ok":true' if same else "Corporate login")


def asking(lab: Labs, house: Houses) -> House:
    """A page with a login, of a project whose second stage asks for a note."""
    here = lab(stage("one") + "  - {name: look, when: manual, confirm: Good?, inputs: {note: {type: string}}}\n")
    made = house(here)
    Users(here.folder / "n1" / "web").put("ada", "ada@example.org", "Ada Lovelace", "correct horse battery")
    here.ask("request: start")
    here.until_reason("ManualApproval")
    return made


def test_S7_who_types_when_a_login_ends_loses_nothing(lab: Labs, house: Houses, tab: Page) -> None:
    made = asking(lab, house)
    tab.goto(f"{made.url}/projects/v")
    enter(tab, "ada")
    expect(tab.locator("[data-connected=yes]")).to_be_attached()  # from then on news of the project are heard
    tab.get_by_label("note").fill("half a thought")
    tab.context.clear_cookies()
    made.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: Another name\n"})
    expect(tab.get_by_role("alert")).to_contain_text("You have to log in again")
    expect(tab.get_by_label("note")).to_have_value("half a thought")
    tab.get_by_label("note").fill("")
    made.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: A third\n"})
    expect(tab.get_by_label("Password")).to_be_visible()
    assert "next=/projects/v" in tab.url


def test_S7_a_stream_that_is_refused_tells_that_the_login_has_ended(lab: Labs, house: Houses, tab: Page) -> None:
    made = asking(lab, house)
    tab.add_init_script("delete window.SharedWorker")  # so that the test can stand between
    tab.goto(f"{made.url}/projects/v")
    tab.route(lambda url: "/events" in url, lambda route: route.fulfill(status=401))
    enter(tab, "ada")
    tab.get_by_label("note").fill("half a thought")
    tab.context.clear_cookies()
    expect(tab.get_by_role("alert")).to_contain_text("You have to log in again")
    expect(tab.get_by_label("note")).to_have_value("half a thought")
