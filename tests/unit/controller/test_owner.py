"""Whether the owner of a machine wants it, by this machine's own clock; and an owner who comes back every minute."""

import os
import struct
import time
from pathlib import Path

import pytest

from controller.journal.small_files import MemoryDisk
from controller.node.owner import OwnerOptions, OwnerWatch, quiet_hours, sessions
from flow.node.owner_word import NOTHING_WANTED, OwnerWord
from schema.node import Health, NodeGpu, NodeSettings

MONDAY = time.mktime((2026, 11, 30, 9, 0, 0, 0, 0, -1))


class Machine:
    """Its clocks, its disk, and who types."""

    def __init__(self, options: OwnerOptions) -> None:
        self.now, self.typing, self.idle, self.disk, self.options = 0.0, False, 0.0, MemoryDisk(), options
        self.start()

    def start(self) -> None:
        self.watch = OwnerWatch(
            self.options, self.disk, lambda: self.now, lambda: MONDAY + self.now, lambda now, within: self._typed()
        )

    def _typed(self) -> dict[str, float]:
        return {"pts/0": self.idle} if self.typing else {}

    def look(self, *, gpu: Health = Health.OK, **wishes: object) -> OwnerWord:
        return self.watch.look(NodeSettings.model_validate(wishes), (NodeGpu(uuid="G", health=gpu),))


LOGIN = OwnerOptions(watch=frozenset({"login", "gpu"}), away=900.0)


def test_L5_an_owner_who_comes_back_every_minute_is_one_who_never_left() -> None:
    machine, told = Machine(LOGIN), []
    for minute in range(60):
        machine.now, machine.typing = minute * 60.0, minute % 2 == 0
        told.append(machine.look().why)
    assert set(told) == {"its owner is logged in and active"}
    machine.typing, machine.now = False, 58 * 60.0 + 900
    assert machine.look() == NOTHING_WANTED


def test_L5_the_owner_has_left_so_long_after_he_typed_last_and_not_after_that_was_looked_at() -> None:
    machine = Machine(LOGIN)
    machine.typing, machine.idle, machine.now = True, 880.0, 1000.0
    assert machine.look().why
    machine.typing, machine.now = False, 1015.0
    assert machine.look().why
    machine.now = 1020.0
    assert machine.look() == NOTHING_WANTED


def test_L5_a_gpu_that_other_programs_use_is_a_sign_of_the_owner() -> None:
    machine = Machine(LOGIN)
    assert machine.look(gpu=Health.BUSY).why == "its owner uses a GPU"
    assert Machine(OwnerOptions()).look(gpu=Health.BUSY) == NOTHING_WANTED


@pytest.mark.parametrize(
    ("text", "hour", "day", "holds"),
    [
        ("mon-fri 08:00-18:00", 9, 0, True),
        ("mon-fri 08:00-18:00", 18, 0, False),
        ("mon-fri 08:00-18:00", 9, 5, False),
        ("22:00-06:00", 3, 2, True),
        ("fri 22:00-06:00", 3, 5, True),
        ("fri 22:00-06:00", 3, 4, False),
        ("sat-mon 00:00-24:00", 9, 0, True),
    ],
)
def test_quiet_hours(text: str, hour: int, day: int, holds: bool) -> None:
    moment = time.struct_time((2026, 11, 30, hour, 0, 0, day, 1, 0))
    assert quiet_hours(text).hold(moment) is holds


@pytest.mark.parametrize("text", ["", "8-18", "xyz 08:00-18:00", "08:00-25:00", "mon- 08:00-18:00", "08:00-24:30"])
def test_what_are_no_hours_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="are no hours; write"):
        quiet_hours(text)


def test_L5_a_wish_ends_by_the_nodes_own_clock_also_over_a_restart() -> None:
    machine, wish = Machine(OwnerOptions()), {"yield": {"asked": "a", "for": "2h"}}
    assert machine.look(**wish).why == "asked for by its owner, for 2h"
    machine.now = 7100.0
    machine.start()
    assert machine.look(**wish).why
    machine.now = 7200.0
    assert machine.look(**wish) == OwnerWord(settled="a")
    assert machine.look(**{"yield": {"asked": "b", "for": "2h"}}).why  # another wish begins anew
    assert machine.look() == NOTHING_WANTED


def test_a_drain_with_a_deadline_ends_everything_then_and_not_without_the_drain() -> None:
    machine, wish = Machine(OwnerOptions()), {"drain": True, "deadline": {"asked": "a", "for": "1h"}}
    assert machine.look(**wish).ends_all == ""
    machine.now = 3600.0
    assert machine.look(**wish).ends_all == "the time of its drain, 1h, is over"
    assert machine.look(**{**wish, "drain": False}).ends_all == ""


def test_who_types_is_read_from_the_machines_record_of_sessions(tmp_path: Path) -> None:
    entry = struct.Struct("=h2xi32s4s32s256s52x")
    assert entry.size == 384
    own = os.getpid()
    rows = [(7, own, b"pts/3"), (8, own, b"pts/4"), (7, own, b"../etc/x"), (7, own, b":0"), (7, 2**30, b"pts/5")]
    record = tmp_path / "utmp"
    record.write_bytes(b"".join(entry.pack(kind, pid, line, b"", b"ada", b"") for kind, pid, line in rows) + b"torn")
    (tmp_path / "pts").mkdir()
    for name in ("3", "4", "5"):
        (tmp_path / "pts" / name).touch()
        os.utime(tmp_path / "pts" / name, (1000.0, 1000.0))
    assert sessions(1100.0, 900.0, record, tmp_path) == {"pts/3": 100.0, ":0": 0.0}
    assert sessions(5000.0, 900.0, record, tmp_path) == {":0": 0.0}
    assert sessions(1100.0, 900.0, tmp_path / "none", tmp_path) == {}
