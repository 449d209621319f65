"""What differs between two versions of a folder, found without taking either apart: the same as taking both apart."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from state.snapshot import folder_changes
from state.snapshot.folder_changes import changes, entries

Entry = tuple[bytes, bytes, bytes]


def folder(found: Sequence[Entry]) -> bytes:
    return b"".join(b"%s %s\0%s" % each for each in found)


def whole(before: bytes, after: bytes) -> object:
    old, new = entries(before), entries(after)
    return old - new, new - old


def many(count: int = 400, seed: int = 1) -> list[Entry]:
    chance = Random(seed)
    return [(b"40000", b"v%05d" % number, chance.randbytes(20)) for number in range(count)]


# Bytes of which entries are made, so that parts of one look like the beginning of another.
PIECES = st.sampled_from(
    [b"\0", b" ", b"4", b"0", b"40000 ", b"100644 ", b"\0" * 21, b"a", b"/", b"\xff", b"40000 a\0"]
)
NAMES = st.lists(PIECES, min_size=1, max_size=6).map(lambda parts: b"".join(parts).replace(b"\0", b"") or b"x")
IDS = st.lists(PIECES, min_size=20, max_size=20).map(lambda parts: b"".join(parts)[:20])
ENTRIES = st.tuples(st.sampled_from([b"40000", b"100644", b"160000", b"040000"]), NAMES, IDS)


@settings(max_examples=120, deadline=None)
@given(
    common=st.lists(ENTRIES, max_size=6),
    old=st.lists(ENTRIES, max_size=4),
    new=st.lists(ENTRIES, max_size=4),
    rest=st.lists(ENTRIES, max_size=6),
)
@example(common=[(b"40000", b"a", b"\0" * 20)], old=[], new=[(b"40000", b"a", b"\0" * 20)], rest=[])
@example(
    common=[(b"40000", b"x", b"\0" * 20)],
    old=[(b"100644", b"x", b"\0" * 20)],
    new=[(b"100644", b"x", b"\0" * 19 + b" ")],
    rest=[],
)
def test_it_is_what_two_whole_readings_differ_in(
    common: list[Entry], old: list[Entry], new: list[Entry], rest: list[Entry]
) -> None:
    before, after = folder([*common, *old, *rest]), folder([*common, *new, *rest])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_changes, "SMALL", 0)
        assert changes(before, after) == whole(before, after)


@settings(max_examples=80, deadline=None)
@given(before=st.binary(max_size=200), after=st.binary(max_size=200), around=st.binary(max_size=60))
def test_what_is_no_folder_is_read_as_it_always_was(before: bytes, after: bytes, around: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder_changes, "SMALL", 0)
        assert changes(around + before, around + after) == whole(around + before, around + after)


@pytest.mark.parametrize("place", [0, 1, 200, 398, 399])
def test_one_entry_of_many_is_changed_added_or_gone(place: int) -> None:
    before = many()
    for between in ([(b"40000", before[place][1], b"n" * 20)], [], [before[place], (b"40000", b"v9", b"n" * 20)]):
        after = [*before[:place], *between, *before[place + 1 :]]
        assert changes(folder(before), folder(after)) == whole(folder(before), folder(after))


def test_of_ten_thousand_entries_few_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    before = many(10_000)
    after = list(before)
    after[5_000] = (b"40000", before[5_000][1], b"n" * 20)
    read: list[int | None] = []

    def counted(tree: bytes, begin: int, until: int) -> object:
        found = original(tree, begin, until)
        read.append(len(found[0]) if found else None)
        return found

    original = folder_changes._entries
    monkeypatch.setattr(folder_changes, "_entries", counted)
    monkeypatch.setattr(folder_changes, "entries", None)
    assert changes(folder(before), folder(after)) == (frozenset({before[5_000]}), frozenset({after[5_000]}))
    assert all(count is not None and count < 120 for count in read), read


def test_an_entry_that_stands_twice_and_is_gone_once_is_still_there() -> None:
    twice = many()
    twice[100] = twice[101]
    once = twice[:100] + twice[101:]
    assert changes(folder(twice), folder(once)) == (frozenset(), frozenset())
