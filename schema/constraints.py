"""Comparisons as people write them: `>=8GiB`, `>=550, <580`, `==8.6`."""

import operator
import re
from typing import Any

from schema.quantities import parse_size

_COMPARE = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_PART = re.compile(r"\s*(>=|<=|==|>|<)\s*(\S+)\s*")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")


_SIGNS = r"(?:>=|<=|==|>|<)"


def pattern(value: str) -> str:
    """For JSON Schemas: comparisons with values of that pattern."""
    one = rf"\s*{_SIGNS}\s*{value}\s*"
    return rf"^{one}(?:,{one})*$"


SIZES = pattern(r"[0-9]+(?:\.[0-9]+)?(?:[kmgtKMGT]i?)?[bB]?")
VERSIONS = pattern(r"[0-9]+(?:\.[0-9]+)*")


def check_size(text: str) -> str:
    for _, size in _parts(text, ">=8GiB"):
        parse_size(size)
    return text


def check_version(text: str) -> str:
    for _, version in _parts(text, ">=550"):
        if not _VERSION.fullmatch(version):
            raise ValueError(f"{version[:40]!r} is not a version; write >=550 or >=7.5")
    return text


def fits_size(text: str, size: int) -> bool:
    return all(_COMPARE[sign](size, parse_size(wanted)) for sign, wanted in _parts(text, ">=8GiB"))


def fits_version(text: str, version: str) -> bool:
    """Compared as far as the constraint goes: 570.86 is `==570` and `<=570`. An unknown version fits nothing."""
    have = _numbers(version)
    return bool(have) and all(_agrees(sign, have, _numbers(wanted)) for sign, wanted in _parts(text, ">=550"))


def _agrees(sign: str, have: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    padded = have + (0,) * len(wanted)
    return bool(_COMPARE[sign](padded[: len(wanted)], wanted))


def _numbers(version: str) -> tuple[int, ...]:
    found = _VERSION.match(version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _parts(text: Any, example: str) -> list[tuple[str, str]]:
    matches = [_PART.fullmatch(part) for part in str(text).split(",")]
    if not all(matches):
        raise ValueError(f"{str(text)[:40]!r} compares with nothing; write {example!r}")
    return [(match[1], match[2]) for match in matches if match]
