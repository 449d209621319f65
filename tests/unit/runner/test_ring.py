"""The ring of load records against a plain list of what was put."""

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.metrics.ring import Point, Ring

RECORDS, PERIOD = 12, 5.0
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.integers(1, 90)),
        st.tuples(st.just("jump"), st.integers(-400, 400)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=60,
)


def ring(folder: Path) -> Ring:
    return Ring(folder / "ring", 2, RECORDS, PERIOD)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_R1510_a_ring_holds_the_newest_of_every_place_over_wraps_restarts_and_clock_jumps(
    steps: list[tuple[str, int]],
) -> None:
    with TemporaryDirectory() as folder:
        made, now, expected = ring(Path(folder)), 10_000.0, dict[int, Point]()
        for number, (kind, seconds) in enumerate(steps):
            if kind == "restart":
                made = ring(Path(folder))
                continue
            now += seconds
            made.put(now, [number, -number])
            expected[int(now // PERIOD) % RECORDS] = Point(now, (number, -number))
            seen = made.points(now - made.span, now)
            first = int((now - made.span + PERIOD) // PERIOD)
            kept = [p for p in expected.values() if first * PERIOD <= p.time <= now]
            assert seen == sorted(kept, key=lambda p: p.time)
            assert len(seen) <= RECORDS
        assert os.stat(made.path).st_size == made.size if made.path.exists() else not expected


@given(st.integers(0, 400), st.binary(min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_what_is_damaged_is_not_shown_and_the_file_goes_on(offset: int, damage: bytes) -> None:
    with TemporaryDirectory() as folder:
        made = ring(Path(folder))
        for number in range(RECORDS):
            made.put(1000 + number * PERIOD, [number, number])
        with made.path.open("r+b") as file:
            file.seek(offset)
            file.write(damage)
        now = 1000 + RECORDS * PERIOD
        for point in made.points(0, now):
            assert point.values == ((point.time - 1000) / PERIOD,) * 2
        made.put(now, [7, 7])
        assert made.points(now, now) == [Point(now, (7, 7))]
        assert os.stat(made.path).st_size == made.size


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 5000])
def test_a_file_that_is_no_ring_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    made = ring(tmp_path)
    made.path.write_bytes(content)
    assert made.points(0, 2000) == []
    made.put(2000, [1, math.inf])
    [point] = made.points(0, 2000)
    assert point.values[0] == 1
    assert math.isnan(point.values[1])


def test_other_columns_begin_a_new_file(tmp_path: Path) -> None:
    ring(tmp_path).put(2000, [1, 1])
    other = Ring(tmp_path / "ring", 3, RECORDS, PERIOD)
    assert other.points(0, 2000) == []
    other.put(2000, [1, 2, 3])
    assert other.points(0, 2000) == [Point(2000, (1, 2, 3))]
