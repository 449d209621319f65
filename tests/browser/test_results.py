"""What a project came to stands on top of its page, and nothing that a program wrote reaches beyond its frame."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.browser.test_page import WIDER
from tests.integration.node.lab import Lab

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
REPORT = """<h1>Traffic</h1><p id=said>not drawn</p><img src=x.png><script>
document.getElementById('said').textContent = 'drawn by a script';
try { parent.document.title = 'taken over'; } catch {}
try { document.cookie = 'a=b'; } catch { document.body.dataset.alone = '1'; }
fetch('/projects/v').then(() => { document.body.dataset.reached = '1'; }, () => { document.body.dataset.kept = '1'; });
</script>"""
STAGE = f"""name: p
stages:
  - name: one
    image: host/python
    command:
      - python
      - -c
      - |
        import os
        where = os.environ["WINSLOW_WORKSPACE"]
        open(where + "/report.html", "w").write({REPORT!r})
        open(where + "/counts.csv", "w").write("hour,cars\\n8,11980\\n9,700\\n")
        open(os.environ["WINSLOW_RESULT"], "w").write("cars=11980\\n")
    artifacts: {{paths: [report.html, counts.csv]}}
    show: [report.html, counts.csv]
"""


@pytest.fixture
def reported(lab: Labs, house: Houses) -> House:
    here = lab("")
    here.edit({"pipelines/p.yaml": STAGE})
    made = house(here)
    here.ask("request: start")
    here.until_reason("Done")
    return made


def test_a_finished_project_shows_its_report_in_a_frame_that_it_cannot_leave(
    reported: House, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    tab.goto(f"{reported.url}/projects/v")
    frame = tab.frame_locator("#results iframe")
    expect(frame.locator("#said")).to_have_text("drawn by a script")
    expect(frame.locator("body[data-kept][data-alone]")).to_be_attached()
    assert "taken over" not in tab.title()
    expect(tab.locator("#results table")).to_contain_text("11980")
    for width in (390, 1280):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(WIDER) == []
        shot(tab, f"results-{width}")


def test_two_executions_are_compared_side_by_side_and_nothing_is_cut_off(
    reported: House, tab: Page, shot: Callable[[Page, str], None]
) -> None:
    reported.lab.ask("request: start\nfresh: true")
    reported.lab.until(lambda view: len([each for each in view.executions if each.state.ended]) == 2)
    reported.until(lambda: reported.lab.view().executions[-1].state.ended)
    for width in (390, 1280, 1920):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(f"{reported.url}/projects/v/compare/1/2")
        expect(tab.locator("iframe.report")).to_have_count(2)
        assert tab.evaluate(
            "document.querySelector('.wide').scrollWidth <= document.querySelector('.wide').clientWidth"
        )
        shot(tab, f"compare-{width}")
