"""axe, which knows the rules of accessible pages."""

from pathlib import Path

from tests.tools.npm import modules

ROOT = Path(__file__).parents[2]


def script() -> str:
    return (modules(ROOT) / "axe-core" / "axe.min.js").read_text()
