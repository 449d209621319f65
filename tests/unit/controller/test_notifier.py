"""What waits to be told is told once, whenever the node dies and whatever goes wrong."""

import json
import os
import threading
from pathlib import Path

import pytest

from controller.notify import address_queue, notifier
from controller.notify.address_queue import NotifyQueue
from controller.notify.notifier import Notifier
from controller.notify.send import GONE, digest, without
from flow.status.notices import Notice
from schema.notify import Subject


def notice(key: str) -> Notice:
    return Notice(key, Subject.FAILED, "v failed", "look", ("ada",))


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notifier:
    """Without its threads. `sent` has what went out."""
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    sent: list[str] = []
    monkeypatch.setattr(notifier, "apart", lambda targets, text: sent.append(text) or "")
    file = tmp_path / "targets"
    file.write_text("url: https://lab.example.org/\ntargets: {ada: [json://one, json://two], bob: json://one}\n")
    file.chmod(0o600)
    made = Notifier(tmp_path / "notices", file, lambda text: None)
    made.sent = sent  # type: ignore[attr-defined]
    return made


def send_all(made: Notifier) -> None:
    made.distribute()
    for queue in made._queues.values():
        queue.send_all()


def test_a_kill_between_the_notice_and_its_mark_loses_nothing(
    silent: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", _killed)
        with pytest.raises(KeyboardInterrupt):
            silent.put([notice("a")])
    silent.put([notice("a")])
    assert len(list(silent.folder.glob("*.json"))) == 1
    send_all(silent)
    silent.put([notice("a")])
    send_all(silent)
    assert len(silent.sent) == 2  # type: ignore[attr-defined]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_mark_that_is_asked_for_is_never_forgotten(silent: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "KEPT", 3)
    silent.put([notice("timeout")])
    for mark in silent.told.iterdir():
        os.utime(mark, (0, 0))  # told long ago, by a stage that runs for days
    silent.put([notice(str(number)) for number in range(10)])
    silent.put([notice("timeout")])
    send_all(silent)
    silent.put([notice("timeout")])
    send_all(silent)
    assert len(silent.sent) == 22  # type: ignore[attr-defined]


def test_old_marks_go(silent: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "KEPT", 3)
    silent.put([notice(str(number)) for number in range(10)])
    for mark in silent.told.iterdir():
        os.utime(mark, (0, 0))
    silent._forget()
    assert len(list(silent.told.iterdir())) == 3


def test_M12_every_address_gets_each_notice_once_with_a_link(silent: Notifier) -> None:
    silent.put([Notice("a", Subject.FAILED, "v failed", "look", ("ada", "bob"), "/projects/v")])
    send_all(silent)
    send_all(silent)
    sent = [json.loads(text) for text in silent.sent]  # type: ignore[attr-defined]
    wanted = {("ada", digest("json://one")), ("ada", digest("json://two")), ("bob", digest("json://one"))}
    assert {(each["target"], each["address"]) for each in sent} == wanted
    assert len(sent) == len(wanted)
    assert {each["text"] for each in sent} == {"look\nhttps://lab.example.org/projects/v"}


class Address:
    """One that takes notices only while it is up."""

    def __init__(self, folder: Path) -> None:
        self.up, self.got, self.said = False, list[str](), list[str]()
        self.queue = NotifyQueue(folder, self.take, self.said.append)

    def take(self, text: str) -> str:
        if self.up:
            self.got.append(json.loads(text)["title"])
        return "" if self.up else "it is down"

    def put(self, *titles: str) -> None:
        for number, title in enumerate(titles):
            self.queue.put(f"{number:020d}-{title}", {"title": title})


def test_M12_a_dead_address_is_tried_later_and_later_and_then_gets_all_in_order(tmp_path: Path) -> None:
    dead = Address(tmp_path / "dead")
    dead.put("a", "b", "c")
    pauses = []
    for _ in range(9):
        dead.queue.send_all()
        pauses.append(dead.queue.pause)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert dead.said == ["a notice could not be sent: it is down"]
    dead.up = True
    dead.queue.send_all()
    dead.queue.send_all()
    assert dead.got == ["a", "b", "c"]


def test_M12_what_an_address_did_not_get_is_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_queue, "MOST", 2)
    dead = Address(tmp_path / "dead")
    dead.put("a", "b", "c", "d", "e")
    os.utime(next(dead.queue.folder.glob("*-d.json")), (0, 0))  # of the day before yesterday
    dead.queue.send_all()
    assert dead.said[0] == "1 notice was dropped: an address takes none, or not so many"
    again = Address(tmp_path / "dead")  # after a restart of the node
    again.up = True
    again.queue.send_all()
    assert again.got == ["e", "4 notices were dropped"]


def test_a_notice_for_an_address_that_is_gone_from_the_file_goes_too(tmp_path: Path) -> None:
    queue = NotifyQueue(tmp_path / "gone", lambda text: GONE, lambda text: None)
    queue.put("1", {"title": "a"})
    queue.send_all()
    assert not list(queue.folder.glob("*.json"))


@pytest.mark.parametrize(
    ("address", "said", "told"),
    [
        (
            "json://ada:hunter2@Box.example:81/t0ken",
            "Failed to send to box.example at t0ken",
            "Failed to send to … at …",
        ),
        ("slack://A1B2/C3D4/#lab", "error=403", "error=403"),
    ],
)
def test_what_an_address_says_has_nothing_of_the_address(address: str, said: str, told: str) -> None:
    assert without(address, said) == told
