"""Axis-parallel boxes as rows ``x y w h`` in pixels, origin at the upper left."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def as_boxes(rows: object) -> Floats:
    """Any sequence of four numbers a row as an (n, 4) array; an empty one gives (0, 4)."""
    return np.asarray(rows, dtype=np.float64).reshape(-1, 4)


def centres(boxes: Floats) -> Floats:
    return boxes[:, :2] + boxes[:, 2:] / 2


def diagonals(boxes: Floats) -> Floats:
    return np.hypot(boxes[:, 2], boxes[:, 3])


def intersection(first: Floats, second: Floats) -> Floats:
    """Shared area of each pair, (n, m)."""
    upper_left = np.maximum(first[:, None, :2], second[None, :, :2])
    lower_right = np.minimum(first[:, None, :2] + first[:, None, 2:], second[None, :, :2] + second[None, :, 2:])
    side: Floats = np.clip(lower_right - upper_left, 0, None)
    return side[..., 0] * side[..., 1]


def iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each pair, (n, m); 0 where both boxes are empty."""
    shared = intersection(first, second)
    union = (first[:, 2] * first[:, 3])[:, None] + (second[:, 2] * second[:, 3])[None] - shared
    return shared / np.maximum(union, 1e-9)
