"""The log of a build, in the form of every stage's log."""

import os
from pathlib import Path

from runner.logs import log_file


class BuildLog:
    """Lines are written whole; on a full disk they are lost, and the build goes on."""

    def __init__(self, directory: Path, cap: int = log_file.CAP) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._left, self._rest = cap - os.fstat(self._file).st_size, ""

    def add(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._write("O", line)

    def say(self, text: str) -> None:
        self._flush()
        for line in text.splitlines() or [""]:
            self._write("E", line)

    def close(self) -> None:
        self._flush()
        os.close(self._file)

    def _flush(self) -> None:
        rest, self._rest = self._rest, ""
        if rest:
            self._write("O", rest)

    def _write(self, stream: str, line: str) -> None:
        raw = f"{log_file.stamp()} {stream} {line.rstrip(chr(13))[: log_file.LONGEST]}\n".encode(errors="replace")
        if self._left < len(raw):
            return
        try:
            self._left -= os.write(self._file, raw)
        except OSError:
            return
