"""What docs/operating.md says about a branch that was rewound: the node halts, and its words bring it back."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.integration.node.lab import HANG, Lab, stage

REMEDY = next(block.text for block in blocks(ROOT / "docs" / "operating.md") if "refs/winslow-ours/lost" in block.text)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab", stage("one"))
    yield lab
    lab.close()


def test_F11_the_remedy_of_the_page_brings_back_what_was_lost(lab: Lab) -> None:
    lab.node()
    lab.ask("request: start\n")
    lab.until_reason("Done")
    tip = git(lab, "rev-parse", "winslow/state")
    git(lab, "update-ref", "refs/heads/winslow/state", f"{tip}~2")
    until_said(lab, "went back")
    text = REMEDY.replace("/var/lib/winslow", str(lab.folder / "n1")).replace("REPO", str(lab.remote))
    done = subprocess.run(["sh", "-ec", text.replace("COMMIT", tip)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tip in done.stdout
    assert git(lab, "merge-base", "--is-ancestor", tip, "winslow/state") == ""
    lab.ask("request: start\n")
    lab.until(lambda view: len(view.executions) == 2)
    assert lab.until_reason("Done").executions[0].result is not None


def git(lab: Lab, *arguments: str) -> str:
    command = ["git", "--git-dir", str(lab.remote), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def until_said(lab: Lab, text: str) -> None:
    deadline = time.monotonic() + HANG
    while text not in (lab.folder / "n1.log").read_text():
        assert time.monotonic() < deadline, (lab.folder / "n1.log").read_text()
        time.sleep(0.05)
