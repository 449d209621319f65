"""One spelling for each tree, and nothing believed that somebody else wrote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.store import digests
from runner.store.changes import Change, Gone, Opaque, patched
from runner.store.changes import rows as rows_of
from runner.store.errors import BadManifest
from runner.store.manifest import HEADER, Manifest, Row, RowKind, build, order, parents, parse, raw, text_of

ONE = digests.of_bytes(b"one")
ODD = text_of(b"\xff\n name")

names = st.binary(min_size=1, max_size=6).filter(lambda n: b"/" not in n and b"\0" not in n and n not in (b".", b".."))


@st.composite
def trees(draw: st.DrawFn) -> list[Row]:
    rows: dict[str, Row] = {}
    for _ in range(draw(st.integers(0, 12))):
        folders = [""] + [path for path, row in rows.items() if row.kind is RowKind.DIRECTORY]
        above = draw(st.sampled_from(folders))
        path = f"{above}/{text_of(draw(names))}" if above else text_of(draw(names))
        kind = draw(st.sampled_from(RowKind))
        size, value = (draw(st.integers(0, 2**50)), ONE) if kind.content else (0, "")
        rows.setdefault(path, Row(path, kind, size, text_of(draw(names)) if kind is RowKind.LINK else value))
    return draw(st.permutations(list(rows.values())))


@given(trees())
def test_any_order_gives_one_spelling_that_is_read_back(rows: list[Row]) -> None:
    manifest = build(rows)
    content = manifest.encode()
    assert parse(content) == manifest
    assert parse(content).encode() == content
    assert build(reversed(rows)).digest == manifest.digest
    assert sorted(manifest.rows) == sorted(row.path for row in rows)


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_not_believed(content: bytes) -> None:
    for text in (content, HEADER + content):
        try:
            assert parse(text).encode() == text
        except BadManifest:
            pass


def row(path: bytes, kind: bytes = b"d", size: bytes = b"0", value: bytes = b"") -> bytes:
    return b"\0".join((path, kind, size, value, b""))


@pytest.mark.parametrize(
    "rows",
    [
        [row(b"..")],
        [row(b"a"), row(b"a/../b")],
        [row(b"/etc")],
        [row(b"")],
        [row(b"a//b")],
        [row(b"a/")],
        [row(b".")],
        [row(b"a"), row(b"a")],
        [row(b"b"), row(b"a")],
        [row(b"a/b")],
        [row(b"l", b"l", b"0", b"/etc"), row(b"l/passwd", b"f", b"3", ONE.encode())],
        [row(b"f", b"f", b"3", ONE.encode()), row(b"f/g")],
        [row(b"f", b"f", b"3", b"blake3:../../etc/passwd")],
        [row(b"f", b"f", b"3", ONE.upper().encode())],
        [row(b"f", b"f", b"-1", ONE.encode())],
        [row(b"f", b"f", b"03", ONE.encode())],
        [row(b"f", b"f", b"9" * 5000, ONE.encode())],
        [row(b"f", b"f", b"\xc2\xb2", ONE.encode())],
        [row(b"f", b"c", b"0", b"")],
        [row(b"f", b"\xff", b"0", b"")],
        [row(b"d", b"d", b"1")],
        [row(b"d", b"d", b"0", b"x")],
        [row(b"l", b"l", b"0", b"")],
        [row(b"l", b"l", b"0", b"x" * 4096)],
        [row(b"x" * 256)],
        [row(b"a"), b"b\0d\0"],
        [row(b"a"), b"b"],
    ],
)
def test_hostile_rows_are_refused(rows: list[bytes]) -> None:
    with pytest.raises(BadManifest):
        parse(HEADER + b"".join(rows))


def test_a_path_of_many_parts_is_bounded() -> None:
    with pytest.raises(BadManifest):
        build([Row("/".join(["a"] * n), RowKind.DIRECTORY) for n in range(1, 2050)])


def test_odd_names_survive() -> None:
    manifest = build([Row(ODD, RowKind.FILE, 3, ONE), Row("l", RowKind.LINK, 0, text_of(b"\xfe"))])
    assert raw(parse(manifest.encode()).rows[ODD].path) == b"\xff\n name"
    assert raw(parse(manifest.encode()).rows["l"].value) == b"\xfe"


def test_children_follow_their_parents_whatever_signs_names_hold() -> None:
    rows = [Row(path, RowKind.DIRECTORY) for path in ("a-b", "a", "a/b", "a.c", "a\x01")]
    assert list(build(rows).rows) == ["a", "a/b", "a\x01", "a-b", "a.c"]


def test_the_empty_tree_and_the_format_do_not_change() -> None:
    """Digests stand in repositories for years."""
    assert Manifest().digest == "blake3:8cdae99811fc41ed52daca08b714611f4d59366323001b63717653c07ebf6a5a"
    assert build([Row("a", RowKind.DIRECTORY), Row("a/x", RowKind.PROGRAM, 3, ONE)]).encode() == (
        b"winslow-manifest 1\0a\0d\0000\0\0a/x\0x\0003\0" + ONE.encode() + b"\0"
    )
    assert list(parents("a/b/c")) == ["a", "a/b"]


def below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


@st.composite
def changed(draw: st.DrawFn) -> tuple[list[Row], list[Change]]:
    """A tree, and changes of it as an upper may tell them: by another tree of which some paths went."""
    before, now = draw(trees()), build(draw(trees()))
    told: list[Change] = []
    for row in now:
        if row.kind is RowKind.DIRECTORY and draw(st.booleans()):
            told.append(Opaque(row.path))
        told.append(row)
    gone = {row.path for row in before if draw(st.booleans())} - now.rows.keys()
    folders = {"", *(row.path for row in now if row.kind is RowKind.DIRECTORY)}
    told += [Gone(path) for path in gone if path.rpartition("/")[0] in folders]
    return before, sorted(told, key=lambda each: order(raw(each.path)))


def naive(before: list[Row], told: list[Change]) -> list[Row]:
    rows = {row.path: row for row in before}
    for each in told:
        if not (isinstance(each, Row) and each.kind is RowKind.DIRECTORY):
            rows = {path: row for path, row in rows.items() if not below(path, each.path)}
        if isinstance(each, Row):
            rows[each.path] = each
        elif isinstance(each, Gone):
            rows.pop(each.path, None)
    return list(rows.values())


@settings(deadline=None)
@given(changed())
def test_changes_laid_over_a_tree_are_what_a_look_at_every_row_finds(case: tuple[list[Row], list[Change]]) -> None:
    before, told = case
    base, expected = build(before), build(naive(before, told))
    assert patched(base.encode(), told) == expected.encode()
    assert rows_of(base, told) == list(expected)


def test_a_change_that_cannot_stand_in_a_tree_is_refused() -> None:
    with pytest.raises(BadManifest):
        patched(Manifest().encode(), [Row("/".join(["a" * 255] * 17), RowKind.DIRECTORY)])
