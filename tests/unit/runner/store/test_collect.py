"""What nobody names any more goes, and what somebody still wants does not."""

import io
import os
import shutil
from pathlib import Path

import pytest

from runner.store import pins
from runner.store.check import check
from runner.store.errors import Away, MissingObject, StoreError
from runner.store.fetch import Holder
from runner.store.workspaces import Workspaces
from tests.unit.runner.store.test_workspaces import stage, text


@pytest.fixture
def store(tmp_path: Path) -> Workspaces:
    return Workspaces(tmp_path / "data", overlays=False, durable=False)


def put_in(store: Workspaces, content: str = "mask") -> str:
    """By the page, or the command: another process."""
    return Workspaces(store.data, durable=False).add(io.BytesIO(content.encode())).digest


@pytest.mark.parametrize("how", ["drop", "delete"])
def test_R1340_what_a_person_has_just_put_in_is_kept_though_it_was_there_before(store: Workspaces, how: str) -> None:
    stage(store, 1, None, {"mask": "mask", "big": "big"})
    two = stage(store, 2, None, {"b": "b"})
    digest = put_in(store)
    store.drop("p", 1, "why") if how == "drop" else store.delete("p", 1)
    assert store.collect() > 0
    assert text(store.tree(store.open("p", 3, "c3", two, add={"mask": digest}).manifest), "mask") == "mask"
    assert not list(store.pins.folder.glob("?" * 64)), "its workspace names it now"
    store.finish("p", 3)
    store.delete("p", 3)
    store.collect()
    assert not store.objects.has(digest)


def test_what_nobody_named_in_time_goes(store: Workspaces) -> None:
    digest = put_in(store)
    store.collect()
    assert store.objects.has(digest)
    for pin in store.pins.folder.glob("?" * 64):
        os.utime(pin, (0, 0))
    store.wanted = frozenset({digest})
    store.collect()
    assert store.objects.has(digest)
    store.wanted = frozenset()
    store.collect()
    assert not store.objects.has(digest)
    assert not list(store.pins.folder.glob("?" * 64))


def test_what_the_repository_asks_for_waits_and_goes_once_it_does_not(store: Workspaces) -> None:
    one = stage(store, 1, None, {"raw": "raw"})
    digest = put_in(store)
    opened = store.open("p", 2, "c2", one, add={"mask": digest})
    (opened.path / "out").write_text("out")
    store.finish("p", 2)
    store.wanted = frozenset({digest})  # a redo would put it in again
    store.drop("p", 2, "discardable")
    assert store.collect() > 0
    assert store.collect() == 0
    assert store.objects.has(digest)
    store.wanted = frozenset()
    assert store.collect() > 0
    with pytest.raises(MissingObject):
        store.objects.find(digest)


def test_nothing_goes_before_somebody_has_looked_at_the_repository(store: Workspaces) -> None:
    stage(store, 1, None, {"a": "a"})
    store.delete("p", 1)
    store.wanted = None
    assert store.collect() == 0
    store.wanted = frozenset()
    assert store.collect() > 0


def test_while_somebody_puts_something_in_nothing_goes(store: Workspaces) -> None:
    stage(store, 1, None, {"a": "a"})
    store.delete("p", 1)
    with pins.Pins(store.objects.root).adding("blake3:" + "0" * 64):
        assert store.collect() == 0
    assert store.collect() > 0


def test_a_node_that_lost_its_store_still_collects(store: Workspaces) -> None:
    stage(store, 1, None, {"a": "1"})
    shutil.rmtree(store.objects.root)
    kept = stage(store, 2, None, {"a": "2"})
    stage(store, 3, None, {"a": "3"})
    store.delete("p", 3)
    assert store.collect() > 0
    assert text(store.tree(kept), "a") == "2"


def test_of_a_damaged_manifest_all_is_kept_that_it_may_name(store: Workspaces) -> None:
    """One digest in it cannot be read: contents of that size stay. That is said once."""
    said: list[str] = []
    store.say = said.append
    stage(store, 1, None, {"same": "same", "flip": "12345", "other": "other than that"})
    two = stage(store, 2, None, {"same": "same", "flip": "12345"})
    store.delete("p", 1)
    path = store.objects.path(two)
    content = path.read_bytes()
    digest = store.manifest(two).rows["flip"].value.encode()
    path.write_bytes(content.replace(digest, digest[:-1] + (b"0" if digest[-1:] != b"0" else b"1")))
    assert store.collect() > 0
    stage(store, 3, None, {"third": "third"})
    store.delete("p", 3)
    store.collect()
    assert len([each for each in said if "what it may name is not deleted" in each]) == 1
    path.write_bytes(content)
    assert [text(store.tree(two), name) for name in ("same", "flip")] == ["same", "12345"]
    assert not any(each.stat().st_size == len("other than that") for each in store.objects.folder.glob("*/*"))


