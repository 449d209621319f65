"""Join detections over time: which box in this frame is which vehicle of the last one.

Reads ``detections.csv`` and ``video.json``, writes ``tracks.csv``: detected boxes only, gaps stay gaps.
Each track predicts its box (a Kalman filter); predictions and detections are paired at the least total cost of
missing overlap and relative distance. The longer a track went unseen, the farther it may be from its prediction.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from traffic.assignment import assign_within
from traffic.boxes import Floats, as_boxes, centres, diagonals, iou
from traffic.kalman import BoxFilter
from traffic.stage import BadInput, Stage, read_json, run
from traffic.tables import Tracks, read_detections, write_tracks

INPUTS = {
    "max_gap": "seconds a vehicle may stay unseen before its track ends",
    "min_hits": "detections that make a track",
}

NEAR = 0.55
"""Diagonals of its box that a track may be off its prediction when it was seen in the last frame."""
NEAR_PER_MISS = 0.05
"""Diagonals more for each frame it went unseen."""
MOST_MISSES = 20
ENOUGH_OVERLAP = 0.15
"""With so much intersection over union the distance does not matter."""
IMPOSSIBLE = 1e3


@dataclass
class Track:
    filter: BoxFilter
    rows: list[list[float]] = field(default_factory=list)
    """Frame, x, y, w, h of each detection."""
    misses: int = 0
    """Frames since the last detection."""

    def add(self, frame: int, box: Floats) -> None:
        self.rows.append([frame, *box.tolist()])
        self.misses = 0


def pairing_cost(tracks: Sequence[Track], detections: Floats) -> Floats:
    """(tracks, detections): 0 for a perfect match, IMPOSSIBLE outside the gate."""
    predicted = as_boxes([track.filter.box for track in tracks])
    overlap = iou(predicted, detections)
    offset = centres(predicted)[:, None] - centres(detections)[None]
    distance = np.hypot(offset[..., 0], offset[..., 1]) / np.maximum(diagonals(predicted), 1)[:, None]
    misses = np.array([min(track.misses, MOST_MISSES) for track in tracks])
    gate = (NEAR + NEAR_PER_MISS * misses)[:, None]
    cost = (1 - overlap) + distance
    return np.where((distance > gate) & (overlap < ENOUGH_OVERLAP), IMPOSSIBLE, cost)


class Tracker:
    """Feed it one frame after another, then take `tracks`."""

    def __init__(self, *, max_gap: int, min_hits: int) -> None:
        self._max_gap = max_gap
        self._min_hits = min_hits
        self._live: list[Track] = []
        self._ended: list[Track] = []

    def step(self, frame: int, detections: Floats) -> None:
        for track in self._live:
            track.filter.predict()
            track.misses += 1
        pairs = assign_within(pairing_cost(self._live, detections), IMPOSSIBLE) if self._live else []
        for row, column in pairs:
            self._live[row].filter.update(detections[column])
            self._live[row].add(frame, detections[column])
        taken = {column for _, column in pairs}
        for column in sorted(set(range(len(detections))) - taken):
            self._begin(frame, detections[column])
        self._retire()

    def _begin(self, frame: int, box: Floats) -> None:
        track = Track(BoxFilter(box))
        track.add(frame, box)
        self._live.append(track)

    def _retire(self) -> None:
        """End what went unseen too long; a track that is not yet sure is given up sooner."""
        patience = {True: self._max_gap, False: self._min_hits}
        over = [track.misses > patience[self._sure(track)] for track in self._live]
        self._ended += [track for track, ended in zip(self._live, over, strict=True) if ended]
        self._live = [track for track, ended in zip(self._live, over, strict=True) if not ended]

    def _sure(self, track: Track) -> bool:
        return len(track.rows) >= self._min_hits

    def tracks(self) -> Tracks:
        """All tracks with enough detections, numbered from 1 by their first frame."""
        sure = [np.array(track.rows) for track in self._ended + self._live if self._sure(track)]
        sure.sort(key=lambda rows: tuple(rows[0]))
        return dict(enumerate(sure, start=1))


def progress_over(stage: Stage, frames: int) -> Iterator[int]:
    for frame in range(1, frames + 1):
        yield frame
        stage.progress(min(99.0, 100 * frame / frames), f"{frame}/{frames} frames")


def track(stage: Stage) -> None:
    video = read_json(stage.path("video.json"), made_by="detect")
    fps, frames = float(str(video["fps"])), int(str(video["frames"]))
    detections = read_detections(stage.path("detections.csv"))
    if not detections:
        raise BadInput("detections.csv holds no detections: lower threshold or min_area and redo detect")
    tracker = Tracker(
        max_gap=round(stage.number("max_gap", 1.0, low=0.0) * fps),
        min_hits=stage.whole("min_hits", 3, low=1),
    )
    nothing = as_boxes([])
    for frame in progress_over(stage, frames):
        tracker.step(frame, detections.get(frame, nothing))
    tracks = tracker.tracks()
    write_tracks(stage.path("tracks.csv"), tracks)
    seen = [len(rows) for rows in tracks.values()]
    stage.metric("tracks", len(tracks))
    stage.metric("mean_track_s", float(np.mean(seen)) / fps if seen else 0)
    stage.metric("detections_used", sum(seen) / sum(len(boxes) for boxes in detections.values()))
    stage.finish(f"{len(tracks)} tracks", tracks=len(tracks))


if __name__ == "__main__":
    sys.exit(run("track", INPUTS, track))
