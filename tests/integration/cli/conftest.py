from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Lab], Command]:
    """`winslowctl` against a lab's repository, in this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WINSLOW_AUTHOR", "Ada <ada@example.org>")

    def make(lab: Lab) -> Command:
        monkeypatch.setenv("WINSLOW_REPO", str(lab.remote))
        monkeypatch.setenv("WINSLOW_DATA", str(lab.folder / "n1"))
        return Command()

    return make
