"""Tracking accuracy against ground truth: CLEAR-MOT (Bernardin and Stiefelhagen 2008) and IDF1 (Ristani et al. 2016).

    python -m traffic.evaluate GROUND_TRUTH.csv TRACKS.csv

A true box and a track match with an intersection over union of at least 0.3 (vehicles from a drone are small,
so 0.5 would mostly measure a pixel of outline). A match of the frame before is kept while it holds. True boxes of
which less than 30 % can be seen are *ignored*: missing them is no error, and neither is finding them.
"""

import json
import sys
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from traffic.assignment import assign, assign_within
from traffic.boxes import Floats, as_boxes, intersection, iou
from traffic.stage import BadInput
from traffic.tables import BOX, Tracks, read_table, read_tracks

LEAST_IOU = 0.3
LEAST_VISIBLE = 0.3
IGNORED_COVER = 0.3
"""A track that lies to this share in an ignored box is not an error."""
IMPOSSIBLE = 1e3
KEEP_BONUS = 1.0
"""Taken off the cost of last frame's match, so that it wins over any other."""

Labelled = tuple[list[int], Floats]
"""Ids and boxes of one frame."""


@dataclass(frozen=True)
class Accuracy:
    mota: float
    """1 - (missed + false + switches) / true boxes; at most 1, may be negative."""
    idf1: float
    recall: float
    precision: float
    id_switches: int
    true_vehicles: int
    found_vehicles: int


@dataclass(frozen=True)
class Truth:
    counted: dict[int, Labelled]
    ignored: dict[int, Labelled]


def by_frame(rows: list[list[float]]) -> dict[int, Labelled]:
    """Rows ``frame id x y w h``, grouped."""
    frames: dict[int, list[list[float]]] = defaultdict(list)
    for frame, *rest in rows:
        frames[int(frame)].append(rest)
    return {frame: ([int(r[0]) for r in rest], as_boxes([r[1:] for r in rest])) for frame, rest in frames.items()}


def read_truth(path: Path, *, frames: int = 0) -> Truth:
    """Ground truth of the first `frames` frames (0: of all)."""
    rows = read_table(path, ("visible", "frame", "id", *BOX), made_by="generate")
    rows = [row for row in rows if not frames or row[1] <= frames]
    if not rows:
        raise BadInput(f"{path.name} holds no ground truth for these frames")
    return Truth(
        counted=by_frame([row[1:] for row in rows if row[0] >= LEAST_VISIBLE]),
        ignored=by_frame([row[1:] for row in rows if row[0] < LEAST_VISIBLE]),
    )


def tracks_by_frame(tracks: Tracks) -> dict[int, Labelled]:
    return by_frame([[row[0], track, *row[1:]] for track, rows in tracks.items() for row in rows.tolist()])


class Score:
    """Counts over frames."""

    def __init__(self) -> None:
        self.matched = self.missed = self.false = self.switches = 0
        self.together: Counter[tuple[int, int]] = Counter()
        self.true_boxes: Counter[int] = Counter()
        self.found_boxes: Counter[int] = Counter()
        self._partner: dict[int, int] = {}

    def add(self, true: Labelled, found: Labelled, ignored: Labelled) -> None:
        pairs = self._match(true, found)
        for row, column in pairs:
            self._note_match(true[0][row], found[0][column])
        rest = sorted(set(range(len(found[0]))) - {column for _, column in pairs})
        wrong = [column for column in rest if not lies_in(found[1][column], ignored[1])]
        self.matched += len(pairs)
        self.missed += len(true[0]) - len(pairs)
        self.false += len(wrong)
        self.true_boxes.update(true[0])
        self.found_boxes.update(found[0][column] for column in [column for _, column in pairs] + wrong)

    def _match(self, true: Labelled, found: Labelled) -> list[tuple[int, int]]:
        overlap = iou(true[1], found[1])
        kept = np.array([[self._partner.get(t) == f for f in found[0]] for t in true[0]], dtype=bool)
        cost = 1 - overlap - KEEP_BONUS * kept.reshape(overlap.shape).astype(np.float64)
        return assign_within(np.where(overlap >= LEAST_IOU, cost, IMPOSSIBLE), IMPOSSIBLE)

    def _note_match(self, true: int, found: int) -> None:
        self.together[true, found] += 1
        if self._partner.get(true, found) != found:
            self.switches += 1
        self._partner[true] = found

    def identity_matches(self) -> int:
        """Boxes that agree under the best one-to-one naming of true vehicles by tracks."""
        true, found = sorted(self.true_boxes), sorted(self.found_boxes)
        table = np.array([[float(self.together[t, f]) for f in found] for t in true]).reshape(len(true), len(found))
        return int(sum(table[row, column] for row, column in assign(-table)))

    def result(self) -> Accuracy:
        true = self.matched + self.missed
        found = self.matched + self.false
        errors = self.missed + self.false + self.switches
        return Accuracy(
            mota=round(1 - errors / max(true, 1), 4),
            idf1=round(2 * self.identity_matches() / max(true + found, 1), 4),
            recall=round(self.matched / max(true, 1), 4),
            precision=round(self.matched / max(found, 1), 4),
            id_switches=self.switches,
            true_vehicles=len(self.true_boxes),
            found_vehicles=len(self.found_boxes),
        )


def lies_in(box: Floats, areas: Floats) -> bool:
    shared = intersection(box[None], areas)
    return bool((shared >= IGNORED_COVER * max(box[2] * box[3], 1e-9)).any())


def evaluate(truth: Truth, tracks: Tracks) -> Accuracy:
    found = tracks_by_frame(tracks)
    nothing: Labelled = ([], as_boxes([]))
    score = Score()
    for frame in sorted(truth.counted.keys() | truth.ignored.keys() | found.keys()):
        score.add(truth.counted.get(frame, nothing), found.get(frame, nothing), truth.ignored.get(frame, nothing))
    return score.result()


def main(argv: list[str]) -> int:
    if len(argv) != 2:
        print("usage: python -m traffic.evaluate GROUND_TRUTH.csv TRACKS.csv", file=sys.stderr)
        return 2
    try:
        accuracy = evaluate(read_truth(Path(argv[0])), read_tracks(Path(argv[1]), made_by="clean"))
    except BadInput as problem:
        print(f"evaluate: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(asdict(accuracy)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
