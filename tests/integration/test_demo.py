"""The first command of the README, as a stranger runs it."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_M10_one_command_runs_the_main_job_and_leaves_nothing_running(tmp_path: Path) -> None:
    """Without an engine; the clip from a registry is run too where one answers, and does without where none does."""
    folder = tmp_path / "demo"
    done = subprocess.run(
        [ROOT / "scripts" / "demo", "--yes", "--runner", "process"],
        env={**os.environ, "WINSLOW_DEMO": str(folder)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "winslowctl answer synthetic --input keep=true" in done.stdout
    reports = list((folder / "results" / "synthetic").glob("*-report/report.html"))
    assert len(reports) == 1
    better = next(line for line in done.stdout.splitlines() if line.split()[:2] == ["metric", "mota"])
    worse, good = (float(word) for word in better.split()[2:4])
    assert worse < 0.6 < good
    assert 'src="http' not in reports[0].read_text()
    left = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout
    assert left == ""
