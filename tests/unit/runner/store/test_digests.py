"""Digests of files, also of those that change meanwhile."""

import os
from pathlib import Path

import pytest
from blake3 import blake3

from runner.store.digests import PIECE, PREFIX, Changing, DigestCache, of_file


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_it_is_the_digest_of_the_content(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert of_file(tmp_path / "file") == PREFIX + blake3(content).hexdigest()


def test_F24_a_file_that_is_cut_short_while_it_is_hashed_is_refused_and_ends_nobody(tmp_path: Path) -> None:
    """Were it mapped, the system would end the process with SIGBUS."""
    file = tmp_path / "file"
    file.write_bytes(os.urandom(4 * PIECE))

    def cut(done: int, size: int) -> None:
        os.truncate(file, 1)

    with pytest.raises(Changing):
        DigestCache().file(file, cut)
