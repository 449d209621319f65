"""What a researcher does with many executions of a stage: compares them, asks where they come from, changes files."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.house import WAIT, House
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
Shot = Callable[[Page, str], None]
WORK = (
    "v = float(os.environ['INPUT_SPEED']); "
    "open('loss.csv', 'w').write('n,loss,<b>bold\\\\n' + ''.join(f'{n},{v / (n + 1)},{n}\\\\n' for n in range(50))); "
    "open('m.json', 'w').write(chr(123) + chr(34) + 'error' + chr(34) + ': ' + str(1 / v) + chr(125))"
)
HEAD = "inputs:\n  speed: {type: number, default: 1, min: 0.1, max: 100}\nstages:\n"
REPORTS = "{paths: [loss.csv], reports: {metrics: m.json, charts: [loss.csv]}}"


@pytest.fixture
def study(lab: Labs, house: Houses) -> House:
    here = lab(
        stage("fit", WORK, artifacts=REPORTS)
        + stage("check", "print(sorted(os.listdir('.'))); print(open('loss.csv').read()[:9])")
    )
    text = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    here.edit({"pipelines/p.yaml": str(text).replace("stages:\n", HEAD)})
    return house(here)


@pytest.fixture
def bare(browser: Browser) -> Iterator[Page]:
    """A tab that runs no script."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1000, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    yield page
    context.close()


def run(study: House, count: int) -> None:
    for number in range(count):
        study.lab.ask(f"request: start\nstage: fit\nthen: pause\ninputs: {{speed: {number + 1}}}")
        study.lab.until(
            lambda view, wanted=number + 1: len(view.executions) == wanted and view.executions[-1].state.ended
        )


def test_M2_many_redos_are_short_and_their_metrics_drawn(study: House, tab: Page, shot: Shot) -> None:
    run(study, 12)
    tab.goto(f"{study.url}/projects/v")
    rows = tab.locator("#stage-fit tr:not(.more)")
    expect(rows).to_have_count(8)
    expect(rows.first).to_contain_text("speed=12")
    drawn = tab.get_by_role("img", name="error over 12 executions: from 0.08333 in 12 to 1 in 1")
    expect(drawn).to_be_visible()
    shot(tab, "redos")
    tab.get_by_role("link", name="4 older").click()
    expect(rows).to_have_count(12)
    study.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: Renamed\n"})
    expect(tab.locator("#head")).to_contain_text("Renamed")
    expect(rows).to_have_count(12)
    tab.get_by_label("Compare execution").fill("4")
    tab.get_by_label("with", exact=True).fill("11")
    tab.get_by_role("button", name="Compare").click()
    expect(tab.locator("table")).to_contain_text("+7")
    expect(tab.locator(".plot")).to_have_count(2)
    expect(tab.locator(".plotted .up").first).to_have_text(tab.locator(".plotted .up").last.inner_text())
    shot(tab, "charts-beside")


def test_M2_S6_a_declared_chart_is_drawn_and_where_it_comes_from_is_told(study: House, tab: Page, shot: Shot) -> None:
    study.lab.ask("request: start\ninputs: {speed: 3}\ncomment: three at once")
    study.lab.until_reason("Done")
    tab.goto(f"{study.url}/projects/v/1")
    expect(tab.get_by_role("img", name="loss.csv: loss 0.06")).to_be_visible()
    expect(tab.locator(".legend")).to_contain_text("<b>bold")
    assert tab.locator("main b").count() == 0
    shot(tab, "execution")
    tab.goto(f"{study.url}/projects/v/2/files/loss.csv")
    tab.get_by_role("link", name="where it comes from").click()
    expect(tab.locator("main")).to_contain_text("was left as it is by execution 1")
    first = tab.locator("#step-1")
    for told in ("three at once", "Ada", "from Ada", "0001-start.yaml", "n1", "blake3:", "claim"):
        expect(first).to_contain_text(told)
    shot(tab, "provenance")


def test_R1310_R1430_the_next_stage_goes_on_with_files_that_were_changed_on_the_page(
    study: House, tab: Page, tmp_path: Path, shot: Shot
) -> None:
    run(study, 1)
    mine = tmp_path / "loss.csv"
    mine.write_text("corrected")

    def offered() -> bool:
        """Once the page's own view has come as far."""
        tab.goto(f"{study.url}/projects/v/1/files")
        return tab.locator("#next").count() == 1

    study.until(offered)
    tab.get_by_label("Put files for the next stage").set_input_files(mine)
    expect(tab.locator("#added li")).to_contain_text("loss.csv")
    tab.get_by_label("without m.json").check()
    shot(tab, "files-changed")
    tab.get_by_role("button", name="Resume with these files").click()
    expect(tab.locator("body")).to_contain_text("committed as")
    record = study.lab.until_reason("Done").executions[-1]
    assert record.stage == "check"
    assert list(record.workspace.add) == ["loss.csv"]
    assert record.workspace.remove == ("m.json",)
    tab.goto(f"{study.url}/projects/v/2")
    expect(tab.locator(".lines")).to_contain_text("corrected")


