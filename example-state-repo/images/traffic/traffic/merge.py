"""Put the detections of all segments together, as if the recording had been looked at in one piece.

Reads ``$WINSLOW_NEEDS/detect/<point>/``, writes ``detections.csv``, ``video.json`` and ``background.jpg``. What two
segments have both seen is taken from the earlier one: a model that adapts has learned more by then.
"""

import os
import shutil
import sys
from pathlib import Path

from traffic.stage import BadInput, Stage, read_json, run, write_json
from traffic.tables import DETECTIONS, read_table, write_table

INPUTS: dict[str, str] = {}


def parts() -> list[Path]:
    """The folders of the segments, in their order."""
    needs = os.environ.get("WINSLOW_NEEDS")
    folder = Path(needs) / "detect" if needs else None
    if folder is None or not folder.is_dir():
        raise BadInput("there are no segments: WINSLOW_NEEDS names no folder with detect/1, detect/2 …")
    return sorted(folder.iterdir(), key=lambda each: int(each.name))


def merge(stage: Stage) -> None:
    folders, rows, known = parts(), list[list[float]](), 0
    for folder in folders:
        video = read_json(folder / "video.json", made_by="detect")
        table = read_table(folder / "detections.csv", DETECTIONS, made_by="detect")
        rows += [row for row in table if row[0] > known]
        known = max(known, int(video["last"]))
    write_table(stage.path("detections.csv"), DETECTIONS, ([int(row[0]), *row[1:]] for row in rows))
    write_json(stage.path("video.json"), video | {"first": 1, "frames": known})
    shutil.copyfile(folders[0] / "background.jpg", stage.path("background.jpg"))
    stage.metric("frames", known)
    stage.metric("detections", len(rows))
    stage.finish(f"{len(rows)} detections in {known} frames", detections=len(rows), frames=known)


if __name__ == "__main__":
    sys.exit(run("merge", INPUTS, merge))
