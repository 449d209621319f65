"""A small file of named records that several processes read, and that holds secrets: whole or not at all, mode 600."""

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from runner import durable
from schema.names import NAME

Record = TypeVar("Record")


class CannotChange(Exception):
    """The text says what to do."""


class RecordFile(Generic[Record]):
    """`make` builds a record, a dataclass with a `name`, of its fields; `what` is one of them in words."""

    def __init__(self, path: Path, make: Callable[..., Record], what: str) -> None:
        self.path, self.make, self.what = path, make, what
        self._known: tuple[tuple[int, int], Mapping[str, Record]] | None = None

    def all(self) -> Mapping[str, Record]:
        """What another process changed counts at once. CannotChange where the file is damaged: then nothing counts."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return {}
        stamp = (found.st_mtime_ns, found.st_ino)
        if self._known is None or self._known[0] != stamp:
            self._known = (stamp, self._read())
        return self._known[1]

    def _read(self) -> Mapping[str, Record]:
        try:
            return {name: self.make(name=name, **rest) for name, rest in json.loads(self.path.read_text()).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            raise CannotChange(f"{self.path} is damaged: mend it, or remove it and begin anew") from None

    def put(self, name: str, record: Record, keep: Callable[[Record], bool] = lambda other: True) -> None:
        """Of the others those that are to be kept stay. CannotChange where the name cannot be one."""
        if not re.fullmatch(NAME, name):
            raise CannotChange(f"{name[:60]!r} is no name: lower-case letters, digits, . _ -")
        with self._alone() as known:
            kept = {other: each for other, each in known.items() if keep(each)}
            self._write({**kept, name: record})

    def remove(self, name: str) -> None:
        """CannotChange where there is none."""
        with self._alone() as known:
            if name not in known:
                raise CannotChange(f"no {self.what} {name[:60]!r} here; `winslowctl web {self.what}s ls` lists them")
            self._write({other: record for other, record in known.items() if other != name})

    @contextmanager
    def _alone(self) -> Iterator[Mapping[str, Record]]:
        """What there is now, and nobody else changes it meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._read() if self.path.exists() else {}

    def _write(self, records: Mapping[str, Any]) -> None:
        durable.write(self.path, {name: _fields(record) for name, record in records.items()})


def _fields(record: Any) -> dict[str, Any]:
    return {key: value for key, value in asdict(record).items() if key != "name"}
