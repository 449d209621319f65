"""The synthetic crossing seen from above: roads, routes, trees, markings.

Lengths are metres in constants and pixels in arrays. Traffic keeps to the right; x grows to the east, y to the
south. There are no left turns, so no two routes with a green light cross.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike as Image

from traffic.boxes import Floats

LANE_OFFSET_M = 2.0
ROAD_HALF_M = 4.0
TURN_RADIUS_M = 7.0
OUTSIDE_M = 14.0
"""Routes begin and end so far outside the picture that the longest vehicle is hidden."""
DASH_M = 3.0

GRASS = (60, 120, 80)
ASPHALT = (105, 105, 105)
MARKING = (215, 215, 215)
LEAVES = (40, 85, 50)
TREES = ((0.18, 0.50), (0.80, 0.53), (0.50, 0.14), (0.48, 0.88), (0.32, 0.38), (0.70, 0.66))
"""Shares of width and height; the first four hang over a road."""


@dataclass(frozen=True)
class Scene:
    width: int
    height: int
    metres_per_pixel: float
    background: Image
    canopy: Image
    """255 where leaves hide what is below."""
    leaves: Image
    routes: dict[str, Floats]
    """Centre lines by entry and exit side (``WE``: west to east), a point each pixel of way."""

    def pixels(self, metres: float) -> float:
        return metres / self.metres_per_pixel


def make_scene(width: int, height: int, metres_per_pixel: float, trees: int, random: np.random.Generator) -> Scene:
    canopy = draw_canopy(width, height, metres_per_pixel, trees, random)
    leaves = textured(width, height, LEAVES, 25.0, 3, random)
    background = draw_background(width, height, metres_per_pixel, random)
    routes = make_routes(width, height, metres_per_pixel)
    return Scene(width, height, metres_per_pixel, background, canopy, leaves, routes)


def make_routes(width: int, height: int, metres_per_pixel: float) -> dict[str, Floats]:
    x, y = width / 2, height / 2
    lane, radius, outside = (length / metres_per_pixel for length in (LANE_OFFSET_M, TURN_RADIUS_M, OUTSIDE_M))
    west, east = (-outside, y + lane), (width + outside, y - lane)
    north, south = (x - lane, -outside), (x + lane, height + outside)
    to_west, to_east = (-outside, y - lane), (width + outside, y + lane)
    to_north, to_south = (x + lane, -outside), (x - lane, height + outside)
    corners = {
        "WS": (west, (x - radius, y + lane), (x - lane, y + lane), (x - lane, y + radius), to_south),
        "EN": (east, (x + radius, y - lane), (x + lane, y - lane), (x + lane, y - radius), to_north),
        "SE": (south, (x + lane, y + radius), (x + lane, y + lane), (x + radius, y + lane), to_east),
        "NW": (north, (x - lane, y - radius), (x - lane, y - lane), (x - radius, y - lane), to_west),
    }
    straight = {"WE": (west, to_east), "EW": (east, to_west), "NS": (north, to_south), "SN": (south, to_north)}
    turns = {
        name: evenly(np.vstack([start, curve(before, corner, after), end]))
        for name, (start, before, corner, after, end) in corners.items()
    }
    return {name: evenly(np.array(ends)) for name, ends in straight.items()} | turns


def curve(start: tuple[float, float], corner: tuple[float, float], end: tuple[float, float]) -> Floats:
    """A quadratic Bézier curve around a corner."""
    t = np.linspace(0, 1, 40)[:, None]
    points: Floats = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(corner) + t**2 * np.array(end)
    return points


def evenly(points: Floats) -> Floats:
    """The polyline as points one pixel of way apart."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    steps = np.arange(0.0, way[-1])
    return np.column_stack([np.interp(steps, way, points[:, axis]) for axis in (0, 1)])


def textured(
    width: int, height: int, colour: tuple[int, int, int], spread: float, grain: int, random: np.random.Generator
) -> Image:
    """A surface of one colour with blotches of about `grain` pixels."""
    blotches = random.normal(0, spread, (max(2, height // grain), max(2, width // grain))).astype(np.float32)
    light = cv2.resize(blotches, (width, height))[..., None]
    surface: npt.NDArray[np.uint8] = np.clip(np.array(colour) + light, 0, 255).astype(np.uint8)
    return surface


def draw_background(width: int, height: int, metres_per_pixel: float, random: np.random.Generator) -> Image:
    image = textured(width, height, GRASS, 14.0, 8, random)
    x, y, half = width // 2, height // 2, int(ROAD_HALF_M / metres_per_pixel)
    cv2.rectangle(image, (0, y - half), (width, y + half), ASPHALT, -1)
    cv2.rectangle(image, (x - half, 0), (x + half, height), ASPHALT, -1)
    dash, thick = max(2, int(DASH_M / metres_per_pixel)), max(1, round(0.12 / metres_per_pixel))
    for start in range(0, width, 2 * dash):
        if abs(start - x) > half + dash:
            cv2.line(image, (start, y), (start + dash, y), MARKING, thick)
    for start in range(0, height, 2 * dash):
        if abs(start - y) > half + dash:
            cv2.line(image, (x, start), (x, start + dash), MARKING, thick)
    grain = random.normal(0, 4, image.shape)
    painted: npt.NDArray[np.uint8] = np.clip(image + grain, 0, 255).astype(np.uint8)
    return painted


def draw_canopy(width: int, height: int, metres_per_pixel: float, trees: int, random: np.random.Generator) -> Image:
    canopy = np.zeros((height, width), np.uint8)
    for across, down in TREES[:trees]:
        for _ in range(9):
            x, y = np.array([across * width, down * height]) + random.normal(0, 1.3 / metres_per_pixel, 2)
            radius = random.uniform(1.0, 2.0) / metres_per_pixel
            cv2.circle(canopy, (int(x), int(y)), int(radius), 255, -1)
    return canopy
