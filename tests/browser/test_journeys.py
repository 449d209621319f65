"""What researchers do in a day, in a real browser, with pictures kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from schema.execution import State
from tests.browser.house import House
from tests.integration.cli.command import Command
from tests.integration.cli.conftest import command  # noqa: F401
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
Shot = Callable[[Page, str], None]
Commands = Callable[[Lab], Command]
PICTURE = (
    "import struct, zlib; pack = struct.pack; v = int(float(os.environ['INPUT_THRESHOLD']) * 255); "
    "part = lambda k, d: pack('>I', len(d)) + k + d + pack('>I', zlib.crc32(k + d)); "
    "head = part(b'IHDR', pack('>IIBBBBB', 64, 64, 8, 0, 0, 0, 0)); "
    "grey = part(b'IDAT', zlib.compress((bytes([0]) + bytes([v]) * 64) * 64)); "
    "open('p.png', 'wb').write(bytes([137, 80, 78, 71, 13, 10, 26, 10]) + head + grey + part(b'IEND', b'')); "
    "print('threshold', v); open('m.json', 'w').write(chr(123) + chr(34) + 'cars' + chr(34) + ': ' + str(v) + chr(125))"
)
HEAD = """inputs:
  threshold: {type: number, default: 0.5, min: 0, max: 1}
  video: {type: file, optional: true}
stages:
"""
GATE = """  - name: review
    when: manual
    confirm: Good enough?
    inputs: {keep: {type: boolean}, note: {type: string, optional: true}}
