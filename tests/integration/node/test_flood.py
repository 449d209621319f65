"""F20: a stage that does not stop talking, as a process; as a container in `tests/integration/docker`."""

from collections.abc import Callable

import pytest

from tests.integration.node.floods import flood, within_bounds
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]


@pytest.mark.parametrize(("lines", "width"), [(6_000, 65_536), (1_000_000_000, 2)], ids=["long lines", "2 GB of yes"])
def test_F20_a_flood_stays_within_its_cap_and_the_controller_small(lab: Labs, lines: int, width: int) -> None:
    here = lab(stage("one", flood(lines, width)))
    node = here.node()
    here.ask("request: start")
    within_bounds(here, node)
