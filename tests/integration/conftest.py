from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.node.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Makes labs, and leaves nothing of them running."""
    labs: list[Lab] = []

    def make(stages: str, **options: str) -> Lab:
        labs.append(Lab(tmp_path / f"lab{len(labs)}", stages, **options))
        return labs[-1]

    yield make
    for each in labs:
        each.close()
