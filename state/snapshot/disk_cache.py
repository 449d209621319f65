"""Parsed documents on disk, so that a second start reads ten thousand projects without parsing their YAML again.

A function of the blob and of the code that reads it, beside the clone: anything wrong with it, and it is made anew.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

import schema
from schema.documents import KINDS
from schema.packed import NotPacked, kept, pack, unpack

NAME = "winslow-parsed.sqlite"
CACHED = KINDS.keys() - {"settings", "pipeline", "definition"}
"""Documents that are many. Of pipelines there are few, and more than `schema` judges them."""
MOST_ROWS = 1_000_000
BATCH = 5_000

Answer = TypeVar("Answer")


class Cache:
    """Every failure means "not known"."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fresh: list[tuple[str, str, bytes]] = []
        self._base = self._open() or self._anew()

    def find(self, kind: str, blob: str) -> BaseModel | None:
        if kind not in CACHED or self._base is None:
            return None
        base = self._base
        rows = self._quietly(
            lambda: base.execute("SELECT content FROM packed WHERE blob = ? AND kind = ?", (blob, kind)).fetchall()
        )
        try:
            return kept(unpack(KINDS[kind], rows[0][0]), rows[0][0]) if rows else None
        except (NotPacked, TypeError):
            return None

    def keep(self, kind: str, blob: str, document: BaseModel) -> None:
        """Only what comes back the same: not every value survives JSON."""
        if kind not in CACHED or self._base is None:
            return
        if packed := pack(document):
            self._fresh.append((blob, kind, packed))
        if len(self._fresh) >= BATCH:
            self.flush()

    def flush(self) -> None:
        fresh, self._fresh = self._fresh, []
        base = self._base
        if fresh and base is not None:
            self._quietly(lambda: self._write(base, fresh))

    def rest(self) -> None:
        """After very many were read."""
        base = self._base
        if base is not None:
            self._quietly(lambda: base.execute("PRAGMA shrink_memory"))

    def _write(self, base: sqlite3.Connection, rows: list[tuple[str, str, bytes]]) -> None:
        with base:
            if (base.execute("SELECT max(rowid) FROM packed").fetchone()[0] or 0) > MOST_ROWS:
                base.execute("DELETE FROM packed WHERE rowid <= (SELECT max(rowid) FROM packed) - ?", (MOST_ROWS,))
            base.executemany("INSERT OR REPLACE INTO packed VALUES (?, ?, ?)", rows)

    def _open(self) -> sqlite3.Connection | None:
        def opened() -> sqlite3.Connection | None:
            base = sqlite3.connect(self.path, timeout=1.0, check_same_thread=False)
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = OFF")
            base.execute(
                "CREATE TABLE IF NOT EXISTS packed (blob TEXT, kind TEXT, content BLOB, PRIMARY KEY (blob, kind))"
            )
            base.execute("CREATE TABLE IF NOT EXISTS reader (code TEXT PRIMARY KEY)")
            if base.execute("SELECT code FROM reader").fetchall() == [(_code(),)]:
                return base
            with base:
                base.execute("DROP TABLE IF EXISTS parsed")  # of versions that kept texts as they are
                base.execute("DELETE FROM packed")
                base.execute("DELETE FROM reader")
                base.execute("INSERT INTO reader VALUES (?)", (_code(),))
            return base

        return self._quietly(opened)

    def _anew(self) -> sqlite3.Connection | None:
        for end in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        return self._open()

    def _quietly(self, action: Callable[[], Answer]) -> Answer | None:
        try:
            return action()
        except (sqlite3.Error, OSError):
            return None


@lru_cache(1)
def _code() -> str:
    """What reads the documents: another version of it may judge them otherwise."""
    sources = sorted(Path(schema.__file__).parent.glob("*.py"))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in sources), digest_size=16).hexdigest()
