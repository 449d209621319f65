"""New objects in a repository's folder, on the disk before anybody may name them.

Those of commits are one pack, as git keeps larger pushes. Beside it lies a `.keep` until the refs have moved: no
`git repack` and no `git gc`, whatever they prune, take such a pack away. What only a ref names, a sign of life, is a
loose object: git prunes those once they are old, and would keep them in a pack for ever.
"""

import hashlib
import os
import secrets
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pygit2.enums import ObjectType

from state.direct.new_objects import NewObject

LEVEL = 1
"""Of compression: a tidying packs them anew."""
KEPT_BY = "winslow "
"""How a `.keep` of ours begins."""
DEAD = 600.0
"""Seconds after which a `.keep` of ours belongs to a push that was killed."""
_NAMES = {ObjectType.COMMIT: b"commit", ObjectType.TREE: b"tree", ObjectType.BLOB: b"blob"}


@contextmanager
def kept_pack(folder: Path, objects: Sequence[NewObject]) -> Iterator[None]:
    """Keep the objects as one pack, which nobody takes away while the block runs. OSError, never after the block."""
    if not objects:
        yield
        return
    place = folder / "objects" / "pack"
    content, rows = _pack(objects)
    name = place / f"pack-{content[-20:].hex()}"
    keep = name.with_suffix(".keep")
    keep.touch(exist_ok=False)  # one that is there is somebody else's to remove
    try:
        keep.write_text(f"{KEPT_BY}{os.getpid()}\n")
        _put(name.with_suffix(".pack"), content, "tmp_pack_")
        _put(name.with_suffix(".idx"), _index(rows, content[-20:]), "tmp_idx_")
        _sync(place)
        yield
    finally:
        with suppress(OSError):  # the refs may have moved, and nothing may hide that; `forget_dead` removes it
            keep.unlink()


def write_loose(folder: Path, found: NewObject) -> None:
    """OSError. One that is there becomes young: it may have been about to be pruned."""
    place = folder / "objects" / found.oid[:2] / found.oid[2:]
    with suppress(FileNotFoundError):
        os.utime(place)
        return
    place.parent.mkdir(exist_ok=True)
    head = b"%s %d\0" % (_NAMES[found.kind], len(found.raw))
    _put(place, zlib.compress(head + found.raw, LEVEL), "tmp_obj_")
    _sync(place.parent)
    _sync(place.parent.parent)


def forget_dead(folder: Path) -> None:
    """Remove what killed pushes of ours left beside their packs, which would be kept apart for ever."""
    for keep in (folder / "objects" / "pack").glob("*.keep"):
        with suppress(OSError):
            if time.time() - keep.stat().st_mtime > DEAD and keep.read_text(errors="replace").startswith(KEPT_BY):
                keep.unlink()


Row = tuple[bytes, int, int]
"""Of an object in a pack: its id, the checksum of what stands there, and where."""


def _pack(objects: Sequence[NewObject]) -> tuple[bytes, list[Row]]:
    pieces, rows = [b"PACK" + struct.pack(">II", 2, len(objects))], []
    at = len(pieces[0])
    for each in objects:
        piece = _head(int(each.kind), len(each.raw)) + zlib.compress(each.raw, LEVEL)
        rows.append((bytes.fromhex(each.oid), zlib.crc32(piece), at))
        pieces.append(piece)
        at += len(piece)
    content = b"".join(pieces)
    return content + hashlib.sha1(content, usedforsecurity=False).digest(), rows


def _head(kind: int, size: int) -> bytes:
    """Kind and size: four bits of the size in the first byte, seven in each that follows."""
    head = [(kind << 4) | (size & 15)]
    size >>= 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head)


def _index(rows: Sequence[Row], checksum: bytes) -> bytes:
    """Of version 2: how many ids begin with each byte or a lower one, ids, checksums, places."""
    ordered = sorted(rows)
    firsts = [oid[0] for oid, _, _ in ordered]
    counts = [sum(first <= byte for first in firsts) for byte in range(256)]
    content = b"".join(
        (
            b"\xfftOc" + struct.pack(">I", 2),
            struct.pack(">256I", *counts),
            *(oid for oid, _, _ in ordered),
            struct.pack(f">{len(ordered)}I", *(check for _, check, _ in ordered)),
            struct.pack(f">{len(ordered)}I", *(at for _, _, at in ordered)),
            checksum,
        )
    )
    return content + hashlib.sha1(content, usedforsecurity=False).digest()


def _put(path: Path, content: bytes, prefix: str) -> None:
    """Git removes what begins like this, where it finds it old."""
    part = path.with_name(f"{prefix}{secrets.token_hex(8)}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
