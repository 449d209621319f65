"""Make a synthetic drone clip of a crossing, with exact ground truth. Not a stage: run it before the pipeline.

    python -m traffic.generate OUT_DIR --frames 300 --size 960x540 --seed 1

Writes ``video.mp4``, ``scene.json`` and ``ground_truth.csv`` with the columns frame (from 1), id, x y w h (box in
pixels, cut at the edge of the picture), cx cy angle (pixels, degrees), speed_mps, visible (share of the vehicle
that neither leaves nor the edge hide) and route. The same seed gives the same files.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike as Image

from traffic.boxes import Floats
from traffic.driving import Road, Vehicle, pose
from traffic.scene import OUTSIDE_M, Scene, make_scene
from traffic.stage import BadInput, write_json
from traffic.tables import write_table
from traffic.video import Movie

TRUTH = ("frame", "id", "x", "y", "w", "h", "cx", "cy", "angle", "speed_mps", "visible", "route")
SCENE_WIDTH_M = 96.0
"""Metres the picture shows, unless told otherwise; so a smaller picture shows the same scene."""
WARM_UP_S = 12.0
"""Traffic that runs before the first frame, so that the picture does not begin empty."""
SHADOW_M = 0.5
SHADOW = (75, 75, 75)
GLASS = (90, 70, 50)
SUBPIXEL_BITS = 4
NOISE_FIELDS = 6
LEAST_SIDE = 3
"""Pixels; what shows less of itself is not in the ground truth."""


@dataclass(frozen=True)
class Options:
    frames: int
    width: int
    height: int
    fps: float
    seed: int
    rate: float
    """Vehicles a second."""
    trees: int
    drift: float
    """Pixels the camera wanders, about."""
    noise: float
    """Grey levels, standard deviation."""
    metres_per_pixel: float


class Drift:
    """Slow wandering of the camera: a random walk that is pulled back to where it began."""

    def __init__(self, size: float, random: np.random.Generator) -> None:
        self._size = size
        self._random = random
        self._place = np.zeros(2)

    def step(self) -> Floats:
        self._place = 0.98 * self._place + self._random.normal(0, 0.2 * self._size, 2)
        return self._place


class Noise:
    """Sensor noise: a few prepared fields, shifted at random, since fresh noise would cost more than the drawing."""

    def __init__(self, width: int, height: int, level: float, random: np.random.Generator) -> None:
        self._random = random
        self._level = level
        fields = random.normal(0, level, (NOISE_FIELDS, height + 64, width + 64))
        self._fields = [cv2.merge([field] * 3) for field in fields.round().astype(np.int16)]
        self._size = height, width

    def add(self, image: Image) -> Image:
        down, right = self._random.integers(64, size=2)
        field = self._fields[self._random.integers(NOISE_FIELDS)]
        height, width = self._size
        if self._level == 0:
            return image
        return cv2.add(image, field[down : down + height, right : right + width], dtype=cv2.CV_8U)


def outline(x: float, y: float, length: float, breadth: float, angle: float) -> Floats:
    """Corners of a turned rectangle."""
    return np.asarray(cv2.boxPoints(((x, y), (length, breadth), angle)), dtype=np.float64)


def fill(image: Image, corners: Floats, colour: tuple[int, int, int] | int) -> None:
    """A filled polygon with corners between pixels."""
    fixed = (corners * 2**SUBPIXEL_BITS).round().astype(np.int32)
    paint = colour if isinstance(colour, tuple) else (colour, colour, colour)
    cv2.fillConvexPoly(image, fixed, paint, cv2.LINE_AA, SUBPIXEL_BITS)


class Painter:
    """Draws the scene and knows what of a vehicle can be seen."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._under_leaves = (scene.canopy > 0)[..., None]

    def place(self, vehicle: Vehicle) -> tuple[float, float, float]:
        return pose(self._scene.routes[vehicle.route], self._scene.pixels(vehicle.way))

    def corners(self, vehicle: Vehicle) -> Floats:
        x, y, angle = self.place(vehicle)
        return outline(x, y, self._scene.pixels(vehicle.length), self._scene.pixels(vehicle.breadth), angle)

    def paint(self, vehicles: list[Vehicle]) -> Image:
        image = self._scene.background.copy()
        for vehicle in vehicles:
            fill(image, self.corners(vehicle) + self._scene.pixels(SHADOW_M), SHADOW)
        for vehicle in vehicles:
            fill(image, self.corners(vehicle), vehicle.colour)
            fill(image, self._windscreen(vehicle), GLASS)
        np.copyto(image, self._scene.leaves, where=self._under_leaves)
        return image

    def _windscreen(self, vehicle: Vehicle) -> Floats:
        x, y, angle = self.place(vehicle)
        ahead = 0.2 * self._scene.pixels(vehicle.length)
        x, y = x + ahead * np.cos(np.radians(angle)), y + ahead * np.sin(np.radians(angle))
        length, breadth = 0.15 * vehicle.length, 0.8 * vehicle.breadth
        return outline(x, y, self._scene.pixels(length), self._scene.pixels(breadth), angle)

    def visible(self, corners: Floats) -> float:
        """Share of the rectangle that is in the picture and not under leaves."""
        low = np.floor(corners.min(axis=0)).astype(int)
        high = np.ceil(corners.max(axis=0)).astype(int) + 1
        shape = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        cv2.fillConvexPoly(shape, (corners - low).round().astype(np.int32), (1.0,))
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, (self._scene.width, self._scene.height))
        if left >= right or top >= bottom:
            return 0.0
        inside = shape[top - low[1] : bottom - low[1], left - low[0] : right - low[0]]
        clear = inside[self._scene.canopy[top:bottom, left:right] == 0].sum()
        return float(clear) / max(float(shape.sum()), 1.0)


