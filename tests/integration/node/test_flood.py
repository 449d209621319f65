"""F20: a stage that does not stop talking."""

import re
from collections.abc import Callable
from pathlib import Path

from runner.logs import CAP, SUMMARY
from schema.execution import State
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
FLOOD = "import sys; [sys.stdout.write('y' * 65535 + chr(10)) for _ in range(6000)]"
"""Nearly 400 MB, six times what is kept."""


def test_F20_a_flood_stays_within_its_cap_and_the_controller_small(lab: Labs) -> None:
    here = lab(stage("one", FLOOD))
    node = here.node()
    here.ask("request: start")
    view = here.until_reason("Done")
    [record] = view.executions
    assert record.state is State.SUCCEEDED
    status = Path(f"/proc/{node.child.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s*(\d+) kB", status)
    assert peak
    assert int(peak[1]) < 200 * 1024
    kept = here.folder / "n1" / "runs" / record.claim.container / "log"
    assert kept.stat().st_size <= CAP + 200
    summary = here.repository.read_text("projects/v/logs/0001-one.txt") or ""
    assert 0 < len(summary.encode()) <= SUMMARY
    assert "is full" in summary