def test_R2_what_runs_shows_how_far_it_is_and_how_long_it_takes(
    lab: Labs, house: Houses, tab: Page, shot: Shot
) -> None:
    program = "[(open(os.environ['WINSLOW_PROGRESS'], 'w').write(str(40 + n)), time.sleep(1)) for n in range(40)]"
    made = house(lab(stage("long", program)))
    tab.goto(made.url)
    made.lab.ask("request: start")
    row = tab.locator("#row-v")
    expect(row).to_contain_text(re.compile(r"4\d % about \d+ s left"), timeout=30_000)
    expect(row.get_by_role("link", name="n1")).to_be_visible()
    shot(tab, "progress")
    before = row.bounding_box()
    expect(row).to_contain_text(re.compile(r"5\d %"), timeout=30_000)
    assert row.bounding_box() == before
    tab.goto(f"{made.url}/nodes")
    expect(tab.get_by_role("link", name="1 long", exact=True)).to_be_visible()


def test_many_projects_are_found_and_ticked_by_the_keyboard(lab: Labs, house: Houses, tab: Page, shot: Shot) -> None:
    here = lab(stage("one"))
    here.edit({f"projects/site-{n:03d}/project.yaml": "pipeline: p\n" for n in range(130)})
    made = house(here)
    tab.goto(made.url)
    expect(tab.locator(".summary, main")).to_contain_text(["131"])
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.keyboard.press("/")
    tab.keyboard.type("site-04")
    rows = tab.locator("#projects tbody tr")
    expect(rows).to_have_count(10)
    tab.get_by_label("tick all of not started on this page").check()
    expect(tab.locator("#ticked")).to_have_text("10")
    shot(tab, "ticked")
    tab.get_by_role("button", name="Apply to 10 ticked").click()
    expect(tab.locator("body")).to_contain_text("start: 10 of 10 projects")


def test_a_time_grows_older_while_the_page_stays_open(study: House, tab: Page) -> None:
    tab.clock.install()
    run(study, 1)
    tab.goto(f"{study.url}/projects/v")
    when = tab.locator("#stage-fit time")
    expect(when).to_have_text(re.compile(r"^\d+ s ago$"))
    tab.clock.fast_forward(3 * 3600 * 1000)
    expect(when).to_have_text(re.compile(r"^3 h( \d+ min)? ago$"))


def test_R2_R1450_without_a_script_everything_is_read_and_each_form_works(study: House, bare: Page, shot: Shot) -> None:
    run(study, 1)
    bare.goto(study.url)
    bare.get_by_label("Find").fill("nothing like it")
    bare.get_by_role("button", name="Show").click()
    expect(bare.locator("body")).to_contain_text("No project fits")
    bare.goto(study.url)
    bare.get_by_role("link", name="v", exact=True).click()
    bare.locator("details.redo summary").click()
    bare.locator("details.redo").get_by_role("combobox", name="Stage").select_option("fit")
    bare.get_by_label("speed").fill("7")
    bare.locator("details.redo").get_by_role("button", name="Start").click()
    expect(bare.locator("body")).to_contain_text("committed as")
    study.lab.until_reason("Done")
    bare.goto(f"{study.url}/projects/v/2")
    expect(bare.locator(".plot")).to_be_visible()
    bare.goto(f"{study.url}/projects/v/3")
    expect(bare.locator(".lines")).to_contain_text("loss.csv")
    shot(bare, "no-script")
    bare.goto(f"{study.url}/projects/v/2/files")
    bare.get_by_label("without m.json").check()
    bare.get_by_role("combobox", name="Stage").select_option("check")
    bare.get_by_role("button", name="Start from the stage").click()
    expect(bare.locator("body")).to_contain_text("committed as")
    assert study.lab.until(lambda view: len(view.executions) == 4).executions[-1].workspace.remove == ("m.json",)
    bare.goto(f"{study.url}/nodes")
    bare.get_by_label("Reason").fill("fans")
    bare.get_by_role("button", name="Drain").click()
    expect(bare.locator("body")).to_contain_text("drain")
    bare.goto(f"{study.url}/history?event=claim")
    expect(bare.locator("#history tbody tr")).to_have_count(4)
