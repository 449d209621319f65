"""Say into which segments a recording is cut, so that several can be looked at at once.

Writes the value ``segments``: a JSON list of ``first-last`` frames, counted from 1, each overlapping the one before.
Nothing of the recording is copied.
"""

import json
import sys

from traffic.stage import BadInput, Stage, run
from traffic.video import Clip

INPUTS = {
    "video": "the recording, a file",
    "segment_frames": "frames of a segment",
    "overlap": "frames that a segment has in common with the one before",
    "max_frames": "stop after so many frames; 0 = all",
}
MOST_SEGMENTS = 1000


def segments(frames: int, length: int, overlap: int) -> list[tuple[int, int]]:
    """First and last frames, counted from 1; the last segment ends with the recording."""
    step = length - overlap
    firsts = range(1, max(2, frames - overlap + 1), step)
    return [(first, min(frames, first + length - 1)) for first in firsts]


def cut(stage: Stage) -> None:
    clip = Clip(stage.file("video"), max_frames=stage.whole("max_frames", 0))
    length, overlap = stage.whole("segment_frames", 300, low=2), stage.whole("overlap", 20)
    if overlap >= length:
        raise BadInput(f"input overlap is {overlap}, not less than a segment of {length} frames")
    found = segments(clip.frames, length, overlap)
    if len(found) > MOST_SEGMENTS:
        raise BadInput(f"{len(found)} segments are too many: give segment_frames more than {length}")
    stage.metric("segments", len(found))
    listed = json.dumps([f"{first}-{last}" for first, last in found])
    stage.finish(f"{len(found)} segments of {clip.frames} frames", segments=listed, frames=clip.frames)


if __name__ == "__main__":
    sys.exit(run("cut", INPUTS, cut))
