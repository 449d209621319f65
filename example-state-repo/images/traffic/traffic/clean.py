"""Turn tracks into vehicles: stitch fragments, drop what is too short, fill gaps, smooth.

Reads ``tracks.csv`` and ``video.json``, writes ``clean.csv``: one gapless track a vehicle, numbered from 1.
A vehicle that passes under a tree gives two fragments; they belong together when each one, continued at its own
speed, meets the other (as Baker, Harvey and others stitch tracklets).
"""

import sys
from dataclasses import dataclass
from itertools import count

import numpy as np

from traffic.boxes import Floats, centres
from traffic.stage import BadInput, Stage, read_json, run
from traffic.tables import Tracks, read_tracks, write_tracks

INPUTS = {
    "stitch": "seconds an occlusion may last",
    "min_seconds": "shorter tracks are dropped",
    "min_way": "metres a vehicle must move to count",
    "metres_per_pixel": "scale of the recording",
}

SPEED_OVER = 10
"""Rows at the end of a fragment that its speed is taken from."""
STANDING = 0.5
"""Pixels a frame; below it a direction means nothing."""
LARGEST_ERROR = 0.9
"""Diagonals of the box by which the two continuations may miss, on average."""
SMOOTH = 3
"""Frames on either side that are averaged."""


@dataclass(frozen=True)
class End:
    """Where one end of a fragment is, and how it moves there."""

    frame: float
    centre: Floats
    velocity: Floats
    diagonal: float


def end_of(rows: Floats, *, last: bool) -> End:
    part = rows[-SPEED_OVER:] if last else rows[:SPEED_OVER]
    row = rows[-1] if last else rows[0]
    centre = centres(part[:, 1:])
    velocity = np.polyfit(part[:, 0], centre, 1)[0] if len(part) > 2 else np.zeros(2)
    return End(float(row[0]), centre[-1 if last else 0], velocity, float(np.hypot(row[3], row[4])))


def stitch_error(tail: End, head: End, *, longest: float) -> float:
    """Diagonals by which the continuations miss each other; infinite if the two cannot be one vehicle."""
    gap = head.frame - tail.frame
    if not 0 < gap <= longest:
        return np.inf
    moving = np.hypot(*tail.velocity) > STANDING and np.hypot(*head.velocity) > STANDING
    if moving and np.dot(tail.velocity, head.velocity) <= 0:
        return np.inf
    forward = tail.centre + tail.velocity * gap - head.centre
    backward = head.centre - head.velocity * gap - tail.centre
    error = (np.hypot(*forward) + np.hypot(*backward)) / 2 / max(tail.diagonal, head.diagonal)
    return float(error) if error < LARGEST_ERROR else np.inf


def successors(tracks: Tracks, *, longest: float) -> dict[int, int]:
    """For a fragment the one that continues it: best pairs first, each end used once."""
    tails = {track: end_of(rows, last=True) for track, rows in tracks.items()}
    heads = {track: end_of(rows, last=False) for track, rows in tracks.items()}
    errors = sorted(
        (stitch_error(tail, head, longest=longest), before, after)
        for before, tail in tails.items()
        for after, head in heads.items()
        if before != after
    )
    following: dict[int, int] = {}
    for error, before, after in errors:
        if np.isfinite(error) and before not in following and after not in following.values():
            following[before] = after
    return following


def stitched(tracks: Tracks, *, longest: float) -> Tracks:
    following = successors(tracks, longest=longest)
    whole: Tracks = {}
    for first in tracks.keys() - set(following.values()):
        parts, track = [tracks[first]], first
        while track in following:
            track = following[track]
            parts.append(tracks[track])
        whole[first] = np.vstack(parts)
    return whole


def way(rows: Floats) -> float:
    """Pixels between the first and the last position."""
    ends = centres(rows[[0, -1], 1:])
    return float(np.hypot(*(ends[1] - ends[0])))


def gapless(rows: Floats) -> Floats:
    """One row a frame; what is missing is interpolated."""
    frames = np.arange(rows[0, 0], rows[-1, 0] + 1)
    columns = [np.interp(frames, rows[:, 0], rows[:, column]) for column in range(1, 5)]
    return np.column_stack([frames, *columns])


def smoothed(rows: Floats) -> Floats:
    """Centres and sizes averaged over a few frames; the ends keep their place."""
    reach = min(SMOOTH, (len(rows) - 1) // 2)
    if reach == 0:
        return rows
    values = np.column_stack([centres(rows[:, 1:]), rows[:, 3:]])
    padded = np.vstack([2 * values[0] - values[reach:0:-1], values, 2 * values[-1] - values[-2 : -reach - 2 : -1]])
    window = np.ones(2 * reach + 1) / (2 * reach + 1)
    mean = np.column_stack([np.convolve(padded[:, column], window, "valid") for column in range(4)])
    size = np.maximum(mean[:, 2:], 1.0)
    return np.column_stack([rows[:, 0], mean[:, :2] - size / 2, size])


def numbered(tracks: list[Floats]) -> Tracks:
    return dict(zip(count(1), sorted(tracks, key=lambda rows: tuple(rows[0])), strict=False))


def clean(stage: Stage) -> None:
    video = read_json(stage.path("video.json"), made_by="detect")
    fps = float(str(video["fps"]))
    tracks = read_tracks(stage.path("tracks.csv"), made_by="track")
    if not tracks:
        raise BadInput("tracks.csv holds no tracks: lower min_hits and redo track, or redo detect")
    stage.progress(10, f"{len(tracks)} tracks")
    whole = stitched(tracks, longest=stage.number("stitch", 2.0, low=0.0) * fps)
    shortest = stage.number("min_seconds", 0.8, low=0.0) * fps
    least_way = stage.number("min_way", 4.0, low=0.0) / stage.number("metres_per_pixel", 0.1, low=1e-6)
    kept = [rows for rows in whole.values() if rows[-1, 0] - rows[0, 0] + 1 >= shortest and way(rows) >= least_way]
    if not kept:
        raise BadInput(f"none of {len(whole)} tracks is long enough: lower min_seconds or min_way")
    stage.progress(50, f"{len(kept)} vehicles")
    vehicles = numbered([smoothed(gapless(rows)) for rows in kept])
    write_tracks(stage.path("clean.csv"), vehicles)
    stage.metric("vehicles", len(vehicles))
    stage.metric("stitched", len(tracks) - len(whole))
    stage.metric("dropped", len(whole) - len(vehicles))
    stage.finish(
        f"{len(vehicles)} vehicles: {len(tracks) - len(whole)} fragments stitched, {len(whole) - len(kept)} dropped",
        vehicles=len(vehicles),
    )


if __name__ == "__main__":
    sys.exit(run("clean", INPUTS, clean))
