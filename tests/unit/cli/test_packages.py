"""What an installation puts among everybody's packages: the layers, and nothing else of this folder."""

import tomllib
from pathlib import Path

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


def test_no_address_is_made_up() -> None:
    """Where the project has a public home it names all of it; until then nothing (docs/design/040)."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("urls", {})
    assert set(urls) in (set(), {"Documentation", "Source", "Changelog", "Issues"})
    assert all(url.startswith("https://") and "example" not in url for url in urls.values())


def test_K1_the_isolated_start_guards_each_of_them() -> None:
    assert list(isolated.PACKAGES) == LAYERS
