"""What this machine does at this moment: one look costs well under a millisecond, and starts no program."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

INNER = ("lo", "veth", "docker", "br-", "virbr", "tap", "tun")
"""Interfaces whose traffic does not leave the machine, or is counted by another one too."""

Traffic = Mapping[str, tuple[int, int]]
"""By interface: bytes received and sent since it came up."""


class Machine:
    """Rates are differences to the look before, so the first one has none."""

    def __init__(self, data: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.data, self.monotonic = data, monotonic
        self._cpu: tuple[float, float] | None = None
        self._network: Traffic = {}
        self._when = 0.0

    def look(self) -> dict[str, float]:
        """By the names of runner.metrics.load.COLUMNS; what this machine does not tell is left out."""
        found: dict[str, float] = {}
        for part in (self._processor, self._memory, self._disk, self._traffic):
            try:
                found |= part()
            except (OSError, RuntimeError, AttributeError):
                continue
        return found

    def _processor(self) -> dict[str, float]:
        times = psutil.cpu_times()
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        before, self._cpu = self._cpu, (total, idle)
        found = {"load": psutil.getloadavg()[0]}
        if before and total > before[0]:
            share = 1 - (idle - before[1]) / (total - before[0])
            found["cpu"] = min(100.0, max(0.0, 100 * share))
        return found

    def _memory(self) -> dict[str, float]:
        return {"memory": float(psutil.virtual_memory().percent)}

    def _disk(self) -> dict[str, float]:
        found = psutil.disk_usage(str(self.data))
        return {"disk": float(found.percent), "disk_free": float(found.free)}

    def _traffic(self) -> dict[str, float]:
        now, before = self.monotonic(), self._network
        seconds, self._when = now - self._when, now
        counters = psutil.net_io_counters(pernic=True, nowrap=False)
        here = {n: (c.bytes_recv, c.bytes_sent) for n, c in counters.items() if not n.startswith(INNER)}
        self._network = here
        return rates(before, here, seconds)


def rates(
    before: Mapping[str, tuple[int, int]], now: Mapping[str, tuple[int, int]], seconds: float
) -> dict[str, float]:
    """Bytes a second. A counter that went back began anew or wrapped: it counts for nothing this time."""
    if not before or seconds <= 0:
        return {}
    received = sum(max(0, count[0] - before[name][0]) for name, count in now.items() if name in before)
    sent = sum(max(0, count[1] - before[name][1]) for name, count in now.items() if name in before)
    return {"received": received / seconds, "sent": sent / seconds}
