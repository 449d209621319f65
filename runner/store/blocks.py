"""A content packed so that it can be read anywhere in without being unpacked.

It is a gzip file, which `zcat` reads too, of one member for every 256 KiB of the content. Each member says in its
header how long it is, so the places of all are found by walking from header to header.
"""

import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from runner.store.digests import PREFIX, Stamp, stamp
from runner.store.errors import DamagedObject

BLOCK = 256 << 10
LEVEL = 6
_BEGIN = bytes((0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0)) + b"WL\4\0"
"""Of each member: gzip's magic, deflate, no time, an extra field of 8 bytes: its name is WL, and 4 are a number."""
_HEAD = struct.Struct(f"<{len(_BEGIN)}sI")
_TAIL = struct.Struct("<2I")
"""CRC 32 and size of what is in it."""
_FRAME = _HEAD.size + _TAIL.size
_LONGEST = BLOCK + BLOCK // 100 + _FRAME
"""Bytes of a member whose content cannot be made smaller."""
KNOWN = 64
"""Files of which the places are remembered."""


class DamagedBlocks(DamagedObject, OSError):
    """It is not what was packed."""


def most_bytes(size: int) -> int:
    """That a content of this size can take."""
    return (size // BLOCK + 1) * _LONGEST


def pack(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    """Digest and size of what was read."""
    state, size = blake3(), 0
    while piece := _full(source):
        state.update(piece)
        size += len(piece)
        target.write(_member(piece))
    return PREFIX + state.hexdigest(), size


def _full(source: BinaryIO) -> bytes:
    """So much, also where the source gives less at a time; less only at its end."""
    found = source.read(BLOCK)
    while 0 < len(found) < BLOCK and (more := source.read(BLOCK - len(found))):
        found += more
    return found


def _member(piece: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(piece) + packer.flush()
    return _HEAD.pack(_BEGIN, _FRAME + len(packed)) + packed + _TAIL.pack(zlib.crc32(piece), len(piece))


@dataclass(frozen=True, slots=True)
class Places:
    """Where each member begins, and where the last one ends; bytes of the content."""

    starts: "array[int]"
    size: int


class Blocks:
    """One packed file. Nothing is open between two reads. FileNotFoundError, OSError, DamagedBlocks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places = _places(str(path), stamp(path.stat()))
        self._last: tuple[int, bytes] = (-1, b"")

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return self.places.size

    def read(self, offset: int, count: int) -> bytes:
        """At most so many bytes of the content; fewer only where it ends."""
        end = min(offset + count, self.size)
        numbers = range(offset // BLOCK, -(-end // BLOCK)) if end > offset else ()
        return b"".join(
            self._block(number)[max(0, offset - number * BLOCK) : end - number * BLOCK] for number in numbers
        )

    def pieces(self) -> Iterator[bytes]:
        for number in range(len(self.places.starts) - 1):
            yield self._block(number)

    def digest(self) -> str:
        """Of the content, read whole."""
        state = blake3()
        for piece in self.pieces():
            state.update(piece)
        return PREFIX + state.hexdigest()

    def _block(self, number: int) -> bytes:
        """The last one is kept: whoever reads lines asks for it again."""
        known, found = self._last
        if known != number:
            found = self._unpacked(number)
            self._last = (number, found)
        return found

    def _unpacked(self, number: int) -> bytes:
        begin, end = self.places.starts[number], self.places.starts[number + 1]
        with self.path.open("rb", buffering=0) as file:
            raw = os.pread(file.fileno(), end - begin, begin)
        wanted = min(BLOCK, self.size - number * BLOCK)
        try:
            found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw[_HEAD.size : -_TAIL.size], wanted + 1)
        except zlib.error:
            raise _damaged(self.path) from None
        if len(raw) != end - begin or _TAIL.unpack(raw[-_TAIL.size :]) != (zlib.crc32(found), wanted):
            raise _damaged(self.path)
        return found


@lru_cache(KNOWN)
def _places(path: str, when: Stamp) -> Places:
    """By walking from header to header; `when`: as long as it is the same file."""
    starts, at = array("Q", [0]), 0
    with open(path, "rb", buffering=0) as file:
        whole = os.fstat(file.fileno()).st_size
        while at < whole:
            head = os.pread(file.fileno(), _HEAD.size, at)
            length = _HEAD.unpack(head)[-1] if len(head) == _HEAD.size and head[:-4] == _BEGIN else 0
            if not _FRAME < length <= min(_LONGEST, whole - at):
                raise _damaged(path)
            at += length
            starts.append(at)
        if not whole:
            return Places(starts, 0)
        last = _TAIL.unpack(os.pread(file.fileno(), _TAIL.size, whole - _TAIL.size))[1]
    if not 0 < last <= BLOCK:
        raise _damaged(path)
    return Places(starts, (len(starts) - 2) * BLOCK + last)


def _damaged(path: Path | str) -> DamagedBlocks:
    return DamagedBlocks(f"{path} is damaged: it is not what was packed")
