"""What an installation puts among everybody's packages: the layers, and nothing else of this folder."""

import tomllib
from pathlib import Path

import pytest

import hatch_build
from runner import isolated

ROOT = Path(__file__).parents[3]
LAYERS = ["schema", "flow", "state", "runner", "peer", "controller", "webui", "cli"]


def test_a_wheel_holds_the_layers_and_no_tests_or_benchmarks() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["only-include"] == LAYERS
    assert build["sources"] == {layer: f"winslow_controller/{layer}" for layer in LAYERS}


def test_the_image_is_built_from_just_these() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == {
        *LAYERS,
        "pyproject.toml",
        "hatch_build.py",
        "package.json",
        "package-lock.json",
        "README.md",
        "LICENSE",
        "scripts/winslowctl",
        "scripts/winslow_controller.pth",
        "docs/schemas",
        "wheels",
    }


def test_no_address_is_made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are those of whoever builds it, or of the source distribution that it is built of (docs/design/040)."""
    for name in ("WINSLOW_HOME", "CI_PROJECT_URL"):
        monkeypatch.delenv(name, raising=False)
    assert addresses(tmp_path) == {}
    monkeypatch.setenv("CI_PROJECT_URL", "https://git.lab/winslow")
    told = addresses(tmp_path)
    assert isinstance(told, dict)
    assert set(told) == {"Documentation", "Source", "Changelog", "Issues"}
    assert told["Source"] == "https://git.lab/winslow"
    monkeypatch.delenv("CI_PROJECT_URL")
    lines = "".join(f"Project-URL: {name}, {address}\n" for name, address in told.items())
    (tmp_path / "PKG-INFO").write_text(f"Name: winslow-controller\n{lines}\nProject-URL: Text, of the README\n")
    assert addresses(tmp_path) == told


def addresses(root: Path) -> object:
    metadata: dict[str, object] = {}
    hatch_build.Addresses(str(root), {}).update(metadata)
    return metadata["urls"]


def test_K1_the_isolated_start_guards_each_of_them() -> None:
    assert list(isolated.PACKAGES) == LAYERS
