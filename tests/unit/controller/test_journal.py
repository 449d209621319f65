"""What a node remembers, while several threads write to it and whoever decided saw it a moment ago."""

import threading

import pytest

from controller.dirs.contract import NoTrees
from controller.journal.journal import Journal, JournalError
from controller.journal.small_files import MemoryDisk
from flow.node.node_world import HeldClaim, LaunchOrder
from schema.execution import ImageRecord
from schema.reasons import End

ORDER = LaunchOrder(project="v", execution=1, stage="a", image="i")
ENTRY = HeldClaim(claim="1" * 32, container="1" * 32, order=ORDER)
IMAGE = ImageRecord(ref="i", digest="sha256:1")


class SlowDisk(MemoryDisk):
    """Its first write in a thread called `slow` waits until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.go = threading.Event(), threading.Event()

    def write(self, name: str, content: bytes) -> None:
        if threading.current_thread().name == "slow":
            self.inside.set()
            assert self.go.wait(10)
        super().write(name, content)


def test_M7_a_stop_and_a_start_that_are_noted_at_once_are_both_kept() -> None:
    disk = SlowDisk()
    journal = Journal(disk)
    journal.keep(ENTRY)
    started = threading.Thread(target=lambda: journal.mark_started(ENTRY.container, "now"), name="slow")
    started.start()
    assert disk.inside.wait(10)
    stopped = threading.Thread(target=lambda: journal.mark_stop(ENTRY.container, End.ABORTED))
    stopped.start()
    stopped.join(0.05)
    disk.go.set()
    started.join(10)
    stopped.join(10)
    for found in (journal, Journal(disk)):
        [entry] = found.entries.values()
        assert (entry.phase, entry.stop, entry.began) == ("started", End.ABORTED, "now")


def test_M7_the_first_reason_for_a_stop_stays() -> None:
    """It is what people are told: a timeout that an abort follows was a timeout."""
    disk = MemoryDisk()
    journal = Journal(disk)
    journal.keep(ENTRY)
    journal.mark_stop(ENTRY.container, End.TIMEOUT)
    journal.mark_stop(ENTRY.container, End.ABORTED)
    for found in (journal, Journal(disk)):
        assert [entry.stop for entry in found.entries.values()] == [End.TIMEOUT]


def test_M3_a_renewed_claim_changes_nothing_else_of_what_is_known() -> None:
    disk = MemoryDisk()
    journal = Journal(disk)
    journal.keep(ENTRY)
    ready = NoTrees().prepare(ENTRY.container, ORDER)
    seen = journal.entries[ENTRY.container]
    journal.mark_made(ENTRY.container, IMAGE, ready, "now")
    journal.mark_stop(ENTRY.container, End.TIMEOUT)
    journal.keep(seen.model_copy(update={"claim": "2" * 32, "phase": "started"}))
    for found in (journal, Journal(disk)):
        [entry] = found.entries.values()
        assert (entry.claim, entry.phase) == ("2" * 32, "started")
        assert (entry.stop, entry.image, entry.began) == (End.TIMEOUT, IMAGE, "now")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"7", b'{"v": {"execution": "x"}}'])
@pytest.mark.parametrize("name", ["tips.json", "wiped.json"])
def test_a_damaged_journal_is_named_and_ends_in_no_traceback(name: str, content: bytes) -> None:
    disk = MemoryDisk()
    disk.write(name, content)
    with pytest.raises(JournalError, match=f"{name} in the node's journal is damaged"):
        Journal(disk)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_push_that_cannot_be_read_is_forgotten(content: bytes) -> None:
    disk = MemoryDisk()
    disk.write("push.json", content)
    assert Journal(disk).pushed is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a b", b"x" * 65])
def test_a_damaged_incarnation_is_no_new_one(content: bytes) -> None:
    disk = MemoryDisk()
    disk.write("incarnation", content)
    with pytest.raises(JournalError, match="incarnation in the node's journal is damaged"):
        Journal(disk).incarnation()


def sent() -> tuple[MemoryDisk, Journal]:
    disk = MemoryDisk()
    journal = Journal(disk)
    journal.send(ENTRY, at=1.0, boot="b")
    journal.grant(ENTRY)
    return disk, journal


def written(disk: MemoryDisk) -> HeldClaim:
    return Journal(disk).entries[ENTRY.container]


def test_M7_what_was_granted_is_at_once_known_here_and_still_sent_for_a_later_process() -> None:
    disk, journal = sent()
    known = journal.entries[ENTRY.container]
    assert (known.phase, known.sent) == ("granted", 1.0)
    assert written(disk).phase == "sent"
    journal.write_granted(ENTRY.container)
    assert written(disk) == known


@pytest.mark.parametrize("again", [False, True])
def test_F2_no_container_is_made_of_a_claim_that_is_only_sent_on_the_disk(again: bool) -> None:
    disk, journal = sent()
    ready = NoTrees().prepare(ENTRY.container, ORDER)
    if again:  # after a try that failed nothing else of it is news
        journal.mark_made(ENTRY.container, IMAGE, ready, "now")
        journal.send(journal.entries[ENTRY.container], at=2.0, boot="b")
        journal.grant(ENTRY)
    journal.mark_made(ENTRY.container, IMAGE, ready, "now")
    assert (written(disk).phase, written(disk).image) == ("granted", IMAGE)


def test_what_was_written_since_it_was_granted_is_not_written_again() -> None:
    disk, journal = sent()
    journal.mark_started(ENTRY.container, "now")
    disk.files.clear()
    journal.write_granted(ENTRY.container)
    assert disk.files == {}


def test_what_a_full_disk_did_not_take_is_written_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing of it is news to this process by then."""
    disk, journal = sent()
    journal.write_granted(ENTRY.container)
    ready = NoTrees().prepare(ENTRY.container, ORDER)
    with monkeypatch.context() as full:
        full.setattr(disk, "write", lambda name, content: refuse())
        with pytest.raises(OSError, match="no space left"):
            journal.mark_made(ENTRY.container, IMAGE, ready, "now")
    assert written(disk).image is None
    journal.mark_made(ENTRY.container, IMAGE, ready, "now")
    assert written(disk).image == IMAGE


def refuse() -> None:
    raise OSError("no space left on device")
