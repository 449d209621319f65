"""Speeds, flows, counts and maps of the vehicles found; accuracy where the truth is known.

Reads ``clean.csv``, ``video.json`` and ``background.jpg``; writes ``summary.json``, ``counts.csv``,
``trajectories.png``, ``heatmap.png``. With the input ``ground_truth`` the scores of ``traffic.evaluate`` join summary
and metrics.
"""

import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike as Image

from traffic.boxes import Floats, centres
from traffic.evaluate import Accuracy, evaluate, read_truth
from traffic.stage import BadInput, Stage, read_json, run, write_json
from traffic.tables import Tracks, read_tracks
from traffic.video import write_image

INPUTS = {
    "metres_per_pixel": "scale of the recording",
    "ground_truth": "a table with the true boxes, a file; optional",
}

SPEED_WINDOW_S = 1 / 3
"""Speeds are differences over so long, which averages out the jitter of boxes."""
TOP_SPEED_PERCENTILE = 95
DIRECTION_WAY = 0.08
"""Share of the width a vehicle must move before its direction is trusted."""
COUNT_BINS = 40
PATH_POINTS = 40
"""Points a vehicle's path is thinned to for the report."""
HEAT_SPREAD = 60
"""Blur of the heat map: the width divided by this, in pixels."""


@dataclass(frozen=True)
class Video:
    """What detect said about the recording."""

    name: str
    fps: float
    width: int
    height: int
    frames: int


def read_video(path: Path) -> Video:
    facts = read_json(path, made_by="detect")
    try:
        return Video(
            name=str(facts["name"]),
            fps=float(str(facts["fps"])),
            width=int(str(facts["width"])),
            height=int(str(facts["height"])),
            frames=int(str(facts["frames"])),
        )
    except (KeyError, ValueError) as error:
        raise BadInput(f"{path.name} is not what detect writes ({error}): run detect again") from None


def speeds(points: Floats, *, fps: float, metres_per_pixel: float) -> Floats:
    """Metres a second along a gapless path."""
    step = max(1, round(fps * SPEED_WINDOW_S))
    step = min(step, max(1, len(points) - 1))
    if len(points) < 2:
        return np.zeros(1)
    way = np.hypot(*(points[step:] - points[:-step]).T)
    return np.asarray(way / step * fps * metres_per_pixel)


def entry_and_exit(points: Floats, video: Video) -> tuple[str, str]:
    """Sides of the picture (N E S W) a vehicle came from and goes to, though it may begin or end in the middle."""
    return side_towards(points[::-1], video), side_towards(points, video)


def side_towards(points: Floats, video: Video) -> str:
    """The side that is met first when the path is continued straight on from its last point."""
    end = points[-1]
    way = np.hypot(*(points - end).T)
    far = np.nonzero(way >= DIRECTION_WAY * video.width)[0]
    right, down = end - points[far[-1] if len(far) else 0]
    east_west = ("E", video.width - end[0], right) if right > 0 else ("W", end[0], -right)
    north_south = ("S", video.height - end[1], down) if down > 0 else ("N", end[1], -down)
    sides = [(max(rest, 0.0) / pace, side) for side, rest, pace in (east_west, north_south) if pace > 0]
    return min(sides)[1] if sides else "?"


def vehicle_facts(number: int, rows: Floats, video: Video, metres_per_pixel: float) -> dict[str, object]:
    points = centres(rows[:, 1:])
    speed = speeds(points, fps=video.fps, metres_per_pixel=metres_per_pixel)
    entry, leaving = entry_and_exit(points, video)
    thin = np.unique(np.linspace(0, len(points) - 1, PATH_POINTS).astype(int))
    return {
        "id": number,
        "first_s": round(float(rows[0, 0] - 1) / video.fps, 2),
        "last_s": round(float(rows[-1, 0] - 1) / video.fps, 2),
        "path_m": round(float(np.hypot(*np.diff(points, axis=0).T).sum()) * metres_per_pixel, 1),
        "mean_speed_mps": round(float(speed.mean()), 2),
        "top_speed_mps": round(float(np.percentile(speed, TOP_SPEED_PERCENTILE)), 2),
        "from": entry,
        "to": leaving,
        "path": points[thin].round(1).tolist(),
    }


def counts_over_time(tracks: Tracks, video: Video) -> list[dict[str, float]]:
    """Vehicles in the picture, averaged over equal spans of time."""
    present = np.zeros(video.frames + 1)
    for rows in tracks.values():
        present[rows[:, 0].astype(int).clip(0, video.frames)] += 1
    spans = np.array_split(np.arange(1, video.frames + 1), min(COUNT_BINS, video.frames))
    return [
        {"s": round((span[0] - 1) / video.fps, 2), "vehicles": round(float(present[span].mean()), 2)} for span in spans
    ]


