"""Tracking, cleaning and analysis on made-up boxes."""

import numpy as np
import pytest
from traffic.analyse import Video, entry_and_exit, speeds
from traffic.boxes import as_boxes, iou
from traffic.charts import histogram, nice_top
from traffic.clean import gapless, smoothed, stitched
from traffic.track import Tracker

VIDEO = Video(name="v", fps=10, width=200, height=100, frames=100)
NOTHING = as_boxes([])


def box_at(x, y=0.0):
    return [x, y, 20.0, 10.0]


def run_tracker(frames, **options):
    tracker = Tracker(**({"max_gap": 5, "min_hits": 3} | options))
    for number, boxes in enumerate(frames, start=1):
        tracker.step(number, as_boxes(boxes))
    return tracker.tracks()


def test_iou_of_known_boxes():
    first = as_boxes([[0, 0, 10, 10]])
    second = as_boxes([[0, 0, 10, 10], [5, 0, 10, 10], [20, 0, 10, 10], [0, 0, 0, 0]])
    assert iou(first, second)[0] == pytest.approx([1, 1 / 3, 0, 0])


def test_two_vehicles_that_pass_keep_their_names():
    tracks = run_tracker([[box_at(4 * t), box_at(200 - 4 * t, 14)] for t in range(50)])
    assert len(tracks) == 2
    assert all(len(rows) == 50 and np.ptp(rows[:, 2]) == 0 for rows in tracks.values())


def test_a_short_gap_is_bridged_and_a_long_one_is_not():
    frames = [[] if 20 <= t < 24 else [box_at(4 * t)] for t in range(40)]
    assert len(run_tracker(frames)) == 1
    assert len(run_tracker(frames, max_gap=2)) == 2


def test_what_is_seen_once_is_no_track():
    assert run_tracker([[box_at(0)], [], [], [], [], [box_at(90)], [], []]) == {}


def test_gaps_are_filled_in_a_straight_line():
    rows = gapless(np.array([[1, 0, 0, 20, 10], [5, 8, 4, 20, 10]], float))
    assert rows[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert rows[:, 1].tolist() == [0, 2, 4, 6, 8]


def test_smoothing_keeps_a_straight_line():
    rows = np.array([[t, 3.0 * t, 50 - t, 20, 10] for t in range(1, 30)])
    assert smoothed(rows) == pytest.approx(rows)


def test_smoothing_calms_jitter():
    noise = np.random.default_rng(2).normal(0, 2, 60)
    rows = np.array([[t, 3.0 * t + noise[t], 0, 20, 10] for t in range(60)])
    assert np.diff(smoothed(rows)[:, 1]).std() < 0.4 * np.diff(rows[:, 1]).std()


def line_from(first, last, *, y=0.0, step=4.0):
    return np.array([[t, step * t, y, 20, 10] for t in range(first, last)])


def test_fragments_of_one_vehicle_are_stitched():
    whole = stitched({1: line_from(1, 20), 2: line_from(30, 50), 3: line_from(60, 80)}, longest=15)
    assert [len(rows) for rows in whole.values()] == [59]


@pytest.mark.parametrize(
    "other",
    [line_from(60, 80), line_from(30, 50, y=90.0), line_from(12, 40, y=2.0), line_from(30, 50)[::1] * [1, -1, 1, 1, 1]],
    ids=["too late", "another lane", "at the same time", "the other way"],
)
def test_fragments_of_two_vehicles_are_not(other):
    assert len(stitched({1: line_from(1, 20), 2: other}, longest=15)) == 2


def test_a_slow_vehicle_that_meets_its_opposite_is_not_stitched_to_it():
    there = np.array([[t, 2.0 * t, 0, 20, 10] for t in range(1, 20)])
    back = np.array([[t, 40 - 2.0 * (t - 20), 0, 20, 10] for t in range(20, 40)])
    assert len(stitched({1: there, 2: back}, longest=15)) == 2


def test_speed_of_a_known_path():
    points = np.column_stack([np.arange(50) * 5.0, np.zeros(50)])
    assert speeds(points, fps=10, metres_per_pixel=0.2) == pytest.approx(np.full(47, 10.0))


@pytest.mark.parametrize(
    ("start", "end", "sides"),
    [((5, 50), (195, 50), ("W", "E")), ((100, 95), (100, 5), ("S", "N")), ((90, 50), (120, 50), ("W", "E"))],
)
def test_sides_are_those_the_way_points_to(start, end, sides):
    assert entry_and_exit(np.linspace(start, end, 30), VIDEO) == sides


def test_a_turn_leaves_by_another_side():
    points = np.vstack([np.linspace((5, 50), (100, 50), 30), np.linspace((100, 52), (100, 90), 30)])
    assert entry_and_exit(points, VIDEO) == ("W", "S")


def test_axes_end_at_round_numbers():
    assert [nice_top(v) for v in (0.3, 1, 1.1, 3, 7, 11, 30, 99)] == [1, 1, 2, 5, 10, 20, 50, 100]


def test_a_histogram_counts_every_value():
    svg = histogram([1, 2, 49, 50], bins=5, x_label="v", y_label="n")
    assert "<title>0 to 10: 2</title>" in svg
    assert "<title>40 to 50: 2</title>" in svg
