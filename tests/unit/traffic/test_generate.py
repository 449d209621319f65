import csv
import json
from itertools import pairwise

import numpy as np
import pytest
from traffic.driving import CLEARANCE_S, LEAST_GREEN_S, Lights, Road, acceleration
from traffic.generate import main
from traffic.scene import make_routes
from traffic.video import Clip

FILES = ("ground_truth.csv", "video.mp4")
SMALL = ["--frames", "12", "--size", "160x90", "--fps", "10"]


def rows_of(folder):
    with (folder / "ground_truth.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_same_seed_gives_the_same_clip(tmp_path):
    for name in ("first", "second"):
        assert main([str(tmp_path / name), *SMALL, "--seed", "3"]) == 0
    for file in FILES:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_another_seed_gives_another_clip(tmp_path):
    for seed in ("3", "4"):
        main([str(tmp_path / seed), *SMALL, "--seed", seed])
    assert rows_of(tmp_path / "3") != rows_of(tmp_path / "4")


def test_ground_truth_fits_the_clip(clip):
    facts = json.loads((clip / "scene.json").read_text())
    video = Clip(clip / "video.mp4")
    rows = rows_of(clip)
    assert (video.width, video.height, sum(1 for _ in video)) == (320, 180, 48)
    assert facts["vehicles"] == len({row["id"] for row in rows}) > 1
    assert {int(row["frame"]) for row in rows} <= set(range(1, 49))
    for row in rows:
        x, y, w, h = (float(row[name]) for name in "xywh")
        assert 0 <= x < x + w <= 320.01
        assert 0 <= y < y + h <= 180.01
        assert 0 <= float(row["visible"]) <= 1


def test_speed_is_the_way_between_frames(clip):
    facts = json.loads((clip / "scene.json").read_text())
    one = [row for row in rows_of(clip) if row["id"] == rows_of(clip)[0]["id"]]
    way = sum(np.hypot(float(b["cx"]) - float(a["cx"]), float(b["cy"]) - float(a["cy"])) for a, b in pairwise(one))
    said = sum(float(row["speed_mps"]) for row in one[1:]) / facts["fps"] / facts["metres_per_pixel"]
    assert way == pytest.approx(said, rel=0.15, abs=3 + 0.3 * len(one))


def test_boxes_lie_on_what_changed(clip):
    """The truth belongs to this very picture: inside the boxes it differs from the empty road, outside it does not."""
    frames = [frame.astype(int) for frame in Clip(clip / "video.mp4")]
    road = np.median(np.stack(frames), axis=0)
    boxes = [row for row in rows_of(clip) if row["frame"] == "24"]
    inside = np.zeros(frames[0].shape[:2], bool)
    for row in boxes:
        x, y, w, h = (int(float(row[name])) for name in "xywh")
        inside[y : y + h, x : x + w] = True
    change = np.abs(frames[23] - road).max(axis=2)
    assert boxes
    assert change[inside].mean() > 4 * change[~inside].mean()


def test_trees_hide_vehicles(tmp_path):
    main([str(tmp_path), "--frames", "40", "--size", "160x90", "--fps", "10", "--trees", "4"])
    shares = [float(row["visible"]) for row in rows_of(tmp_path)]
    assert min(shares) < 0.3 < 0.9 < max(shares)


@pytest.mark.parametrize("wrong", [["--size", "big"], ["--size", "10x10"], ["--frames", "0"], ["--fps", "0"]])
def test_wrong_options_are_refused(tmp_path, capsys, wrong):
    assert main([str(tmp_path), *wrong]) == 2
    assert wrong[0] in capsys.readouterr().err


def test_a_vehicle_brakes_for_a_wall_and_speeds_up_on_a_free_road():
    assert acceleration(10, 12, None) > 0
    assert acceleration(10, 12, 5.0) < -5
    assert acceleration(12, 12, None) == pytest.approx(0)


def test_lights_never_give_green_to_both_roads():
    lights, time, changes = Lights(), 0.0, []
    for _ in range(400):
        lights.step({"W", "N"}, time, 0.1)
        time += 0.1
        green = {arm for arm in "NESW" if lights.is_green(arm, time)}
        assert green in ({"W", "E"}, {"N", "S"}, set())
        changes.append(lights.green)
    switches = [i for i in range(1, len(changes)) if changes[i] != changes[i - 1]]
    assert len(switches) > 3
    assert np.diff(switches).min() * 0.1 >= CLEARANCE_S + LEAST_GREEN_S - 0.15


@pytest.mark.parametrize("seed", range(3))
def test_vehicles_of_one_arm_do_not_drive_through_each_other(seed):
    lengths = {name: len(points) * 0.1 for name, points in make_routes(960, 540, 0.1).items()}
    middle = {"W": 62.0, "E": 62.0, "N": 41.0, "S": 41.0}
    road = Road(lengths, middle, 1.0, np.random.default_rng(seed))
    for _ in range(800):
        road.step(0.04)
        for arm in "NESW":
            queue = sorted((v for v in road.vehicles if v.arm == arm), key=lambda v: v.way)
            for behind, ahead in pairwise(queue):
                assert ahead.way - behind.way > (ahead.length + behind.length) / 2 - 0.2
