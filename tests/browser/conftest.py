"""The page in a real browser: Debian's Chromium, without a window."""

import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.browser import axe
from tests.browser.house import ROOT, WAIT, House
from tests.integration.conftest import lab  # noqa: F401  (a fixture)
from tests.integration.node.lab import Lab

expect.set_options(timeout=WAIT)
SHOTS = Path(os.environ.get("WINSLOW_SCREENSHOTS") or ROOT / ".screenshots")
EXPECTED = re.compile(
    r"the server responded with a status of (401|409|422|503)|ERR_CONNECTION_(REFUSED|RESET)|ERR_INCOMPLETE_CHUNKED"
    r"|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED"
    r"|^Fetch API cannot load http://127\.0\.0\.1:\d+/projects/v\. Refused to connect because it violates"
    r"|^\[object Event\]$|^Connecting to 'http://127\.0\.0\.1:|^htmx:(afterRequest|sendError), "
    # A renewal whose answer comes late (a test's script holds the page for long, or the machine is busy) is asked again
    # by `stream.js`, so the line that htmx writes about it is no fault of the page.
    r"|^htmx:timeout, \[object HTML\w+Element\]$"
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def house(lab: Callable[..., Lab]) -> Iterator[Callable[[Lab], House]]:  # noqa: F811
    """Makes a house of a lab, and leaves nothing of it running."""
    houses: list[House] = []

    def make(here: Lab) -> House:
        houses.append(House(here))
        return houses[-1]

    yield make
    for each in houses:
        each.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """One tab. A refused script or style, and an error in a script, fail the test."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.search(message.text):
            complaints.append(message.text)

    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert not complaints


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps a picture of the whole page among the artefacts of a build."""

    def take(page: Page, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=True)

    return take


@pytest.fixture(scope="session")
def axe_script() -> str:
    return axe.script()


@pytest.fixture
def accessible(browser: Browser, axe_script: str) -> Callable[[str, str], list[str]]:
    """What axe finds serious at an address, in a scheme of colours; empty is good."""

    def check(url: str, scheme: str) -> list[str]:
        context = browser.new_context(bypass_csp=True, color_scheme="dark" if scheme == "dark" else "light")
        page = context.new_page()
        page.goto(url)
        page.add_script_tag(content=axe_script)
        found = page.evaluate("async () => (await axe.run()).violations")
        context.close()
        return [
            f"{each['id']}: {node['html'][:200]} ({node.get('failureSummary', '')[:300]})"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"][:3]
        ]

    return check


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells what the page said of itself, and what its process and the node wrote."""
    report = yield
    if report.when == "call" and report.failed:
        shown = [each for each in item.funcargs.values() if isinstance(each, Page)]
        said = [f"{page.url}: {page.locator('.age').all_inner_texts()}" for page in shown]
        logs = sorted(item.funcargs["tmp_path"].rglob("*.log")) if "tmp_path" in item.funcargs else []
        report.sections.append(("page", "\n".join(said)))
        report.sections += [(str(log), log.read_text(errors="replace")[-3000:]) for log in logs]
    return report
