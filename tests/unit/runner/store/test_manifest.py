"""One spelling for each tree, and nothing believed that somebody else wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store import digests
from runner.store.errors import BadManifest
from runner.store.manifest import HEADER, Kind, Manifest, Row, build, parents, parse, raw, text_of

ONE = digests.of_bytes(b"one")
ODD = text_of(b"\xff\n name")

names = st.binary(min_size=1, max_size=6).filter(lambda n: b"/" not in n and b"\0" not in n and n not in (b".", b".."))


@st.composite
def trees(draw: st.DrawFn) -> list[Row]:
    rows: dict[str, Row] = {}
    for _ in range(draw(st.integers(0, 12))):
        folders = [""] + [path for path, row in rows.items() if row.kind is Kind.DIRECTORY]
        above = draw(st.sampled_from(folders))
        path = f"{above}/{text_of(draw(names))}" if above else text_of(draw(names))
        kind = draw(st.sampled_from(Kind))
        size, value = (draw(st.integers(0, 2**50)), ONE) if kind.content else (0, "")
        rows.setdefault(path, Row(path, kind, size, text_of(draw(names)) if kind is Kind.LINK else value))
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
        build([Row("/".join(["a"] * n), Kind.DIRECTORY) for n in range(1, 2050)])


def test_odd_names_survive() -> None:
    manifest = build([Row(ODD, Kind.FILE, 3, ONE), Row("l", Kind.LINK, 0, text_of(b"\xfe"))])
    assert raw(parse(manifest.encode()).rows[ODD].path) == b"\xff\n name"
    assert raw(parse(manifest.encode()).rows["l"].value) == b"\xfe"


def test_children_follow_their_parents_whatever_signs_names_hold() -> None:
    rows = [Row(path, Kind.DIRECTORY) for path in ("a-b", "a", "a/b", "a.c", "a\x01")]
    assert list(build(rows).rows) == ["a", "a/b", "a\x01", "a-b", "a.c"]


def test_the_empty_tree_and_the_format_do_not_change() -> None:
    """Digests stand in repositories for years."""
    assert Manifest().digest == "blake3:8cdae99811fc41ed52daca08b714611f4d59366323001b63717653c07ebf6a5a"
    assert build([Row("a", Kind.DIRECTORY), Row("a/x", Kind.PROGRAM, 3, ONE)]).encode() == (
        b"winslow-manifest 1\0a\0d\0000\0\0a/x\0x\0003\0" + ONE.encode() + b"\0"
    )
    assert list(parents("a/b/c")) == ["a", "a/b"]
