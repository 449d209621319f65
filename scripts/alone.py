"""Runs the few tests that failed beside others once more, alone: prints which of them pass then.

A test of a real browser, engine or server that fails only on a busy machine is a race, in it or in Winslow: it is named
at the end of every run until somebody finds it, and it does not hide whether the rest is well. Tests without services
have no such excuse, and neither have many failures at once.
"""

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
REAL = ("tests/browser/", "tests/integration/")
MOST = 5


def main() -> int:
    failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
    if not failed or len(failed) > MOST or not all(each.startswith(REAL) for each in failed):
        return 1
    status = subprocess.run(["pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *failed], check=False).returncode
    if status == 0:
        print("failed beside others, passed alone; each is a race to be found:", *failed, sep="\n  ", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
