"""A recording cut into segments counts what it counts in one piece."""

import json

import pytest
from traffic.cut import segments

from tests.unit.traffic.test_chain import call, given, run_all  # noqa: F401


@pytest.mark.parametrize(
    ("frames", "length", "overlap", "expected"),
    [
        (48, 20, 4, [(1, 20), (17, 36), (33, 48)]),
        (20, 20, 4, [(1, 20)]),
        (5, 20, 4, [(1, 5)]),
        (21, 20, 0, [(1, 20), (21, 21)]),
    ],
)
def test_segments_cover_every_frame(frames, length, overlap, expected):
    assert segments(frames, length, overlap) == expected


@pytest.mark.parametrize(("detector", "tolerance"), [("median", 0), ("mog2", 1)])
def test_G10_split_and_unsplit_count_the_same(given, monkeypatch, tmp_path_factory, detector, tolerance):  # noqa: F811
    monkeypatch.setenv("INPUT_DETECTOR", detector)
    run_all(monkeypatch)
    whole = json.loads((given / "summary.json").read_text())["vehicles"]
    monkeypatch.setenv("INPUT_SEGMENT_FRAMES", "20")
    monkeypatch.setenv("INPUT_OVERLAP", "4")
    assert call("cut", monkeypatch) == 0
    result = dict(line.split("=", 1) for line in (given / "result").read_text().splitlines())
    needs = tmp_path_factory.mktemp("needs")
    for number, segment in enumerate(json.loads(result["segments"]), 1):
        folder = needs / "detect" / str(number)
        folder.mkdir(parents=True)
        monkeypatch.setenv("WINSLOW_WORKSPACE", str(folder))
        monkeypatch.setenv("INPUT_SEGMENT", segment)
        assert call("detect", monkeypatch) == 0
    monkeypatch.delenv("INPUT_SEGMENT")
    joined = tmp_path_factory.mktemp("joined")
    monkeypatch.setenv("WINSLOW_WORKSPACE", str(joined))
    monkeypatch.setenv("WINSLOW_NEEDS", str(needs))
    for name in ("merge", "track", "clean", "analyse"):
        assert call(name, monkeypatch) == 0, name
    assert abs(json.loads((joined / "summary.json").read_text())["vehicles"] - whole) <= tolerance
    if tolerance == 0:
        assert (joined / "detections.csv").read_text() == (given / "detections.csv").read_text()
