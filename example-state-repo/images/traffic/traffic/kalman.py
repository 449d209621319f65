"""Constant-velocity Kalman filter for a box: where a vehicle is, and where it will be in the next frame.

State: centre x, y (pixels) and velocity (pixels a frame). The size is not filtered but blended, since the
outline of a vehicle that turns changes faster than any simple motion model of it. The idea of tracking boxes
this way is SORT's (Bewley et al. 2016).
"""

import numpy as np

from traffic.boxes import Floats

MEASUREMENT_VARIANCE = 9.0
"""Detections scatter about 3 px around the true centre."""
INITIAL_SPEED_VARIANCE = 400.0
"""Speed is unknown at first: up to 20 px a frame."""
PROCESS_VARIANCE = 1.0
"""Vehicles change speed by about 1 px a frame."""
SIZE_BLEND = 0.25

MOTION = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float64)
PROCESS = PROCESS_VARIANCE * np.diag([0.25, 0.25, 1.0, 1.0])
MEASUREMENT = MEASUREMENT_VARIANCE * np.eye(2)


class BoxFilter:
    """The filter of one track."""

    def __init__(self, box: Floats) -> None:
        self.state = np.array([*_centre(box), 0.0, 0.0])
        self.covariance = np.diag(
            [MEASUREMENT_VARIANCE, MEASUREMENT_VARIANCE, INITIAL_SPEED_VARIANCE, INITIAL_SPEED_VARIANCE]
        )
        self.size = np.array(box[2:4], dtype=np.float64)

    @property
    def velocity(self) -> Floats:
        """Pixels a frame."""
        return self.state[2:]

    @property
    def box(self) -> Floats:
        return np.concatenate([self.state[:2] - self.size / 2, self.size])

    def predict(self) -> None:
        """One frame later."""
        self.state = MOTION @ self.state
        self.covariance = MOTION @ self.covariance @ MOTION.T + PROCESS

    def update(self, box: Floats) -> None:
        """A detection was found to belong to this track."""
        innovation = _centre(box) - self.state[:2]
        gain = self.covariance[:, :2] @ np.linalg.inv(self.covariance[:2, :2] + MEASUREMENT)
        self.state = self.state + gain @ innovation
        self.covariance = self.covariance - gain @ self.covariance[:2]
        self.size = (1 - SIZE_BLEND) * self.size + SIZE_BLEND * box[2:4]


def _centre(box: Floats) -> Floats:
    centre: Floats = box[:2] + box[2:4] / 2
    return centre