def truth_row(frame: int, vehicle: Vehicle, painter: Painter, shift: Floats, options: Options) -> list[object] | None:
    """One row of ground truth, or None where nothing of the vehicle is in the picture."""
    corners = painter.corners(vehicle)
    low = np.maximum((corners + shift).min(axis=0), 0)
    high = np.minimum((corners + shift).max(axis=0), (options.width, options.height))
    if (high - low).min() < LEAST_SIDE:
        return None
    x, y, angle = painter.place(vehicle)
    numbers = [*low, *(high - low), x + shift[0], y + shift[1], angle, vehicle.speed, painter.visible(corners)]
    return [frame, vehicle.number, *(round(float(number), 2) for number in numbers), vehicle.route]


def make_road(scene: Scene, options: Options, random: np.random.Generator) -> Road:
    lengths = {name: len(points) * scene.metres_per_pixel for name, points in scene.routes.items()}
    across, down = (OUTSIDE_M + size / 2 * scene.metres_per_pixel for size in (scene.width, scene.height))
    road = Road(lengths, {"W": across, "E": across, "N": down, "S": down}, options.rate, random)
    for _ in range(round(WARM_UP_S * options.fps)):
        road.step(1 / options.fps)
    return road


def shifted(image: Image, shift: Floats) -> Image:
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float32)
    return cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE)


def generate(folder: Path, options: Options) -> dict[str, object]:
    """Write the three files; returns what scene.json says."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(options.seed)
    scene = make_scene(options.width, options.height, options.metres_per_pixel, options.trees, random)
    road = make_road(scene, options, random)
    painter, drift = Painter(scene), Drift(options.drift, random)
    noise = Noise(options.width, options.height, options.noise, random)
    movie = Movie(folder / "video.mp4", codec="mp4v", fps=options.fps, size=(options.width, options.height))
    truth: list[list[object]] = []
    for frame in range(1, options.frames + 1):
        road.step(1 / options.fps)
        shift = drift.step()
        movie.add(noise.add(shifted(painter.paint(road.vehicles), shift)))
        rows = [truth_row(frame, vehicle, painter, shift, options) for vehicle in road.vehicles]
        truth += [row for row in rows if row is not None]
    movie.close()
    write_table(folder / "ground_truth.csv", TRUTH, truth)
    facts = vars(options) | {"vehicles": len({row[1] for row in truth})}
    write_json(folder / "scene.json", facts)
    return facts


def parse(argv: list[str]) -> tuple[Path, Options]:
    parser = argparse.ArgumentParser(prog="python -m traffic.generate", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--size", default="960x540", help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.7, help="vehicles a second")
    parser.add_argument("--trees", type=int, default=4, help="trees, the first four over a road")
    parser.add_argument("--drift", type=float, default=1.0, help="pixels the camera wanders, about")
    parser.add_argument("--noise", type=float, default=4.0, help="grey levels of sensor noise")
    parser.add_argument("--metres-per-pixel", type=float, default=0.0, help="default: the picture is 96 m wide")
    given = parser.parse_args(argv)
    width, _, height = given.size.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 64 and int(height) >= 48):
        raise BadInput(f"--size {given.size} is not WIDTHxHEIGHT of at least 64x48 pixels")
    if given.frames < 1 or given.fps <= 0 or given.rate <= 0:
        raise BadInput("--frames, --fps and --rate must be positive")
    scale = given.metres_per_pixel or SCENE_WIDTH_M / int(width)
    return given.folder, Options(
        given.frames,
        int(width),
        int(height),
        given.fps,
        given.seed,
        given.rate,
        given.trees,
        given.drift,
        given.noise,
        scale,
    )


def main(argv: list[str]) -> int:
    try:
        folder, options = parse(argv)
        facts = generate(folder, options)
    except BadInput as problem:
        print(f"generate: {problem}", file=sys.stderr)
        return 2
    print(f"{folder}: {facts['frames']} frames, {facts['vehicles']} vehicles")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