def write_counts(path: Path, counts: list[dict[str, float]]) -> None:
    """The same as a table, which the page draws."""
    lines = [f"{each['s']},{each['vehicles']}\n" for each in counts]
    path.write_text("".join(["seconds,vehicles\n", *lines]))


def draw_trajectories(background: Image, tracks: Tracks) -> Image:
    image = background.copy()
    thick = max(1, image.shape[1] // 480)
    for number, rows in tracks.items():
        hue = np.array([[[(number * 47) % 180, 220, 255]]], np.uint8)
        blue, green, red = (int(value) for value in cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0])
        path = centres(rows[:, 1:]).round().astype(np.int32)
        cv2.polylines(image, [path], False, (blue, green, red), thick, cv2.LINE_AA)
        cv2.circle(image, (int(path[-1][0]), int(path[-1][1])), 3 * thick, (blue, green, red), -1, cv2.LINE_AA)
    return image


def draw_heat(background: Image, tracks: Tracks) -> Image:
    """Where vehicles spend their time; transparent where nobody was."""
    height, width = background.shape[:2]
    time = np.zeros((height, width), np.float32)
    for rows in tracks.values():
        x, y = centres(rows[:, 1:]).astype(int).T
        np.add.at(time, (y.clip(0, height - 1), x.clip(0, width - 1)), 1)
    heat = np.sqrt(cv2.GaussianBlur(time, (0, 0), width / HEAT_SPREAD))
    level = heat / max(float(heat.max()), 1e-9)
    colours = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = np.clip(2.5 * level, 0, 0.85)[..., None]
    return (
        np.asarray(background * (1 - weight) * 0.7 + colours * weight, dtype=np.float32).clip(0, 255).astype(np.uint8)
    )


def read_background(path: Path, video: Video) -> Image:
    image = cv2.imread(str(path)) if path.is_file() else None
    return np.full((video.height, video.width, 3), 90, np.uint8) if image is None else image


def measure_accuracy(stage: Stage, tracks: Tracks, video: Video) -> Accuracy | None:
    path = stage.optional_file("ground_truth")
    return evaluate(read_truth(path, frames=video.frames), tracks) if path else None


def analyse(stage: Stage) -> None:
    video = read_video(stage.path("video.json"))
    tracks = read_tracks(stage.path("clean.csv"), made_by="clean")
    if not tracks:
        raise BadInput("clean.csv holds no vehicles: redo clean with lower limits")
    scale = stage.number("metres_per_pixel", 0.1, low=1e-6)
    stage.progress(5, f"{len(tracks)} vehicles")
    vehicles = [vehicle_facts(number, rows, video, scale) for number, rows in tracks.items()]
    background = read_background(stage.path("background.jpg"), video)
    write_image(stage.path("trajectories.png"), draw_trajectories(background, tracks))
    write_image(stage.path("heatmap.png"), draw_heat(background, tracks))
    stage.progress(60, "maps drawn")
    accuracy = measure_accuracy(stage, tracks, video)
    mean_speed = float(np.mean([float(str(vehicle["mean_speed_mps"])) for vehicle in vehicles]))
    counts = counts_over_time(tracks, video)
    facts = {
        "video": asdict(video),
        "metres_per_pixel": scale,
        "vehicles": len(vehicles),
        "mean_speed_mps": round(mean_speed, 2),
        "flows": dict(sorted(Counter(f"{vehicle['from']}>{vehicle['to']}" for vehicle in vehicles).items())),
        "counts": counts,
        "accuracy": asdict(accuracy) if accuracy else None,
        "tracks": vehicles,
    }
    write_json(stage.path("summary.json"), facts)
    write_counts(stage.path("counts.csv"), counts)
    scores = asdict(accuracy) if accuracy else {}
    for name, value in {"vehicles": len(vehicles), "mean_speed_mps": mean_speed, **scores}.items():
        stage.metric(name, value)
    told = f", MOTA {accuracy.mota:.3f}, IDF1 {accuracy.idf1:.3f}" if accuracy else ""
    stage.finish(f"{len(vehicles)} vehicles, {mean_speed:.1f} m/s on average{told}", vehicles=len(vehicles), **scores)


if __name__ == "__main__":
    sys.exit(run("analyse", INPUTS, analyse))
