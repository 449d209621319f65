"""What a node keeps of triggers over its restarts. Without it a trigger counts from what the repository shows."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from controller.journal.small_files import Disk
from flow.triggers.wanted import TriggerMemory

TRIGGERS, FILES = "triggers", "trigger-files"

Stamp = tuple[int, int, int]
"""Of a file: bytes, when it was changed, and its place on the disk."""


class TriggerNotes:
    """Written when something in it is new."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.triggers = {name: TriggerMemory(**fields) for name, fields in _mapping(disk.read(TRIGGERS)).items()}

    def keep(self, name: str, memory: TriggerMemory) -> None:
        if self.triggers.get(name) != memory:
            self.triggers[name] = memory
            self._write()

    def forget(self, present: Mapping[str, object]) -> None:
        """Those that are no more: one that comes again under that name begins anew."""
        gone = self.triggers.keys() - present.keys()
        for name in gone:
            del self.triggers[name]
        if gone:
            self._write()

    def _write(self) -> None:
        self.disk.write(TRIGGERS, json.dumps({name: asdict(each) for name, each in self.triggers.items()}).encode())


class FileNotes:
    """By trigger the files that are no news any more, each with its stamp."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        found = _mapping(disk.read(FILES))
        self.known: dict[str, dict[str, Stamp]] = {
            name: {path: tuple(stamp) for path, stamp in files.items()} for name, files in found.items()
        }

    def keep(self, name: str, files: dict[str, Stamp]) -> None:
        if self.known.get(name) != files:
            self.known[name] = files
            self.disk.write(FILES, json.dumps(self.known).encode())

    def forget(self, present: Mapping[str, object]) -> None:
        for name in self.known.keys() - present.keys():
            del self.known[name]


def _mapping(content: bytes | None) -> dict[str, Any]:
    """Nothing, where there is none or it does not parse."""
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
