"""All stages one after another on a small clip, in this process, as Winslow would call them."""

import csv
import importlib
import json
import re

import cv2
import pytest

STAGES = ("detect", "track", "clean", "analyse", "report")


def call(name, monkeypatch):
    module = importlib.import_module(f"traffic.{name}")
    monkeypatch.setattr("sys.argv", [name])
    from traffic.stage import run

    return run(name, module.INPUTS, getattr(module, name))


@pytest.fixture
def given(tmp_path, monkeypatch, clip):
    """The environment of an execution; returns the workspace."""
    environment = {
        "WINSLOW_WORKSPACE": tmp_path,
        "WINSLOW_RESULT": tmp_path / "result",
        "INPUT_VIDEO": clip / "video.mp4",
        "INPUT_GROUND_TRUTH": clip / "ground_truth.csv",
        "INPUT_METRES_PER_PIXEL": 0.15,
        "INPUT_MIN_AREA": 60,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path


def run_all(monkeypatch):
    for name in STAGES:
        assert call(name, monkeypatch) == 0, name


def true_count(clip):
    """Vehicles that move in the picture for a second and more."""
    with (clip / "ground_truth.csv").open() as file:
        rows = list(csv.DictReader(file))
    places = {}
    for row in rows:
        places.setdefault(row["id"], []).append((float(row["cx"]), float(row["cy"])))
    return sum(len(p) >= 12 and abs(p[-1][0] - p[0][0]) + abs(p[-1][1] - p[0][1]) > 30 for p in places.values())


def test_the_report_counts_the_vehicles(given, monkeypatch, clip):
    run_all(monkeypatch)
    summary = json.loads((given / "summary.json").read_text())
    assert summary["vehicles"] == true_count(clip) > 1
    assert sum(summary["flows"].values()) == summary["vehicles"]
    assert summary["accuracy"]["mota"] > 0.8
    assert summary["accuracy"]["id_switches"] == 0
    html = (given / "report.html").read_text()
    assert f'<b>{summary["vehicles"]}</b><span class="soft">vehicles</span>' in html
    assert not re.search(r"(src|href)=\"(?!data:)", html), "the page refers to something outside"
    assert (given / "result").read_text() == f"vehicles={summary['vehicles']}\n"
    assert not list(given.rglob("*.part*"))


def test_pictures_and_preview_can_be_read(given, monkeypatch):
    assert call("detect", monkeypatch) == 0
    assert (given / "preview.webm").read_bytes()[:4] == b"\x1aE\xdf\xa3"
    preview = cv2.VideoCapture(str(given / "preview.webm"))
    assert preview.read()[0]
    assert len(list((given / "frames").glob("*.jpg"))) == 4
    assert set(json.loads((given / "metrics.json").read_text())) >= {"frames", "detections", "detections_per_frame"}


@pytest.mark.parametrize("detector", ["mog2", "knn"])
def test_the_other_detectors_find_vehicles(given, monkeypatch, detector):
    monkeypatch.setenv("INPUT_DETECTOR", detector)
    assert call("detect", monkeypatch) == 0
    assert json.loads((given / "metrics.json").read_text())["detections_per_frame"] > 0.5


def test_a_bad_threshold_finds_less(given, monkeypatch):
    found = []
    for threshold in ("0.35", "0.9"):
        monkeypatch.setenv("INPUT_THRESHOLD", threshold)
        assert call("detect", monkeypatch) == 0
        found.append(json.loads((given / "metrics.json").read_text())["detections"])
    assert found[1] < 0.85 * found[0]


def test_max_frames_stops_early(given, monkeypatch):
    monkeypatch.setenv("INPUT_MAX_FRAMES", "9")
    assert call("detect", monkeypatch) == 0
    assert json.loads((given / "video.json").read_text())["frames"] == 9


def test_without_ground_truth_there_is_no_accuracy(given, monkeypatch):
    monkeypatch.delenv("INPUT_GROUND_TRUTH")
    run_all(monkeypatch)
    assert json.loads((given / "summary.json").read_text())["accuracy"] is None
    assert "MOTA" not in (given / "report.html").read_text()


def test_a_file_name_cannot_bring_markup_into_the_page(given, monkeypatch, clip):
    wicked = given / "<script>alert(1)<.mp4"
    wicked.write_bytes((clip / "video.mp4").read_bytes())
    monkeypatch.setenv("INPUT_VIDEO", str(wicked))
    run_all(monkeypatch)
    assert "<script" not in (given / "report.html").read_text()


def refused(name, monkeypatch, capfd):
    assert call(name, monkeypatch) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"{name}: ")
    assert error.count("\n") == 1
    return error


def test_a_missing_video_is_refused(given, monkeypatch, capfd):
    monkeypatch.setenv("INPUT_VIDEO", "nowhere.mp4")
    assert "there is no file nowhere.mp4" in refused("detect", monkeypatch, capfd)


def test_what_is_no_video_is_refused(given, monkeypatch, capfd):
    (given / "notes.mp4").write_text("these are notes")
    monkeypatch.setenv("INPUT_VIDEO", str(given / "notes.mp4"))
    assert "not a video" in refused("detect", monkeypatch, capfd)


@pytest.mark.parametrize(
    ("name", "before"), [("track", "detect"), ("clean", "detect"), ("analyse", "detect"), ("report", "analyse")]
)
def test_a_stage_out_of_order_says_what_to_run_first(given, monkeypatch, capfd, name, before):
    assert f"run the stage {before} first" in refused(name, monkeypatch, capfd)


def test_no_detections_are_refused_with_a_remedy(given, monkeypatch, capfd):
    assert call("detect", monkeypatch) == 0
    (given / "detections.csv").write_text("frame,x,y,w,h,score\n")
    capfd.readouterr()
    assert "lower threshold" in refused("track", monkeypatch, capfd)


def test_a_broken_table_is_refused(given, monkeypatch, capfd):
    assert call("detect", monkeypatch) == 0
    (given / "detections.csv").write_text("frame,x,y,w,h,score\n1,here,0,1,1,1\n")
    capfd.readouterr()
    assert "detections.csv" in refused("track", monkeypatch, capfd)
