"""What must hold of a node while a stage does not stop talking, whatever runs it."""

import re
from pathlib import Path

from runner.logs.log_file import CAP, SUMMARY
from schema.execution import State
from tests.integration.node.lab import Lab, Node

MIB = 1024 * 1024


def flood(lines: int, width: int) -> str:
    """A program that writes so many lines of so many bytes, many at a time."""
    many = max(1, MIB // width)
    return (
        f"import os; b = (b'y' * {width - 1} + bytes([10])) * {many}; [os.write(1, b) for _ in range({lines // many})]"
    )


def within_bounds(here: Lab, node: Node) -> None:
    """The stage has ended well; its log, its summary and the controller's memory have their limits."""
    [record] = here.until_reason("Done").executions
    assert record.state is State.SUCCEEDED
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{node.child.pid}/status").read_text())
    assert peak
    assert int(peak[1]) < 200 * 1024
    kept = here.folder / "n1" / "runs" / record.claim.container / "log"
    assert CAP - MIB < kept.stat().st_size <= CAP + 200
    summary = here.repository.read_text("projects/v/logs/0001-one.txt") or ""
    assert 0 < len(summary.encode()) <= SUMMARY
    assert "is full" in summary
