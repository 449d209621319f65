import numpy as np
import pytest
from traffic.kalman import BoxFilter


def follow(positions):
    boxes = [np.array([x, y, 20.0, 10.0]) for x, y in positions]
    track = BoxFilter(boxes[0])
    for box in boxes[1:]:
        track.predict()
        track.update(box)
    return track


def test_it_learns_a_constant_velocity():
    track = follow([(3.0 * t, 100 - 2.0 * t) for t in range(40)])
    assert track.velocity == pytest.approx([3.0, -2.0], abs=0.05)


def test_it_predicts_through_a_gap():
    track = follow([(3.0 * t, 50.0) for t in range(40)])
    for _ in range(10):
        track.predict()
    assert track.box == pytest.approx([3.0 * 49, 50, 20, 10], abs=0.5)


def test_it_is_closer_to_the_truth_than_the_detections():
    noise = np.random.default_rng(1).normal(0, 3, (200, 2))
    boxes = [np.array([2.0 * t + dx, dy, 20.0, 10.0]) for t, (dx, dy) in enumerate(noise)]
    track = BoxFilter(boxes[0])
    errors = []
    for t, box in enumerate(boxes[1:], start=1):
        track.predict()
        track.update(box)
        errors.append(np.hypot(*(track.box[:2] - [2.0 * t, 0])))
    assert np.mean(errors[20:]) < 0.8 * np.mean(np.hypot(*noise[20:].T))


def test_uncertainty_grows_unseen_and_shrinks_seen():
    track = follow([(0.0, 0.0)] * 10)
    before = np.trace(track.covariance)
    track.predict()
    unseen = np.trace(track.covariance)
    track.update(np.array([0.0, 0.0, 20.0, 10.0]))
    assert before < unseen > np.trace(track.covariance)


def test_size_follows_slowly():
    track = follow([(0.0, 0.0)])
    track.update(np.array([0.0, 0.0, 40.0, 10.0]))
    assert 20 < track.size[0] < 30
