"""Vehicles that follow routes, each other and two traffic lights.

The Intelligent Driver Model (Treiber, Hennecke and Helbing 2000): accelerate towards a wished speed, brake for
the gap ahead. Lengths in metres, times in seconds. Everything random comes from the generator handed in.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from traffic.boxes import Floats

ACCELERATION = 1.8
BRAKING = 3.0
HARDEST_BRAKING = 8.0
HEADWAY_S = 0.9
STANDSTILL_M = 1.8
LEAST_GREEN_S = 2.5
PATIENCE_S = 1.0
"""A vehicle that stands so long at a red light asks for green."""
CLEARANCE_S = 1.5
"""Both directions see red for so long after each green."""
NORTH_SOUTH_SHARE = 0.35
"""Of all vehicles; the road from west to east is the main road."""
STANDING = 0.5
"""Metres a second."""
STOP_LINE_M = 8.0
"""Before the middle of the crossing."""
SIGHT_M = 40.0
ENTRY_GAP_M = 14.0
TRUCK_SHARE = 0.12
COLOURS = ((30, 30, 30), (240, 240, 240), (40, 40, 200), (180, 60, 30), (150, 150, 155), (30, 160, 220))


@dataclass
class Vehicle:
    number: int
    route: str
    """Entry and exit side, as ``WE``."""
    length: float
    breadth: float
    colour: tuple[int, int, int]
    wish: float
    """Speed it would like, metres a second."""
    speed: float
    way: float = 0.0
    """Metres since the beginning of its route."""

    @property
    def arm(self) -> str:
        """The side it comes from."""
        return self.route[0]


@dataclass
class Lights:
    """Two directions in turn; the green one changes when somebody waits in the other.

    So nobody stands for most of a short clip, which would make him part of the road.
    """

    green: str = "WE"
    _changed: float = 0.0
    _asked_for: float = 0.0

    def is_green(self, arm: str, time: float) -> bool:
        return arm in self.green and time - self._changed >= CLEARANCE_S

    def step(self, waiting: set[str], time: float, seconds: float) -> None:
        """`waiting`: arms on which a vehicle stands."""
        asked = any(arm not in self.green for arm in waiting)
        self._asked_for = self._asked_for + seconds if asked else 0.0
        if self._asked_for >= PATIENCE_S and time - self._changed >= CLEARANCE_S + LEAST_GREEN_S:
            self.green = "NS" if self.green == "WE" else "WE"
            self._changed, self._asked_for = time, 0.0


def acceleration(speed: float, wish: float, gap: float | None) -> float:
    """Of the Intelligent Driver Model; `gap` is None on a free road."""
    free = 1 - (speed / wish) ** 4
    if gap is None:
        return ACCELERATION * free
    safe = STANDSTILL_M + speed * HEADWAY_S + speed**2 / (2 * math.sqrt(ACCELERATION * BRAKING))
    return max(-HARDEST_BRAKING, ACCELERATION * (free - (safe / max(gap, 0.3)) ** 2))


@dataclass
class Road:
    """All vehicles on the crossing."""

    routes: Mapping[str, float]
    """Length of each route in metres."""
    middle: Mapping[str, float]
    """Metres from the beginning of a route to the middle of the crossing, by arm."""
    rate: float
    """Vehicles a second."""
    random: np.random.Generator
    vehicles: list[Vehicle] = field(default_factory=list)
    lights: Lights = field(default_factory=Lights)
    time: float = 0.0
    _next_entry: float = 0.0
    _count: int = 0

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self._enter()
        self.lights.step({vehicle.arm for vehicle in self.vehicles if vehicle.speed < STANDING}, self.time, seconds)
        ahead = sorted(self.vehicles, key=lambda vehicle: -vehicle.way)
        for vehicle in ahead:
            change = acceleration(vehicle.speed, vehicle.wish, self._gap(vehicle))
            vehicle.speed = max(0.0, vehicle.speed + change * seconds)
            vehicle.way += vehicle.speed * seconds
        self.vehicles = [vehicle for vehicle in self.vehicles if vehicle.way < self.routes[vehicle.route] - 1]
        self.time += seconds

    def _enter(self) -> None:
        if self.time < self._next_entry:
            return
        self._next_entry = self.time + self.random.exponential(1 / self.rate)
        arms = "NS" if self.random.random() < NORTH_SOUTH_SHARE else "EW"
        route = str(self.random.choice(sorted(name for name in self.routes if name[0] in arms)))
        vehicle = self._new_vehicle(route)
        if all(other.arm != vehicle.arm or other.way > ENTRY_GAP_M for other in self.vehicles):
            self._count += 1
            vehicle.number = self._count
            self.vehicles.append(vehicle)

    def _new_vehicle(self, route: str) -> Vehicle:
        truck = self.random.random() < TRUCK_SHARE
        length = self.random.uniform(8.0, 11.0) if truck else self.random.uniform(3.8, 5.0)
        straight = route in ("WE", "EW", "NS", "SN")
        wish = self.random.uniform(8.0, 13.0) if straight else self.random.uniform(6.0, 8.0)
        colour = COLOURS[self.random.integers(len(COLOURS))]
        return Vehicle(0, route, length, 2.5 if truck else 1.8, colour, wish, speed=0.9 * wish)

    def _gap(self, vehicle: Vehicle) -> float | None:
        """Metres to the nearest thing to stop for: a red light or the vehicle ahead."""
        to_line = self.middle[vehicle.arm] - STOP_LINE_M - vehicle.way - vehicle.length / 2
        stops = (
            [] if self.lights.is_green(vehicle.arm, self.time) or not -0.5 < to_line < SIGHT_M else [max(to_line, 0.0)]
        )
        for other in self.vehicles:
            ahead = other.way - vehicle.way
            if other.arm == vehicle.arm and 0 < ahead < SIGHT_M:
                stops.append(ahead - (other.length + vehicle.length) / 2)
        return min(stops, default=None)


def pose(route: Floats, way: float) -> tuple[float, float, float]:
    """Position (pixels) and heading (degrees, clockwise from east) after `way` pixels of a route."""
    last = len(route) - 1
    index = min(int(way), last)
    following = min(index + 1, last)
    x, y = route[index] + (way - int(way)) * (route[following] - route[index])
    ahead = route[min(index + 4, last)] - route[max(index - 4, 0)]
    return float(x), float(y), float(np.degrees(np.arctan2(ahead[1], ahead[0])))
