"""Contents that are kept packed: read anywhere in, believed only as far as they are what they should be, never lost."""

import gzip
import io
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from runner.store import blocks, digests
from runner.store.blocks import BLOCK, Blocks, pack
from runner.store.errors import DamagedObject, MissingObject
from runner.store.packed import Packed

TEXT = b"".join(b"2026-01-01T00:00:00Z O line %d\n" % n for n in range(40_000))


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    return Packed(tmp_path / "store")


def content_of(size: int) -> bytes:
    """Half of it cannot be made smaller."""
    return random.Random(size).randbytes(size // 2) + TEXT[: size - size // 2]


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 77])
def test_R1450_what_was_packed_is_read_anywhere_in_and_by_gzip_too(tmp_path: Path, size: int) -> None:
    content, path = content_of(size), tmp_path / "a.gz"
    with path.open("wb") as file:
        assert pack(io.BytesIO(content), file) == (digests.of_bytes(content), size)
    found = Blocks(path)
    assert found.size == size
    assert found.digest() == digests.of_bytes(content)
    assert path.stat().st_size <= blocks.most_bytes(size)
    assert b"".join(found.pieces()) == content == (gzip.decompress(path.read_bytes()) if size else b"")
    chance = random.Random(1)
    for _ in range(100):
        offset, count = chance.randrange(size + 10), chance.choice([0, 1, 100, BLOCK, 2 * BLOCK + 1])
        assert found.read(offset, count) == content[offset : offset + count]


def test_a_source_that_gives_little_at_a_time_makes_the_same(tmp_path: Path) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000))

    for name, source in (("slow", Slow(TEXT)), ("fast", io.BytesIO(TEXT))):
        with (tmp_path / name).open("wb") as file:
            pack(source, file)
    assert (tmp_path / "slow").read_bytes() == (tmp_path / "fast").read_bytes()


def test_no_bit_of_the_content_can_change_unseen(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        pack(io.BytesIO(TEXT[: BLOCK + 1000]), file)
    good = path.read_bytes()
    chance, same = random.Random(3), 0
    places = {*range(24), *(len(good) - 1 - n for n in range(12)), *(chance.randrange(len(good)) for _ in range(200))}
    for number, place in enumerate(sorted(places)):
        bad = tmp_path / f"bad{number}"
        bad.write_bytes(good[:place] + bytes([good[place] ^ 16]) + good[place + 1 :])
        with suppress(DamagedObject):  # a match in a text of repeats may be said in two ways
            assert Blocks(bad).digest() == digests.of_bytes(TEXT[: BLOCK + 1000])
            same += 1
    assert same < 20
    for cut in (1, 19, 20, 25, len(good) // 2, len(good) - 1):
        (tmp_path / "cut").write_bytes(good[:cut])
        with pytest.raises(DamagedObject):
            Blocks(tmp_path / "cut").digest()


def test_a_bomb_takes_no_more_memory_than_a_block(tmp_path: Path) -> None:
    import struct
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(bytes(100 << 20)) + packer.flush()
    bomb = blocks._HEAD.pack(blocks._BEGIN, blocks._FRAME + len(body)) + body + struct.pack("<2I", 0, BLOCK)
    (tmp_path / "bomb").write_bytes(bomb)
    with pytest.raises(DamagedObject):
        Blocks(tmp_path / "bomb").digest()


def test_one_content_is_kept_once_and_until_nobody_names_it(packed: Packed) -> None:
    digest = packed.put(io.BytesIO(TEXT), "c1")
    assert packed.put(io.BytesIO(TEXT), "c2") == digest == digests.of_bytes(TEXT)
    assert len(list(packed.all())) == 1
    assert packed.forget(digest, "c1") == 0
    assert packed.find(digest).read(0, 10) == TEXT[:10]
    assert packed.forget(digest, "c1") == 0
    assert packed.forget(digest, "c2") > 0
    assert packed.forget(digest, "c2") == 0
    with pytest.raises(MissingObject):
        packed.find(digest)
    assert not list(packed.tmp.iterdir())


def test_who_names_it_while_it_goes_still_has_it(packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another node, in a store that both share, at the worst moment: after it was seen that nobody names it."""
    digest = packed.put(io.BytesIO(TEXT), "c1")
    rename = os.rename

    def late(source: Path, target: Path) -> None:
        packed._name(digest, "c2", "")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    packed.forget(digest, "c1")
    monkeypatch.undo()
    assert packed.whole(digest)
    assert packed.forget(digest, "c2") > 0


def test_a_damaged_one_is_stored_anew_by_who_has_it(packed: Packed) -> None:
    digest = packed.put(io.BytesIO(TEXT), "c1")
    packed.path(digest).write_bytes(packed.path(digest).read_bytes()[:-3])
    assert not packed.whole(digest)
    packed.put(io.BytesIO(TEXT), "c1")
    assert packed.whole(digest)


def test_what_comes_from_afar_is_believed_once_it_is_unpacked(packed: Packed, tmp_path: Path) -> None:
    other = Packed(tmp_path / "other")
    digest = other.put(io.BytesIO(TEXT), "c1")
    good = other.path(digest).read_bytes()
    wrong = Packed(tmp_path / "wrong")
    another = wrong.path(wrong.put(io.BytesIO(TEXT[1:]), "c")).read_bytes()
    endless = io.BytesIO(good + bytes(blocks.most_bytes(len(TEXT))))
    for bad in (io.BytesIO(another), io.BytesIO(good[:-1]), io.BytesIO(b"nothing"), endless):
        with pytest.raises(DamagedObject):
            packed.take(bad, digest, len(TEXT), "v")
        assert not packed.has(digest)
    packed.take(io.BytesIO(good), digest, len(TEXT), "v")
    assert packed.whole(digest)
    packed.forget_fetched(3600.0)
    packed.forget_fetched(0.0, "another")
    assert packed.whole(digest)
    packed.forget_fetched(0.0, "v")
    assert not packed.has(digest)
    assert not list(packed.tmp.iterdir())
