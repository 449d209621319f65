"""What was asked of the page waits on the disk, and nothing that is wrong with one wish keeps another back."""

import os
from pathlib import Path

import pytest

from runner import durable
from state.contract.errors import Unreachable
from state.contract.repository import Edit, Landed
from tests.integration.git.remotes import AUTHOR, client, remote
from webui.source.outbox import Outbox


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """One whose thread does nothing: a test says when it sends."""
    monkeypatch.setattr("webui.source.outbox.keep_at", lambda *_: None)
    remote(tmp_path)
    return Outbox(tmp_path / "outbox", lambda: client(tmp_path, "page"))


def away(outbox: Outbox, monkeypatch: pytest.MonkeyPatch, folder: Path, **files: str) -> None:
    """Puts edits in while the server is away."""
    with monkeypatch.context() as patch:
        patch.setattr("webui.source.outbox.commit_edit", lambda *_, **__: (_ for _ in ()).throw(Unreachable("away")))
        for name, text in files.items():
            assert outbox.edit({f"notes/{name}.txt": text}, name, AUTHOR) is None


def test_T1_a_node_s_file_that_does_not_parse_stops_no_other_wish(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "remote.git" / "hooks" / "pre-receive"
    hook.unlink()
    people = client(tmp_path, "people")
    broken = Edit({"nodes/x.yaml": "drain: [yes\n\t: {"}, "a slip", AUTHOR)
    assert isinstance(people.propose(broken, base=people.fetch().main), Landed)
    with monkeypatch.context() as patch:
        patch.setattr("webui.source.outbox.commit_edit", lambda *_, **__: (_ for _ in ()).throw(Unreachable("away")))
        assert outbox.drain("x", True, "", AUTHOR) is None
    away(outbox, monkeypatch, tmp_path, after="x")
    outbox.send_all()
    [refused] = outbox.waiting()
    assert "nodes/x.yaml:" in refused.refused
    assert people.fetch()
    assert people.read_main("notes/after.txt") == "x"


def test_a_fault_nobody_thought_of_refuses_one_wish(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(outbox, monkeypatch, tmp_path, one="1", two="2")
    real = Outbox._built
    monkeypatch.setattr(
        Outbox, "_built", lambda self, at, unsent: 1 / 0 if unsent.subject == "one" else real(self, at, unsent)
    )
    outbox.send_all()

    [refused] = outbox.waiting()
    assert (refused.subject, "ZeroDivisionError" in refused.refused) == ("one", True)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[1"])
def test_an_entry_that_a_power_cut_emptied_is_told(outbox: Outbox, content: bytes) -> None:
    path = outbox.folder / f"{1:020d}-abcd.json"
    path.write_bytes(content)
    outbox.send_all()
    [lost] = outbox.waiting()
    assert "ask for it again" in lost.refused
    outbox.forget(lost.id)
    assert outbox.waiting() == []


def test_F21_a_wish_is_on_the_disk_before_it_counts(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = durable.sync
    monkeypatch.setattr(durable, "sync", lambda path: (synced.append(os.fspath(path)), real(path)))
    away(outbox, monkeypatch, tmp_path, one="1")
    assert [Path(path) == outbox.folder for path in synced] == [False, True], "the file, then its name in the folder"
