from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.runners import Bench, docker


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = docker(tmp_path)
    yield bench
    bench.close()