def ruin(store: Workspaces, digest: str) -> bytes:
    """So that nothing of it can be read."""
    path = store.objects.path(digest)
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    return content


@pytest.mark.parametrize("checked", [False, True])
def test_while_nothing_of_a_list_of_files_can_be_read_nothing_goes_and_that_is_said_once(
    store: Workspaces, checked: bool
) -> None:
    """It may name anything; also after `files check` has put it aside."""
    said: list[str] = []
    store.say = said.append
    stage(store, 1, None, {"a": "same", "b": "other"})
    two = stage(store, 2, None, {"a": "same"})
    content = ruin(store, two)
    if checked:
        assert [each.digest for each in check(store.objects)] == [two]
    store.delete("p", 1)
    before = sorted(store.objects.folder.glob("*/*"))
    for number in (3, 4):
        stage(store, number, None, {"a": str(number)})
        store.delete("p", number)
        assert store.collect() == 0
    assert set(before) <= set(store.objects.folder.glob("*/*"))
    assert [text for text in said if text.startswith("p/2: its list of files cannot be read")] == said
    assert len(said) == 1
    store.objects.renew(content)
    stage(store, 5, None, {"a": "5"})
    store.delete("p", 5)
    assert store.collect() > 0
    assert text(store.tree(two), "a") == "same"
    assert len(list(store.objects.folder.glob("*/*"))) == 3  # the empty list of files too


def test_with_its_execution_it_is_in_the_way_no_more(store: Workspaces) -> None:
    stage(store, 1, None, {"a": "same"})
    ruin(store, stage(store, 2, None, {"a": "2"}))
    store.delete("p", 1)
    assert store.collect() == 0
    store.drop("p", 2, "more than 1")
    assert store.collect() > 0


def test_M11_a_list_of_files_that_is_damaged_comes_anew_from_who_has_it(store: Workspaces) -> None:
    said: list[str] = []
    store.say = said.append
    stage(store, 1, None, {"a": "same", "b": "other"})
    two = stage(store, 2, None, {"a": "same"})
    content = ruin(store, two)
    store.delete("p", 1)
    store.collect()

    def away(digest: str) -> object:
        raise Away("it does not answer")

    wrong, right = (Holder(name, lambda digest, b=b: io.BytesIO(b)) for name, b in (("w", b"x"), ("r", content)))  # type: ignore[misc]
    store.mend(lambda: [Holder("gone", away), wrong])
    assert len(list(store.objects.folder.glob("*/*"))) == 5
    store.mend(lambda: [right])
    assert len(said) == 1, "others are asked seldom"
    store.mend(lambda: [Holder("gone", away), wrong, right], every=0.0)
    assert text(store.tree(two), "a") == "same"
    assert len(list(store.objects.folder.glob("*/*"))) == 3  # the empty list of files too
    assert [each.rpartition(" ")[2] for each in said][-1] == "it"
    assert len(said) == 2


def test_a_list_that_nobody_else_has_is_not_thrown_away_to_make_room_for_one(store: Workspaces) -> None:
    """A stage that begins with it finds it damaged, and asks for it in vain."""
    stage(store, 1, None, {"a": "same", "b": "other"})
    two = stage(store, 2, None, {"a": "same"})
    ruin(store, two)
    with pytest.raises(StoreError):
        store.open(
            "p", 3, "c3", two, holders=[Holder("nobody", lambda digest: (_ for _ in ()).throw(MissingObject("")))]
        )
    store.delete("p", 1)
    assert store.collect() == 0


def test_what_expired_meanwhile_is_not_forgotten(store: Workspaces) -> None:
    digest = put_in(store)
    two = stage(store, 2, None, {"a": "2"})
    content = ruin(store, two)
    for pin in store.pins.folder.glob("?" * 64):
        os.utime(pin, (0, 0))
    store.collect()
    assert store.objects.has(digest)
    store.objects.renew(content)
    store.collect()
    assert not store.objects.has(digest)
