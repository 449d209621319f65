"""F21: a node whose data disk has no free byte gives signs of life, looks, aborts and gives up; it takes nothing."""

import errno

from controller.journal.small_files import MemoryDisk
from schema.execution import State
from schema.reasons import End
from tests.unit.controller.worlds import OneNode, server

LONG = "name: p\nstages:\n  - {name: a, image: i, env: {FAKE_SECONDS: 100000}}\n"


class FullDisk(MemoryDisk):
    full = False

    def write(self, name: str, content: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(name, content)


def running() -> tuple[OneNode, FullDisk]:
    it = OneNode(server(LONG))
    disk = FullDisk()
    disk.files = it.disk.files
    it.disk = disk
    it.restart()
    it.ask(request="start")
    it.until(lambda: bool(it.view.executions) and it.record.state is State.RUNNING)
    disk.full = True
    return it, disk


def test_F21_signs_of_life_go_on() -> None:
    it, _ = running()
    before = it.remote.beats["n1"][0]
    it.rounds(10)
    assert it.remote.beats["n1"][0] != before
    assert not [text for text in it.said if "round" in text]


def test_F21_an_abort_ends_the_stage_and_gets_its_reply() -> None:
    it, _ = running()
    it.ask(request="abort")
    it.rounds(20)
    assert (it.record.state, it.record.reason) == (State.ABORTED, End.ABORTED)
    assert [reply.accepted for reply in it.view.replies] == [True, True]


def test_F21_what_ended_meanwhile_is_told_once_there_is_room() -> None:
    it, disk = running()
    it.clock.seconds += 200_000
    it.rounds(5)
    assert it.record.state is State.RUNNING
    disk.full = False
    it.until(lambda: it.record.state.ended)
    assert it.record.state is State.SUCCEEDED
