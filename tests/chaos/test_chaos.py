"""Real nodes, real git, bad weather: `CHAOS=100 pytest tests/chaos` for a long night, `CHAOS_SEED=7` for one."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.chaos.driver import Weather
from tests.servers.http import HttpServer

SEEDS = [int(os.environ["CHAOS_SEED"])] if "CHAOS_SEED" in os.environ else range(int(os.environ.get("CHAOS", "5")))


RAGE = float(os.environ.get("CHAOS_SECONDS", "8"))
"""Of bad weather over HTTP: minutes of it are a long run."""
SERVED = SEEDS if "CHAOS" in os.environ or "CHAOS_SEED" in os.environ else range(1)


def survived(weather: Weather, folder: Path, seed: int, seconds: float) -> None:
    """Through the storm, and everything done and nothing kept after it. What failed leaves its folder."""
    try:
        weather.rage(seconds)
        left = weather.clear()
        found = weather.violations()
    finally:
        weather.end()
    kept = folder
    if found or left:
        kept = Path(tempfile.mkdtemp(prefix=f"winslow-chaos-{seed}-")) / "all"
        shutil.copytree(folder, kept, symlinks=True, ignore=shutil.ignore_patterns("probe-*"))
    told = "\n".join(["", "violations:", *found, "not finished:", *left, "what happened:", *weather.told])
    assert not found, f"seed {seed} in {kept}:{told}"
    assert not left, f"seed {seed} in {kept}:{told}"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SEEDS)
def test_F14_M3_every_stage_has_one_accepted_result_whatever_happened(seed: int, tmp_path: Path) -> None:
    survived(Weather(tmp_path, seed), tmp_path, seed, 8.0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SERVED)
def test_F14_M3_over_http_too_each_request_is_answered_and_nothing_stays_in_journal_or_outbox(
    seed: int, tmp_path: Path, http: HttpServer
) -> None:
    survived(Weather(tmp_path, seed, http.url), tmp_path, seed, RAGE)