"""


@pytest.fixture
def traffic(lab: Labs, house: Houses) -> House:
    here = lab(
        stage("detect", PICTURE, artifacts="{paths: [p.png], reports: {metrics: m.json}}", show="[p.png]")
        + GATE
        + stage("track", "print('tracked')")
    )
    text = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    here.edit({"pipelines/p.yaml": str(text).replace("stages:\n", HEAD)})
    return house(here)


def test_R1210_R1310_R2_a_project_is_made_its_video_put_in_and_watched_while_it_runs(
    traffic: House, tab: Page, tmp_path: Path, shot: Shot
) -> None:
    film = tmp_path / "ulm.mp4"
    film.write_bytes(b"film" * 100_000)
    tab.goto(f"{traffic.url}/files")
    tab.get_by_label("Put files here").set_input_files(film)
    expect(tab.locator("#files")).to_contain_text("ulm.mp4")
    tab.goto(traffic.url)
    tab.get_by_role("link", name="New project").click()
    tab.get_by_role("textbox", name="Id *").fill("ulm-1")
    expect(tab.locator("#id-said")).to_have_text("free")
    tab.get_by_label("Name").fill("Ulm, 8:00")
    tab.get_by_role("combobox", name="video").fill("ulm.mp4")
    shot(tab, "new")
    tab.get_by_role("button", name="Make the project").click()
    expect(tab.locator("body")).to_contain_text("committed as")
    tab.goto(traffic.url)
    expect(tab.get_by_role("region", name="needs you").locator("#row-ulm-1")).to_be_visible()
    shot(tab, "overview")
    traffic.lab.edit({"projects/bonn/project.yaml": "pipeline: p\n"})
    expect(tab.locator("#row-bonn")).to_be_visible()


def test_M1_R2_a_manual_stage_is_answered_with_its_pictures_beside_it(traffic: House, tab: Page, shot: Shot) -> None:
    traffic.lab.ask("request: start")
    traffic.lab.until_reason("ManualApproval")
    tab.goto(f"{traffic.url}/projects/v")
    expect(tab.get_by_role("heading", name="Good enough?")).to_be_visible()
    image = tab.locator(".exhibits img")
    expect(image).to_be_visible()
    expect(image).to_have_js_property("naturalWidth", 64)  # once it has arrived
    tab.get_by_label("note").fill("half a thought")
    shot(tab, "answer")
    tab.get_by_role("button", name="Answer").click()
    expect(tab.get_by_role("alert")).to_contain_text("keep")
    expect(tab.get_by_label("note")).to_have_value("half a thought")
    tab.get_by_label("keep").select_option("true")
    tab.get_by_role("button", name="Answer").click()
    reply = traffic.lab.until_reason("Done").replies[-1]
    assert (reply.kind, reply.inputs["keep"], reply.by) == ("answer", True, "Ada Lovelace <ada@example.org>")


def test_a_live_update_takes_nothing_from_somebody_who_types(traffic: House, tab: Page) -> None:
    traffic.lab.ask("request: start")
    traffic.lab.until_reason("ManualApproval")
    tab.goto(f"{traffic.url}/projects/v")
    tab.get_by_label("note").fill("half a thought")
    traffic.lab.edit({"projects/v/project.yaml": "pipeline: p\nname: Another name\n"})
    expect(tab.locator("#head")).to_contain_text("Another name")
    expect(tab.get_by_label("note")).to_have_value("half a thought")


def test_M2_a_stage_is_done_again_with_another_parameter_and_compared(traffic: House, tab: Page, shot: Shot) -> None:
    traffic.lab.ask("request: start")
    traffic.lab.until_reason("ManualApproval")
    tab.goto(f"{traffic.url}/projects/v")
    tab.get_by_role("link", name="redo with…").first.click()
    expect(tab.get_by_label("threshold")).to_have_value("0.5")
    tab.get_by_label("threshold").fill("0.9")
    tab.locator("details.redo").get_by_role("button", name="Start").click()
    history = tab.locator("#history")
    expect(history).to_contain_text("threshold=0.9")
    traffic.lab.until(lambda view: len(view.executions) == 2 and view.executions[-1].state.ended)
    tab.goto(f"{traffic.url}/projects/v")
    shot(tab, "project")
    tab.get_by_role("link", name="compare").first.click()
    expect(tab.locator("main")).to_contain_text("+102")
    expect(tab.locator(".pair img")).to_have_count(2)
    expect(tab.locator(".diff")).to_contain_text("+threshold 229")
    shot(tab, "compare")


def test_R1440_a_running_stage_is_aborted(lab: Labs, house: Houses, tab: Page, shot: Shot) -> None:
    made = house(lab(stage("one", "print('begun', flush=True); time.sleep(600)")))
    tab.goto(f"{made.url}/projects/v")
    tab.get_by_role("button", name="Start", exact=True).first.click()
    tab.get_by_text("Abort…").first.click()
    expect(tab.locator("details.danger[open]").first).to_contain_text("is lost")
    tab.get_by_role("button", name="Abort execution").first.click()
    expect(tab.locator("#head")).to_contain_text("failed")
    expect(tab.locator("#history")).to_contain_text("aborted")
    shot(tab, "aborted")


def test_T7_a_pause_is_seen_while_the_stage_runs_and_undone(lab: Labs, house: Houses, tab: Page, shot: Shot) -> None:
    here = lab(stage("one", UNTIL_TOLD) + stage("two"))
    made = house(here)
    here.ask("request: start")
    here.until_state(State.RUNNING)
    tab.goto(f"{made.url}/projects/v")
    tab.get_by_role("button", name="Pause after this stage").click()
    expect(tab.locator("#head .why")).to_contain_text("pauses after one, asked by Ada Lovelace")
    expect(tab.get_by_role("button", name="Pause after this stage")).to_have_count(0)
    shot(tab, "pausing")
    tab.get_by_role("button", name="Undo the pause").click()
    expect(tab.locator("#head .why")).not_to_contain_text("pauses after")
    expect(tab.get_by_role("button", name="Pause after this stage")).to_be_visible()
    here.go()
    expect(tab.locator("#head .state").first).to_have_text("succeeded")
    assert [run.state for run in here.view().executions] == [State.SUCCEEDED] * 2


def test_T7_a_stage_that_is_reproduced_leaves_the_project_succeeded(
    lab: Labs,
    house: Houses,
    tab: Page,
    command: Commands,  # noqa: F811
) -> None:
    here = lab(stage("one", UNTIL_TOLD) + stage("two"))
    made = house(here)
    here.ask("request: start")
    here.go()
    here.until_reason("Done")
    Path(f"{here.runs}.go").unlink()
    tab.goto(f"{made.url}/projects/v")
    typed = command(here)
    typed.run("reproduce", "v/1", "--no-wait")
    here.until_state(State.RUNNING, 3)
    expect(tab.locator("#head .state").first).to_have_text("running")
    expect(tab.get_by_role("button", name="Undo the pause")).to_have_count(0)
    here.go()
    here.until_state(State.SUCCEEDED, 3)
    expect(tab.locator("#head .state").first).to_have_text("succeeded")
    expect(tab.locator("#history")).not_to_contain_text("stale")
    assert [row["state"] for row in typed.json("ps")] == ["succeeded"]


LATE_NEWS = """() => {
    const ask = window.fetch;
    window.fetch = async (...asked) => {
        const answer = await ask(...asked);
        document.getElementById('head').replaceChildren();
        return answer;
    };
}"""


def test_R1310_a_wish_is_sent_though_news_take_the_place_of_its_form(lab: Labs, house: Houses, tab: Page) -> None:
    """It is asked first whether the server is there, and meanwhile the page may be renewed."""
    made = house(lab(stage("one")))
    tab.goto(f"{made.url}/projects/v")
    tab.evaluate(LATE_NEWS)
    tab.get_by_role("button", name="Start", exact=True).first.click()
    expect(tab.locator("body")).to_contain_text("committed as")


def test_R3_a_node_is_drained_with_a_reason_and_takes_work_again(
    lab: Labs, house: Houses, tab: Page, shot: Shot
) -> None:
    made = house(lab(stage("one")))
    tab.goto(f"{made.url}/nodes")
    tab.get_by_label("Reason").fill("new fans")
    tab.get_by_role("button", name="Drain", exact=True).click()
    made.until(lambda: (node := made.lab.repository.fetch().nodes.get("n1")) is not None and node.drain)
    shot(tab, "nodes")
    made.lab.ask("request: start")
    tab.goto(f"{made.url}/projects/v")
    expect(tab.locator("#head")).to_contain_text("drains")
