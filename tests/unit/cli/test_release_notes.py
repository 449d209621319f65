"""The notes of a release are the changelog's part about it, with the digest of each thing that is published."""

import pytest

from scripts.release import NotReleased, notes, table

CHANGELOG = """# Changelog

## Unreleased

### Added
- Something new.

## 0.2.0 - 2026-11-30

### Fixed
- Something old.

## 0.1.0 - 2026-10-01
- The first.
"""


def test_R5_a_version_has_the_part_with_its_number() -> None:
    assert notes(CHANGELOG, "0.2.0") == "# 0.2.0\n\n### Fixed\n- Something old.\n"
    assert notes(CHANGELOG, "0.1.0") == "# 0.1.0\n- The first.\n"


def test_R5_a_version_without_a_part_has_what_is_unreleased_and_says_so() -> None:
    assert notes(CHANGELOG, "0.3.0") == "# 0.3.0 (Unreleased)\n\n### Added\n- Something new.\n"


def test_R5_a_changelog_without_either_is_told() -> None:
    with pytest.raises(NotReleased, match=r"neither a part 0\.3\.0 nor one"):
        notes("# Changelog\n", "0.3.0")


def test_R5_each_thing_that_is_published_has_its_digest() -> None:
    rows = table({"a.whl": "12", "lab/node:1": "34"}).splitlines()[-2:]
    assert rows == ["| `a.whl` | `12` |", "| `lab/node:1` | `34` |"]
