"""A video of the pool: sought in by ranges, gone through by frames, at other speeds."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage

FRAMES, RATE = 50, 25


def _film(path: Path) -> None:
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP80"), RATE, (320, 200))
    assert film.isOpened(), "this OpenCV writes no VP8"
    for number in range(FRAMES):
        film.write(np.full((200, 320, 3), number * 5, dtype=np.uint8))
    film.release()


def test_P3_a_video_is_sought_in_and_gone_through_by_frames(
    lab: Callable[..., Lab],
    house: Callable[[Lab], House],
    tab: Page,
    shot: Callable[[Page, str], None],
    accessible: Callable[[str, str], list[str]],
) -> None:
    made = house(lab(stage("one")))
    pool = made.lab.folder / "n1" / "pool"
    pool.mkdir(exist_ok=True)
    _film(pool / "film.webm")
    ranges: list[str] = []
    tab.on("request", lambda each: ranges.append(each.headers.get("range", "")) if "/raw/" in each.url else None)
    tab.goto(f"{made.url}/files/film.webm")
    video = tab.locator("video.preview")
    made.until(lambda: bool(video.evaluate("each => each.readyState >= 2")))
    assert ranges
    assert ranges[0].startswith("bytes=")
    on, back = tab.get_by_role("button", name="frame › on"), tab.get_by_role("button", name="‹ frame back")
    for _ in range(3):
        on.click()
    back.click()
    assert abs(float(video.evaluate("each => each.currentTime")) - 2 / RATE) < 0.001
    video.focus()
    tab.keyboard.press(".")
    assert abs(float(video.evaluate("each => each.currentTime")) - 3 / RATE) < 0.001
    tab.get_by_label("Speed").select_option("0.25")
    assert video.evaluate("each => each.playbackRate") == 0.25
    video.evaluate("each => { each.currentTime = 1.5; }")
    expect(tab.locator(".steps output")).to_have_text("1.500 s")
    shot(tab, "video")
    assert accessible(tab.url, "dark") == []
