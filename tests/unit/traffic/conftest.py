"""The stage programs are no installed package: they live in the image's folder."""

import os
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).resolve().parents[3] / "example-state-repo" / "images" / "traffic"
sys.path.insert(0, str(PROGRAMS))

pytest.importorskip("cv2", reason="OpenCV is not installed (extra: video)")


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No word from a surrounding Winslow reaches a test."""
    for name in list(os.environ):
        if name.startswith(("WINSLOW_", "INPUT_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small clip without trees: few vehicles, and big enough to be found."""
    from traffic.generate import main

    folder = tmp_path_factory.mktemp("clip")
    scale = ["--size", "320x180", "--metres-per-pixel", "0.15", "--fps", "12"]
    assert (
        main([str(folder), "--frames", "48", "--seed", "5", "--trees", "0", "--noise", "2", "--drift", "5", *scale])
        == 0
    )
    return folder
