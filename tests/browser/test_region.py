"""A region drawn on a picture reaches the program as the same numbers, and is shown again."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.browser.test_page import WIDER
from tests.integration.node.lab import Lab

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
STILL = """
import os, struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\\0" + bytes((60, 70, 90)) * 640 for _ in range(400))
head = struct.pack(">IIBBBBB", 640, 400, 8, 2, 0, 0, 0)
body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
open(os.environ["WINSLOW_WORKSPACE"] + "/frame.png", "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + body)
"""
COUNT = """
import json, os
print("lanes", json.dumps(json.loads(os.environ["LANES"])["shapes"]))
"""


def _stage(name: str, program: str) -> str:
    code = program.replace("\n", "\n        ")
    return f"  - name: {name}\n    image: host/python\n    command:\n      - python\n      - -c\n      - |{code}\n"


@pytest.fixture
def asked(lab: Labs, house: Houses) -> House:
    """A project whose gate asks for lanes on the picture that the stage before it left."""
    here = lab("")
    gate = (
        "  - name: review\n    when: manual\n    confirm: Where are the lanes?\n    inputs:\n"
        "      lanes: {type: region, on: stages.still/frame.png, shapes: [line, box]}\n"
    )
    stages = _stage("still", STILL) + "    artifacts: {paths: [frame.png]}\n" + gate + _stage("count", COUNT)
    stages += "    env: {LANES: '$[[ stages.review.values.lanes ]]'}\n"
    here.edit({"pipelines/p.yaml": f"name: p\nstages:\n{stages}"})
    made = house(here)
    here.ask("request: start")
    here.until_reason("ManualApproval")
    return made


def test_P7_what_is_drawn_reaches_the_program_and_is_shown_again(
    asked: House, tab: Page, shot: Callable[[Page, str], None], accessible: Callable[[str, str], list[str]]
) -> None:
    tab.goto(f"{asked.url}/projects/v")
    assert accessible(f"{asked.url}/projects/v", "light") == []
    tab.get_by_role("button", name="Draw lanes on the picture").click()
    dialog = tab.locator("dialog.region")
    over = dialog.locator("svg")
    expect(over).to_have_attribute("viewBox", "0 0 640 400")
    box = over.bounding_box()
    assert box
    scale = box["width"] / 640
    dialog.get_by_label("Name of the next shape").fill("north")
    for x, y in ((100, 50), (500, 60)):
        tab.mouse.click(box["x"] + x * scale, box["y"] + y * scale)
    dialog.get_by_role("button", name="End shape").click()
    dialog.get_by_label("Kind of shape").select_option("box")
    over.focus()
    for key in ("Space", "Shift+ArrowRight", "Shift+ArrowDown", "ArrowDown", "Space"):
        tab.keyboard.press(key)
    expect(over.locator("rect")).to_have_count(1)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in (390, 1280):
            tab.set_viewport_size({"width": width, "height": 800})
            assert tab.evaluate(WIDER) == []
            shot(tab, f"region-{scheme}-{width}")
    dialog.get_by_role("button", name="Take it").click()
    shapes = json.loads(tab.locator("textarea[data-region]").input_value())["shapes"]
    assert [each["kind"] for each in shapes] == ["line", "box"]
    assert shapes[0]["name"] == "north"
    assert all(abs(had - wanted) < 1.5 for had, wanted in zip(shapes[0]["points"][1], (500, 60), strict=True))
    cursor, corner = shapes[1]["points"]
    assert [corner[0] - cursor[0], corner[1] - cursor[1]] == [10, 11]
    tab.get_by_role("button", name="Answer").click()
    asked.lab.until_reason("Done")
    tab.goto(f"{asked.url}/projects/v/2")
    expect(tab.locator("#log, .log").first).to_contain_text(f"lanes {json.dumps(shapes)}")
    drawn = tab.locator(".drawn svg")
    expect(drawn.locator("polyline")).to_have_attribute(
        "points", " ".join(f"{x:g},{y:g}" for x, y in shapes[0]["points"])
    )
    expect(drawn.locator("text")).to_have_text("north")
    assert tab.evaluate("document.querySelector('.drawn img').naturalWidth") == 640
    assert accessible(f"{asked.url}/projects/v/2", "dark") == []
    shot(tab, "region-again")


def test_P7_on_a_picture_that_is_gone_a_region_is_written_as_text_and_checked(asked: House, tab: Page) -> None:
    tab.route("**/frame.png", lambda route: route.fulfill(body="no picture"))
    tab.goto(f"{asked.url}/projects/v")
    tab.get_by_role("button", name="Draw lanes on the picture").click()
    expect(tab.locator("dialog.region")).to_contain_text("it is gone, or damaged")
    tab.get_by_role("button", name="Cancel").click()
    tab.locator("textarea[data-region]").fill('{"shapes": [{"kind": "polygon", "points": [[1, 2]]}]}')
    tab.get_by_role("button", name="Answer").click()
    expect(tab.get_by_role("alert").first).to_contain_text(
        "lanes: shape 1: its kind is one of line, box, not 'polygon'"
    )
    expect(tab.locator("textarea[data-region]")).to_have_value('{"shapes": [{"kind": "polygon", "points": [[1, 2]]}]}')
