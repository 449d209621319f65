"""The architecture page names what exists, and its state machine is the one that nodes replay."""

import re
from pathlib import Path

from flow.model.transitions import NEXT

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("schema", "flow", "state", "runner", "peer", "controller", "webui", "cli", "tests")
PLACE = re.compile(rf"\b(?:{'|'.join(PACKAGES)})/[a-z_/]+(?:\.py)?")
MODULE = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.[a-z_]+)+)`")
MARKS = re.compile(r"(?<=<!-- generated: executions -->\n).*?(?=<!-- end -->)", re.DOTALL)


def drawn() -> str:
    arrows = [
        f"  {before} --> {after}" for before, afters in NEXT.items() for after in sorted(afters) if after != before
    ]
    ends = [f"  {state} --> [*]" for state, afters in NEXT.items() if not afters - {state}]
    return "\n".join(["", "```mermaid", "stateDiagram-v2", "  [*] --> claimed", *arrows, *ends, "```", ""]) + "\n"


def test_every_place_on_the_page_exists() -> None:
    page = PAGE.read_text()
    missing = {
        place
        for place in PLACE.findall(page)
        if not (ROOT / place.rstrip("/")).exists() and "winslow/state" not in place
    }
    assert missing == set()


def test_every_module_on_the_page_exists() -> None:
    for name in MODULE.findall(PAGE.read_text()):
        parts = name.split(".")
        places = [ROOT.joinpath(*parts[:length]) for length in (len(parts), len(parts) - 1)]
        assert any(place.is_dir() or place.with_suffix(".py").is_file() for place in places), name


def test_the_drawing_of_an_execution_is_what_nodes_replay() -> None:
    assert MARKS.findall(PAGE.read_text()) == [drawn()], "write what drawn() gives between the marks"
