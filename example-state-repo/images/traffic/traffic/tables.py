"""The CSV files that stages hand on. Frames count from 1; lengths are pixels of the recording."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from traffic.boxes import Floats, as_boxes
from traffic.stage import BadInput, replacing

BOX = ("x", "y", "w", "h")
DETECTIONS = ("frame", *BOX, "score")
TRACKS = ("frame", "id", *BOX)

Tracks = dict[int, Floats]
"""Rows ``frame x y w h`` in order of time, by track id."""


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a table; returns the number of rows."""
    count = 0
    with replacing(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def read_table(path: Path, columns: Sequence[str], *, made_by: str) -> list[list[float]]:
    """The named columns of a table, as numbers."""
    try:
        with path.open(newline="") as file:
            return [[float(row[name]) for name in columns] for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise BadInput(f"{path.name} is missing: run the stage {made_by} first") from None
    except KeyError as column:
        raise BadInput(f"{path.name} has no column {column}") from None
    except (OSError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} is not a table of numbers: {error}") from None


def read_detections(path: Path) -> dict[int, Floats]:
    """Boxes by frame."""
    frames: dict[int, list[list[float]]] = defaultdict(list)
    for frame, *box in read_table(path, ("frame", *BOX), made_by="detect"):
        frames[int(frame)].append(box)
    return {frame: as_boxes(boxes) for frame, boxes in frames.items()}


def read_tracks(path: Path, *, made_by: str) -> Tracks:
    grouped: dict[int, list[list[float]]] = defaultdict(list)
    for track, *row in read_table(path, ("id", "frame", *BOX), made_by=made_by):
        grouped[int(track)].append(row)
    return {track: np.array(sorted(rows)) for track, rows in grouped.items()}


def write_tracks(path: Path, tracks: Tracks) -> int:
    """Write tracks in order of time; returns the number of rows."""
    rows = sorted(
        (int(row[0]), track, *(round(float(value), 1) for value in row[1:]))
        for track, table in tracks.items()
        for row in table
    )
    return write_table(path, TRACKS, rows)
