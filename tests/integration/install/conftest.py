from pathlib import Path

import pytest

from tests.integration.install.places import ROOT, Place, built, place


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Place:
    """The command alone."""
    return place(tmp_path_factory.mktemp("bare"), wheel)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Place:
    """Everything that a node can do."""
    return place(tmp_path_factory.mktemp("node"), wheel, "node")
