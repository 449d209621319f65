"""What the eye of `detect` does with pictures whose content is known."""

import cv2
import numpy as np
import pytest
from traffic.detect import Aligner, Eye, MedianDetector, Settings, blobs, moved, sample_frames
from traffic.video import Clip, Movie


@pytest.fixture
def ground():
    """A picture with texture, of a size that suits the Fourier transform."""
    noise = np.random.default_rng(1).normal(128, 60, (30, 48, 3)).clip(0, 255).astype(np.uint8)
    return cv2.resize(noise, (480, 270), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("shift", [(3.0, 0.0), (0.0, -4.0), (2.5, 1.5), (-6.0, 5.0)])
def test_drift_is_measured(ground, shift):
    assert Aligner(ground).shift(moved(ground, *shift)) == pytest.approx(shift, abs=0.3)


def test_measuring_many_times_changes_nothing(ground):
    aligner = Aligner(ground)
    picture = moved(ground, 3.0, 2.0)
    assert aligner.shift(picture) == [aligner.shift(picture) for _ in range(5)][-1]


def test_a_picture_of_something_else_is_not_moved(ground):
    other = np.random.default_rng(2).integers(0, 255, ground.shape, dtype=np.uint8)
    right, down = Aligner(ground).shift(other)
    assert np.abs(moved(other, -right, -down).astype(int) - ground).mean() <= np.abs(other.astype(int) - ground).mean()


def test_only_what_differs_enough_is_marked():
    road = np.full((40, 60, 3), 100, np.uint8)
    image = road.copy()
    image[5:15, 5:25] = 130
    image[20:30, 30:50] = (100, 100, 180)
    assert [b[:4] for b in blobs(MedianDetector(road, 20).mask(image), 50)] == [(30, 20, 20, 10), (5, 5, 20, 10)]
    assert [b[:4] for b in blobs(MedianDetector(road, 50).mask(image), 50)] == [(30, 20, 20, 10)]


def test_specks_and_changes_of_light_are_no_vehicles():
    mask = np.zeros((100, 100), np.uint8)
    mask[10:14, 10:14] = 255
    mask[30:90, 5:95] = 255
    assert list(blobs(mask, 50)) == []


def test_a_box_lies_on_its_vehicle_though_the_camera_drifts(ground, tmp_path):
    """Detection works on a smaller, aligned picture; boxes are those of the recording as it is."""
    large = cv2.resize(ground, (1000, 580))
    movie = Movie(tmp_path / "clip.mp4", codec="mp4v", fps=10, size=(960, 540))
    frames = []
    for number in range(16):
        frame = large.copy()
        frame[220:260, 50 * number : 50 * number + 80] = (0, 0, 255)
        left, top = (6, 10) if number == 12 else (20, 20)
        frames.append(frame[top : top + 540, left : left + 960])
        movie.add(frames[-1])
    movie.close()
    clip = Clip(tmp_path / "clip.mp4")
    eye = Eye(Settings(clip.path, "median", 0.5, 300, stabilise=True, max_frames=0), clip)
    (found,) = eye.look(frames[12]).tolist()
    assert found[:4] == pytest.approx([594, 210, 80, 40], abs=6)


@pytest.mark.parametrize(("first", "last"), [(1, 300), (281, 300), (300, 300), (141, 290)])
def test_each_segment_has_frames_to_look_at_however_short_it_is(first: int, last: int) -> None:
    found = sample_frames(first, last)
    assert found
    assert all(first <= number <= last for number in found)
    assert len(found) == min(4, last - first + 1)
