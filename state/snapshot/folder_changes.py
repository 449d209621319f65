"""What differs between two versions of a folder, as quick for ten thousand entries as for ten.

A folder's object is a row of entries in the order of their names, so two versions of it begin and end alike: only what
lies between is taken apart. How far they are alike is found by comparing bytes, and where the last entry ends that both
begin with, by one match over all before it: an object id may look like an entry, so nothing is guessed.
"""

import re

Entries = frozenset[tuple[bytes, bytes, bytes]]
"""Mode in octal digits, name and object id, as they stand in a folder's object."""

_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_ROW = re.compile(rb"(?:[0-7]+ [^\0]+\0.{20})*+", re.DOTALL)
SMALL = 4096
"""Bytes of a folder that is quicker taken apart than compared."""
OVERLAP = 64
"""Entries behind the last difference in which both versions have to come to the same place."""


def entries(tree: bytes) -> Entries:
    """Of a large folder, libgit2's own objects for each entry cost more than all else in a look."""
    return frozenset(_ENTRY.findall(tree))


def changes(before: bytes, after: bytes) -> tuple[Entries, Entries]:
    """The entries of the older version alone, and of the newer one alone."""
    if before == after:
        return frozenset(), frozenset()
    if min(len(before), len(after)) >= SMALL and (between := _between(before, after)):
        old, new = between
        gone, come = old - new, new - old
        if not _stands(gone, after) and not _stands(come, before):
            return gone, come
    old, new = entries(before), entries(after)
    return old - new, new - old


def _stands(found: Entries, tree: bytes) -> bool:
    """Whether one of them may stand at another place of the other version: then git did not write it."""
    return any(b"%s %s\0%s" % each in tree for each in found)


def _between(before: bytes, after: bytes) -> tuple[Entries, Entries] | None:
    """The entries around everything that differs; None where a place is not found at which both begin or end."""
    alike = _common(before, after)
    end = _common_end(before, after, min(len(before), len(after)) - alike)
    row = _ROW.match(before, 0, alike)
    begin = row.end() if row else 0
    old = _entries(before, begin, len(before) - end)
    new = _entries(after, begin, len(after) - end)
    if old is None or new is None:
        return None
    ends = {len(before) - place: count for place, count in old[1].items()}
    for place, count in new[1].items():
        if (same := ends.get(len(after) - place)) is not None:
            return frozenset(old[0][:same]), frozenset(new[0][:count])
    return None


def _entries(tree: bytes, begin: int, until: int) -> tuple[list[tuple[bytes, bytes, bytes]], dict[int, int]] | None:
    """Those from a place on, and at each place from `until` on how many end there. None for what is no row of them."""
    found: list[tuple[bytes, bytes, bytes]] = []
    ends = {begin: 0} if begin >= until else {}
    place = begin
    while place < len(tree) and len(ends) < OVERLAP:
        entry = _ENTRY.match(tree, place)
        if entry is None:
            return None
        found.append((entry[1], entry[2], entry[3]))
        place = entry.end()
        if place >= until:
            ends[place] = len(found)
    return found, ends


def _common(one: bytes, other: bytes) -> int:
    """Bytes with which both begin."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _common_end(one: bytes, other: bytes, most: int) -> int:
    """Bytes with which both end, at most so many."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if one[len(one) - middle : len(one) - least] == other[len(other) - middle : len(other) - least]:
            least = middle
        else:
            most = middle - 1
    return least
