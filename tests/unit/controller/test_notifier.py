"""What waits to be told is told once, whenever the node dies and whatever goes wrong."""

import os
import threading
from pathlib import Path

import pytest

from controller import notifier
from controller.notifier import Notifier
from flow.notices import Notice
from schema.notify import Subject


def notice(key: str) -> Notice:
    return Notice(key, Subject.FAILED, "v failed", "look", ("ada",))


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notifier:
    """Without its thread. `sent` has what went out."""
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    sent: list[str] = []
    monkeypatch.setattr(notifier, "apart", lambda targets, text: sent.append(text) or "")
    made = Notifier(tmp_path / "notices", tmp_path / "targets", lambda text: None)
    made.sent = sent  # type: ignore[attr-defined]
    return made


def test_a_kill_between_the_notice_and_its_mark_loses_nothing(
    silent: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", _killed)
        with pytest.raises(KeyboardInterrupt):
            silent._put([notice("a")])
    silent._put([notice("a")])
    assert len(list(silent.folder.glob("*.json"))) == 1
    silent.send_all()
    silent._put([notice("a")])
    silent.send_all()
    assert len(silent.sent) == 1  # type: ignore[attr-defined]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_mark_that_is_asked_for_is_never_forgotten(silent: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "KEPT", 3)
    silent._put([notice("timeout")])
    for mark in silent.told.iterdir():
        os.utime(mark, (0, 0))  # told long ago, by a stage that runs for days
    silent._put([notice(str(number)) for number in range(10)])
    silent._put([notice("timeout")])
    silent.send_all()
    silent._put([notice("timeout")])
    silent.send_all()
    assert len(silent.sent) == 11  # type: ignore[attr-defined]


def test_old_marks_go(silent: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "KEPT", 3)
    silent._put([notice(str(number)) for number in range(10)])
    for mark in silent.told.iterdir():
        os.utime(mark, (0, 0))
    silent._forget()
    assert len(list(silent.told.iterdir())) == 3
