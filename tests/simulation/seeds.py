"""How many random worlds are looked at, and which."""

import os
from datetime import UTC, datetime

SEEDS = int(os.environ.get("SEEDS", "200"))
DAY = int(os.environ.get("SIMULATED_DAY") or (datetime.now(UTC).toordinal() * 1000 if os.environ.get("CI") else 1000))
"""In CI each day has worlds of its own, and the first line of a run names it: `SIMULATED_DAY=739951000` repeats it."""
