"""A heading of a table says what it is the heading of: of a column or of a row."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_heading_has_its_scope() -> None:
    found = [
        f"{path.name}: {heading}"
        for path in sorted((ROOT / "webui/templates").glob("*.html"))
        for heading in re.findall(r"<th\b[^>]*>", path.read_text())
        if "scope=" not in heading
    ]
    assert found == []
