"""What a page shows of stages on other nodes while they run."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage
from tests.integration.node.test_peers import Fleet, free_port

SAYS = "open(os.environ['WINSLOW_PROGRESS'], 'w').write('40'); time.sleep(600)"


class Pair(House):
    """The page is that of `n1`; the stage runs on `n2`."""

    def __init__(self, lab: Lab, fleet: Fleet) -> None:
        self.lab, self.fleet = lab, fleet
        for name in ("n1", "n2"):
            fleet.start(name)
        lab.until(lambda _: len(lab.repository.fetch().inventories) == 2)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.page = self._page()
        self.until(self._answers)


@pytest.fixture
def pair(lab: Callable[..., Lab]) -> Iterator[Pair]:
    here = lab(stage("one", SAYS, node="{labels: [n2]}"), lost_after="60s")
    fleet = Fleet(here)
    made = Pair(here, fleet)
    yield made
    made.close()
    fleet.close()


def test_R2_progress_of_a_stage_on_another_node_is_shown_and_vanishes_with_the_node(pair: Pair, tab: Page) -> None:
    pair.lab.ask("request: start")
    pair.lab.until(lambda view: bool(view.executions) and view.executions[0].state == "running")
    tab.goto(pair.url)
    bar = tab.locator("#row-v progress")
    expect(bar).to_have_attribute("value", "40.0")
    expect(tab.locator("#row-v")).to_contain_text("left", timeout=30_000)
    tab.goto(f"{pair.url}/nodes")
    expect(tab.get_by_role("progressbar", name="progress of one")).to_be_visible()
    tab.goto(pair.url)
    pair.fleet.end("n2")
    expect(bar).to_have_count(0, timeout=60_000)
    expect(tab.locator("#row-v")).to_contain_text("running")


def test_R1310_the_page_says_on_which_nodes_a_file_of_the_pool_lies(pair: Pair, tab: Page) -> None:
    for name, files in (("n1", ["in/both.mp4"]), ("n2", ["in/both.mp4", "in/there.mp4", "far/only.mp4"])):
        for file in files:
            place = pair.lab.folder / name / "pool" / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("frames")
    tab.goto(f"{pair.url}/files")
    lies = tab.locator("#pools")
    expect(lies.get_by_role("row", name="far/")).to_contain_text("n2")
    tab.goto(f"{pair.url}/files/in")
    expect(lies.get_by_role("row", name="both.mp4")).to_contain_text("n1 n2")
    expect(lies.get_by_role("row", name="there.mp4")).to_contain_text("n2")
    expect(tab.locator("#files")).not_to_contain_text("there.mp4")
    said = tab.request.get(f"{pair.url}/files/far")
    assert (said.status, "there is no &#39;far&#39;" in said.text(), "/pools/far" in said.text()) == (404, True, True)
    assert "only.mp4" in tab.request.get(f"{pair.url}/pools/far").text()
    tab.goto(f"{pair.url}/files/in/both.mp4")
    expect(lies).to_contain_text("n1 n2")


def test_R2_the_course_of_another_nodes_load_is_there_at_the_first_paint(pair: Pair, tab: Page) -> None:
    def measured() -> bool:
        return "<svg" in tab.request.get(f"{pair.url}/nodes/n2").text()

    pair.until(measured)
    painted = tab.request.get(f"{pair.url}/nodes").text().partition('href="/nodes/n2"')[2]
    assert "cpu of the last hour" in painted
    tab.goto(f"{pair.url}/nodes/n2")
    expect(tab.get_by_text("CPU and memory")).to_be_visible()
    expect(tab.get_by_role("navigation", name="Span of time")).to_be_visible()
