"""What a stage shows: pictures, video, charts, tables of any size and prose, above the history of its project."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.browser.test_page import WIDER
from tests.integration.node.lab import Lab

Labs = Callable[..., Lab]
Houses = Callable[[Lab], House]
RTL = "שלום.png"
PROGRAM = f"""
import os, struct, zlib
os.chdir(os.environ["WINSLOW_WORKSPACE"])
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
def png(path, r, g, b, wide=320, high=200):
    rows = b"".join(b"\\0" + bytes((r, g, b)) * wide for _ in range(high))
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    open(path, "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + body)
png("a.png", 40, 90, 200); png("b.png", 200, 120, 30); png({RTL!r}, 20, 140, 80)
open("broken.png", "wb").write(b"\\x89PNG\\r\\n\\x1a\\nno more")
open("cut.mp4", "wb").write(b"\\0\\0\\0\\x18ftypmp42")
with open("counts.csv", "w") as out:
    print("t,cars,lorries,note", file=out)
    for n in range(1000000):
        cars = "NaN" if n == 17 else n % 997
        print(f"{{n}},{{cars}},{{n % 89}},<b>x</b>", file=out)
open("german.csv", "wb").write("stunde;dichte\\n8;1,5\\n9;2,25\\n".encode("utf-16"))
open("notes.md", "w").write("# Traffic\\n\\n<script>alert(1)</script> **busy** ![a](a.png) ")
open("notes.md", "a").write("[x](javascript:alert(1))\\n\\n|h|n|\\n|-|-|\\n|8|12|\\n")
open(os.environ["WINSLOW_RESULT"], "w").write("cars=11980\\n")
"""
SHOW = (
    '["*.png", cut.mp4, notes.md, '
    "{file: counts.csv, as: chart, x: t, y: [cars, lorries], title: Vehicles a minute}, german.csv]"
)


@pytest.fixture
def shown(lab: Labs, house: Houses) -> House:
    here = lab("")
    program = PROGRAM.replace("\n", "\n        ")
    here.edit(
        {
            "pipelines/p.yaml": "name: p\nstages:\n  - name: one\n    image: host/python\n"
            "    command:\n      - python\n"
            f"      - -c\n      - |{program}\n    artifacts: {{paths: ['*']}}\n    show: {SHOW}\n"
        }
    )
    made = house(here)
    here.ask("request: start")
    here.until_reason("Done")
    return made


def test_P3_results_stand_above_the_history_each_in_its_own_way(
    shown: House, tab: Page, shot: Callable[[Page, str], None], accessible: Callable[[str, str], list[str]]
) -> None:
    address = f"{shown.url}/projects/v"
    tab.goto(address)
    results, history = tab.locator("#results").bounding_box(), tab.locator("#history").bounding_box()
    assert results
    assert history
    assert results["y"] + results["height"] <= history["y"]
    expect(tab.locator("#results")).to_contain_text("Vehicles a minute")
    expect(tab.locator("#results .k-chart svg.plot")).to_be_visible()
    expect(tab.locator("#results .k-text h3")).to_have_text("Traffic")
    expect(tab.locator("#results .prose script")).to_have_count(0)
    expect(tab.locator("#results td", has_text="1,5")).to_be_visible()
    expect(tab.locator("#results .damaged")).to_have_count(2)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in (390, 1280):
            tab.set_viewport_size({"width": width, "height": 900})
            assert tab.evaluate(WIDER) == []
            shot(tab, f"show-{scheme}-{width}")
        assert accessible(address, scheme) == []


def test_P3_a_picture_is_looked_at_by_keys_alone(shown: House, tab: Page, shot: Callable[[Page, str], None]) -> None:
    tab.goto(f"{shown.url}/projects/v")
    expect(tab.locator("#results .damaged")).to_have_count(2)
    tab.locator("a[data-picture]").first.focus()
    tab.keyboard.press("Enter")
    viewer = tab.locator("dialog.viewer")
    expect(viewer).to_contain_text("a.png")
    expect(viewer).to_contain_text("1 of 3")
    shot(tab, "viewer")
    tab.keyboard.press("ArrowRight")
    expect(viewer).to_contain_text("b.png")
    tab.keyboard.press("ArrowRight")
    expect(viewer).to_contain_text(RTL)
    tab.keyboard.press("+")
    assert "scale(1.5)" in str(viewer.locator("img").get_attribute("style"))
    tab.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    assert tab.evaluate("document.activeElement.dataset.picture !== undefined"), "the focus is where it was"


def test_P3_a_table_of_a_million_rows_is_scrolled_sorted_filtered_and_drawn_by_what_is_seen(
    shown: House, tab: Page, shot: Callable[[Page, str], None], accessible: Callable[[str, str], list[str]]
) -> None:
    address = f"{shown.url}/projects/v/1/files/counts.csv"
    assert len(tab.request.get(address).body()) < 100_000
    tab.goto(address)
    expect(tab.locator("#sheet-said")).to_contain_text("1 000 000 rows")
    place = tab.locator(".windowed")
    place.evaluate("each => { each.scrollTop = each.scrollHeight; }")
    expect(place).to_contain_text("999999")
    assert place.locator("tbody tr").count() < 60
    expect(place.locator("b")).to_have_count(0)
    shot(tab, "sheet-end")
    place.evaluate("each => { each.scrollTop = 0; }")
    expect(place.locator("tbody tr").first.locator("td").first).to_have_text("1")
    assert accessible(address, "light") == []
    tab.goto(f"{address}?sort=2&down=1&find=%3D+3&within=1")
    expect(place.locator("tbody tr").first.locator("td").nth(3)).to_have_text("88")
    shot(tab, "sheet-sorted")
    tab.goto(f"{address}?x=0&y=1&y=2")
    expect(tab.locator("svg.plot polyline")).to_have_count(2)
    tab.set_viewport_size({"width": 390, "height": 900})
    assert tab.evaluate(WIDER) == []
    shot(tab, "sheet-390")
