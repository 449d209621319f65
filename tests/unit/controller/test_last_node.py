"""Who tells that the last node was lost: by the mark, and once."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from controller.notify import last_node
from controller.notify.last_node import PATIENCE, LastNodeTeller, teller_of
from controller.notify.notifier import Notifier
from flow.model.snapshot import Snapshot
from flow.status.notices import LostNode, Notice
from schema.notify import Subject
from state.edits.told_marks import Mark


@dataclass
class Marks:
    """Says what it is told to say, and counts how often it was asked."""

    says: list[Mark]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def take(self, node: str, beat: str) -> Mark:
        self.asked.append((node, beat))
        return self.says[min(len(self.asked), len(self.says)) - 1]


class Telling:
    """A teller without its threads. `lost` is what the view shows."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, *says: Mark) -> None:
        self.lost: tuple[LostNode, ...] = (lost("n1", "1"),)
        patch.setattr(threading.Thread, "start", lambda self: None)
        patch.setattr(last_node, "of_the_last", lambda _: self.lost)
        file = folder / "targets"
        file.write_text("targets: {ada: json://one}\n")
        file.chmod(0o600)
        self.folder, self.marks, self.said = folder, Marks([*says]), list[str]()
        self.teller = self.made()

    def made(self) -> LastNodeTeller:
        notifier = Notifier(self.folder / "notices", self.folder / "targets", self.said.append)
        return LastNodeTeller(notifier, self.marks, self.said.append)  # type: ignore[arg-type]

    def turns(self, count: int) -> int:
        """How many notices wait to be sent after so many."""
        for _ in range(count):
            self.teller.looked(Snapshot.__new__(Snapshot))
            self.teller.turn()
        return len(list((self.folder / "notices").glob("*.json")))


def lost(node: str, beat: str) -> LostNode:
    notice = Notice(f"node_lost {node} {beat}", Subject.NODE_LOST, f"node {node} is lost", "", ("ada",))
    return LostNode(node, beat, notice)


def test_M12_whose_mark_it_is_tells_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Telling(tmp_path, monkeypatch, Mark.OURS)
    assert here.turns(5) == 1
    assert here.marks.asked == [("n1", "1")]
    here.lost = (lost("n1", "2"),)
    assert here.turns(5) == 2


def test_M12_what_another_tells_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Telling(tmp_path, monkeypatch, Mark.AGAIN, Mark.THEIRS)
    assert here.turns(6) == 0
    assert len(here.marks.asked) == 2
    here.teller = here.made()  # after a restart
    assert here.turns(6) == 0
    assert len(here.marks.asked) == 2


def test_M12_who_dies_between_the_mark_and_the_notice_tells_it_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Telling(tmp_path, monkeypatch, Mark.OURS)
    with monkeypatch.context() as patch:
        patch.setattr(Notifier, "put", _killed)
        with pytest.raises(KeyboardInterrupt):
            here.turns(1)
    here.teller = here.made()
    assert here.turns(2) == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_M12_who_may_write_no_mark_lets_others_go_first_and_says_why_it_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Telling(tmp_path, monkeypatch, Mark.CLOSED)
    assert here.turns(PATIENCE - 1) == 0
    assert here.turns(3) == 1
    assert ["refs/winslow/told/*" in each for each in here.said] == [True]


def test_M12_a_node_that_came_back_meanwhile_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Telling(tmp_path, monkeypatch, Mark.AGAIN)
    assert here.turns(1) == 0
    here.lost = ()
    here.marks.says = [Mark.OURS]
    assert here.turns(2) == 0


def test_a_teller_keeps_its_name(tmp_path: Path) -> None:
    assert teller_of(tmp_path) == teller_of(tmp_path)
    (tmp_path / "other").mkdir()
    assert teller_of(tmp_path / "other") != teller_of(tmp_path)
