from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.gpus.double import Driver, Probe


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    return Driver(tmp_path)


@pytest.fixture
def probe(driver: Driver) -> Iterator[Probe]:
    probe = Probe(driver)
    yield probe
    probe.close()
