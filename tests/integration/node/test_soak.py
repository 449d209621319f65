"""The soak of `benchmarks`: it works in small, and it can say that something is not flat."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import soak


def samples(**growth: float) -> list[dict[str, float]]:
    """A hundred looks at a node that does a stage each time; what is named grows by so much with each."""
    flat = {"memory_mib": 60.0, "files": 20.0, "threads": 9.0}
    each = {"cpu_seconds": 0.1, "repository_kib": 60.0, "data_kib": 80.0}
    return [
        {"seconds": float(at), "stages": float(at)}
        | {name: value + growth.get(name, 0.0) * at for name, value in flat.items()}
        | {name: value * at + growth.get(name, 0.0) * at * at for name, value in each.items()}
        for at in range(100)
    ]


def test_M4_what_is_held_or_costs_as_much_at_the_end_is_flat() -> None:
    assert soak.verdict(samples())["rising"] == []


@pytest.mark.parametrize(
    ("name", "growth"),
    [("memory_mib", 1.0), ("files", 1.0), ("threads", 1.0), ("cpu_seconds", 0.01), ("data_kib", 5.0)],
)
def test_M4_what_grows_is_named(name: str, growth: float) -> None:
    assert soak.verdict(samples(**{name: growth}))["rising"] == [name]


def test_what_was_seen_is_drawn() -> None:
    drawing = ET.fromstring(soak.drawn(samples()))
    assert len(drawing.findall("{*}polyline")) == len(soak.HELD) + len(soak.EACH) + 1


@pytest.mark.slow
def test_M4_a_short_soak_ends_with_all_work_done(tmp_path: Path) -> None:
    found = soak.measure(seconds=8.0, every=2.0, seed=3, plot=str(tmp_path / "soak.svg"))
    assert found["stages"] >= soak.PROJECTS * soak.STAGES  # type: ignore[operator]
    assert found["faults"]
    assert ET.parse(tmp_path / "soak.svg").getroot() is not None
