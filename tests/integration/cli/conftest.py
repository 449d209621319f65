from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    labs: list[Lab] = []

    def make(stages: str, **options: str) -> Lab:
        labs.append(Lab(tmp_path / f"lab{len(labs)}", stages, **options))
        return labs[-1]

    yield make
    for each in labs:
        each.close()


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
