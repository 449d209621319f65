"""Files with holes: what was never written takes no room, is not read to be hashed, and stays a hole in a copy."""

import errno
import os
from collections.abc import Iterator
from typing import BinaryIO

ZEROS = bytes(1 << 20)


def sparse(of: os.stat_result) -> bool:
    return of.st_blocks * 512 < of.st_size


def extents(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Offset and length of what is written, in order. One extent of everything where nobody can say."""
    end = 0
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
            end = min(os.lseek(file, start, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole from here on
                return
            if error.errno != errno.EINVAL:
                raise
            start, end = end, size
        if start < end:
            yield start, end - start


def write(file: BinaryIO, piece: bytes) -> int:
    """At the end of a file that is new; whoever writes the last piece truncates it to its length."""
    if piece == ZEROS:
        file.seek(len(piece), os.SEEK_CUR)
    else:
        file.write(piece)
    return len(piece)
