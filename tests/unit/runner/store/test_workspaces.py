"""Workspaces as executions see them, with copies: what every machine can. Overlays have a page of their own."""

import errno
import io
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from runner import durable
from runner.store import checkout, collect, digests
from runner.store.digests import of_bytes
from runner.store.errors import BadManifest, DamagedObject, MissingObject, NotFound, StoreError
from runner.store.manifest import Row, RowKind, build, text_of
from runner.store.tree import Tree, export
from runner.store.workspaces import Added, Workspaces
from tests.unit.runner.store.trees import apply, changes, full_walk


@pytest.fixture
def store(tmp_path: Path) -> Workspaces:
    return Workspaces(tmp_path / "data", overlays=False)


def stage(store: Workspaces, number: int, base: str | None, files: dict[str, str]) -> str:
    opened = store.open("p", number, f"c{number}", base)
    for path, text in files.items():
        (opened.path / path).parent.mkdir(parents=True, exist_ok=True)
        (opened.path / path).write_text(text)
    return store.finish("p", number)


def text(tree: Tree, path: str) -> str:
    return tree.read(path, 1000).decode()


def test_a_stage_begins_with_what_the_one_before_left_and_does_not_change_it(store: Workspaces) -> None:
    first = stage(store, 1, None, {"a": "one", "deep/er/b": "two"})
    second = stage(store, 2, first, {"a": "changed"})
    assert (text(store.tree(first), "a"), text(store.tree(second), "a")) == ("one", "changed")
    assert text(store.tree(second), "deep/er/b") == "two"
    assert store.result("p", 2) == second == store.finish("p", 2)
    assert not (store.folder("p", 2) / "workspace").exists()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=changes, second=changes)
def test_copies_keep_every_tree_whole(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    data = tmp_path_factory.getbasetemp() / "copies"
    shutil.rmtree(data, ignore_errors=True)
    store, base = Workspaces(data, overlays=False, durable=False), None
    for number, done in enumerate((first, second), 1):
        opened = store.open("p", number, "c", base)
        assert full_walk(opened.path).digest == opened.manifest
        apply(opened.path, done)
        seen = full_walk(opened.path).digest
        base = store.finish("p", number)
        assert base == seen
    for row in store.manifest(base or "").contents():
        store.objects.verify(row.value)


def test_a_node_that_lost_its_rights_does_not_misread_an_overlay(store: Workspaces) -> None:
    """Without them nothing would tell a directory that was emptied from one that was left alone."""
    base = stage(store, 1, None, {"old/a": "x"})
    able = Workspaces(store.data, overlays=True)
    opened = able.open("p", 2, "c2", base)
    assert opened.overlay is not None
    (opened.overlay.upper / "new").write_text("y")
    with pytest.raises(StoreError, match="former rights"):
        store.finish("p", 2)
    assert set(able.tree(able.finish("p", 2)).rows) == {"old", "old/a", "new"}


def test_a_retry_sees_nothing_of_the_attempt_before(store: Workspaces) -> None:
    base = stage(store, 1, None, {"kept": "yes"})
    half = store.open("p", 2, "c2", base)
    (half.path / "half-written").write_text("…")
    again = store.open("p", 2, "c3", base)
    assert sorted(path.name for path in again.path.iterdir()) == ["kept"]


def test_an_attempt_that_still_runs_writes_to_nobodys_workspace(store: Workspaces) -> None:
    first = store.open("p", 1, "c1")
    file = (first.path / "late").open("w")
    again = store.open("p", 1, "c2")
    file.write("late")
    file.close()
    assert list(again.path.iterdir()) == []


@pytest.mark.parametrize("at", ["note", "objects", "put aside"])
def test_a_finish_that_was_cut_off_goes_on(store: Workspaces, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    opened = store.open("p", 1, "c1")
    (opened.path / "a").write_text("one")
    (opened.path / "b").write_text("two")
    with monkeypatch.context() as patch:
        if at == "note":
            patch.setattr("runner.durable.FileDraft.keep", _cut_off)
        elif at == "put aside":
            patch.setattr(store, "_put_aside", _cut_off)
        else:
            adopt = store.objects.adopt
            patch.setattr(store.objects, "adopt", lambda p, x: _cut_off() if Path(p).name == "b" else adopt(p, x))
        with pytest.raises(OSError, match="cut off"):
            store.finish("p", 1)
    again = Workspaces(store.data, overlays=False)
    again.repair()
    assert text(again.tree(again.finish("p", 1)), "b") == "two"
    assert not (again.folder("p", 1) / "workspace").exists()


def test_a_store_may_lie_elsewhere_by_a_link(store: Workspaces, tmp_path: Path) -> None:
    base = stage(store, 1, None, {"a": "one", "d/b": "two"})
    store.objects.folder.rename(tmp_path / "elsewhere")
    store.objects.folder.symlink_to(tmp_path / "elsewhere")
    checkout.link_tree(store.objects, store.manifest(base), tmp_path / "tree")
    assert (tmp_path / "tree" / "d" / "b").read_text() == "two"


def test_F12_all_of_a_result_is_on_the_disk_before_the_note_names_it(
    store: Workspaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = store.open("p", 1, "c1")
    for name in ("a", "b"):
        (opened.path / name).write_text(name)
    done: list[object] = []
    monkeypatch.setattr("runner.store.objects.sync", lambda path: done.append(Path(path)))
    keep = durable.FileDraft.keep
    monkeypatch.setattr(durable.FileDraft, "keep", lambda draft: (done.append("named"), keep(draft)))
    result = store.finish("p", 1)
    before = set(done[: done.index("named")])
    wanted = [store.objects.find(digest) for digest in (result, of_bytes(b"a"), of_bytes(b"b"))]
    assert before >= {*wanted, *(path.parent for path in wanted)}
    [note] = [path for path in before if isinstance(path, Path) and path.name.startswith("workspace.json.")]
    assert not note.exists()


def _cut_off(*_: object) -> None:
    raise OSError("cut off")


def test_a_workspace_of_an_older_version_is_taken_in(store: Workspaces) -> None:
    """Before there was a store, a workspace was a folder without a note."""
    old = store.folder("p", 1) / "workspace"
    old.mkdir(parents=True)
    (old / "a").write_text("old")
    assert text(store.tree(store.finish("p", 1)), "a") == "old"
    with pytest.raises(NotFound):
        store.finish("p", 2)


def test_a_running_stage_can_be_looked_at(store: Workspaces) -> None:
    opened = store.open("p", 1, "c1", stage(store, 2, None, {"kept": "yes"}))
    (opened.path / "new").write_text("now")
    tree = store.look("p", 1)
    assert (tree.changing, text(tree, "new"), text(tree, "kept")) == (True, "now", "yes")
    (opened.path / "new").unlink()
    (opened.path / "new").symlink_to("/etc/passwd")
    with pytest.raises(NotFound):
        tree.open("new")
    store.finish("p", 1)
    assert not store.look("p", 1).changing
    with pytest.raises(NotFound):
        store.look("p", 9)


def test_what_a_gone_container_left_can_still_be_looked_at(store: Workspaces) -> None:
    opened = store.open("p", 1, "c1")
    (opened.path / "a").write_text("hours of work")
    store.let_go("p", 1, "somebody else")
    store.let_go("p", 1, "c1")
    assert text(store.look("p", 1), "a") == "hours of work"


def test_links_are_followed_inside_the_tree_only(store: Workspaces) -> None:
    opened = store.open("p", 1, "c1")
    (opened.path / "run-1").mkdir()
    (opened.path / "run-1" / "out").write_text("x")
    for name, target in {
        "latest": "run-1",
        "up": "../..",
        "abs": "/etc",
        "loop": "loop",
        "round": "run-1/../latest/out",
    }.items():
        (opened.path / name).symlink_to(target)
    tree = store.tree(store.finish("p", 1))
    assert text(tree, "latest/out") == text(tree, "round") == text(tree, "./run-1//out") == "x"
    for path in ("up", "abs/passwd", "loop", "../x", "run-1/../../x", "run-1/out/x", "none", "latest"):
        with pytest.raises(NotFound):
            tree.open(path)
    assert [row.path for row in tree.listing("latest")] == ["run-1/out"]
    assert [row.path for row in tree.listing()] == ["abs", "latest", "loop", "round", "run-1", "up"]
    with pytest.raises(NotFound):
        tree.listing("run-1/out")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt"]),
        ("**", ["[x]", "a.txt", "t/1.txt", "t/deep/2.txt", "t/deep/3.dat"]),
        ("t/**", ["t/1.txt", "t/deep/2.txt", "t/deep/3.dat"]),
        ("**/*.txt", ["a.txt", "t/1.txt", "t/deep/2.txt"]),
        ("t/*/?.dat", ["t/deep/3.dat"]),
        ("t/deep/[12].txt", ["t/deep/2.txt"]),
        ("t/deep/[!3]*", ["t/deep/2.txt"]),
        ("./t//1.txt", ["t/1.txt"]),
        ("[[]x]", ["[x]"]),
        ("[", []),
        ("t", ["t/1.txt", "t/deep/2.txt", "t/deep/3.dat"]),
        ("t/", ["t/1.txt", "t/deep/2.txt", "t/deep/3.dat"]),
        ("t/d*", ["t/deep/2.txt", "t/deep/3.dat"]),
        ("*", ["[x]", "a.txt", "t/1.txt", "t/deep/2.txt", "t/deep/3.dat"]),
        ("/etc/*", []),
        ("../*", []),
        ("", []),
    ],
)
def test_patterns_name_files(store: Workspaces, pattern: str, found: list[str]) -> None:
    files = dict.fromkeys(("a.txt", "t/1.txt", "t/deep/2.txt", "t/deep/3.dat", "[x]"), "")
    assert [row.path for row in store.tree(stage(store, 1, None, files)).matching(pattern)] == found


@pytest.mark.parametrize(
    ("pattern", "found", "why"),
    [
        ("out.csv", {"out.csv": "real"}, ""),
        ("*.csv", {"out.csv": "real"}, ""),
        ("absolute", {"absolute": "real"}, ""),
        ("latest", {"latest/a.csv": "real", "latest/deep/b": "b"}, ""),
        ("latest/a.csv", {"latest/a.csv": "real"}, ""),
        ("./latest/deep", {"latest/deep/b": "b"}, ""),
        ("away", {}, "a link to '/etc/passwd', which leads out of the workspace"),
        ("up", {}, "a link to '../../x', which leads out of the workspace"),
        ("dangling", {}, "a link to 'nothing', which is not there"),
        ("loop", {}, "a link to 'loop', which leads out of the workspace"),
        ("empty", {}, "a folder without files"),
        ("none", {}, ""),
    ],
)
def test_N6_a_link_counts_as_what_it_leads_to_inside_the_workspace(
    store: Workspaces, pattern: str, found: dict[str, str], why: str
) -> None:
    opened = store.open("p", 1, "c1")
    (opened.path / "r" / "deep").mkdir(parents=True)
    (opened.path / "r" / "a.csv").write_text("real")
    (opened.path / "r" / "deep" / "b").write_text("b")
    (opened.path / "empty").mkdir()
    links = {
        "out.csv": "r/a.csv", "absolute": "/workspace/r/a.csv", "latest": "r", "away": "/etc/passwd", "up": "../../x",
        "dangling": "nothing", "loop": "loop",
    }  # fmt: skip
    for name, target in links.items():
        (opened.path / name).symlink_to(target)
    tree = store.tree(store.finish("p", 1, "c1"))
    assert {row.path: tree.opener(row).read().decode() for row in tree.matching(pattern)} == found
    assert (tree.why_none(pattern) if not found else "") == why


def test_a_person_replaces_a_file_and_the_execution_stays_as_it_was(store: Workspaces) -> None:
    before = stage(store, 1, None, {"a": "1", "d/b": "2", "d/c": "3"})
    new = store.add(io.BytesIO(b"new"))
    after = store.edit(before, {"a": new, "e/f": new}, ["d/b"])
    assert [row.path for row in store.tree(after).files()] == ["a", "d/c", "e/f"]
    assert text(store.tree(after), "a") == "new"
    assert text(store.tree(before), "a") == "1"
    opened = store.open("p", 2, "c2", before, add={"a": new.digest}, remove=["d"])
    assert sorted(path.name for path in opened.path.iterdir()) == ["a"]
    assert opened.manifest == store.edit(before, {"a": new}, ["d"])


def test_changes_that_make_no_tree_are_refused(store: Workspaces) -> None:
    before, new = stage(store, 1, None, {"a": "1", "d/b": "2"}), store.add(io.BytesIO(b""))
    for path in ("a/x", "d", "../x", "/x", "", "x//y"):
        with pytest.raises(BadManifest):
            store.edit(before, {path: new})
    with pytest.raises(NotFound):
        store.edit(before, {}, ["nothing"])
    with pytest.raises(MissingObject):
        store.open("p", 2, "c2", before, add={"x": digests.of_bytes(b"nowhere")})


def test_a_replaced_program_stays_a_program(store: Workspaces) -> None:
    opened = store.open("p", 1, "c1")
    (opened.path / "run").write_text("#!")
    (opened.path / "run").chmod(0o750)
    base = store.finish("p", 1)
    after = store.edit(base, {"run": store.add(io.BytesIO(b"#!2"))})
    assert store.manifest(after).rows["run"].kind is RowKind.PROGRAM
    assert os.access(store.open("p", 2, "c2", after).path / "run", os.X_OK)


def test_missing_and_damaged_contents_are_said_before_a_stage_begins(store: Workspaces) -> None:
    base = stage(store, 1, None, {"a": "content"})
    with pytest.raises(MissingObject):
        store.open("p", 2, "c2", digests.of_bytes(b"unknown"))
    store.objects.find(digests.of_bytes(b"content")).write_text("cut")
    with pytest.raises(DamagedObject):
        store.open("p", 2, "c2", base)


def test_a_tree_without_end_is_refused(store: Workspaces) -> None:
    here = store.open("p", 1, "c1").path
    for _ in range(250):
        here = here / "d"
        here.mkdir()
    with pytest.raises(StoreError):
        store.finish("p", 1)


def test_odd_names_are_carried_on(store: Workspaces) -> None:
    odd = b"\xff\n "
    opened = store.open("p", 1, "c1")
    with open(os.fsencode(opened.path) + b"/" + odd, "wb") as file:
        file.write(b"x")
    opened = store.open("p", 2, "c2", store.finish("p", 1))
    assert os.listdir(os.fsencode(opened.path)) == [odd]
    assert text(store.look("p", 2), text_of(odd)) == "x"


def test_delete_takes_the_execution_and_leaves_the_others(store: Workspaces) -> None:
    first = stage(store, 1, None, {"a": "1"})
    stage(store, 2, first, {})
    store.delete("p", 1)
    assert not store.folder("p", 1).exists()
    assert text(store.look("p", 2), "a") == "1"


def test_a_tree_is_exported_as_files_of_ones_own(store: Workspaces, tmp_path: Path) -> None:
    tree = store.tree(stage(store, 1, None, {"a": "1", "d/b": "2"}))
    assert export(tree, tmp_path / "out") == 2
    assert (tmp_path / "out" / "d" / "b").stat().st_nlink == 1
    assert export(tree, tmp_path / "part", "d") == 1
    assert (tmp_path / "part" / "b").read_text() == "2"


def test_workspaces_are_opened_and_finished_at_once(store: Workspaces) -> None:
    base, failures = stage(store, 1, None, {f"f{n}": str(n) for n in range(20)}), []

    def work(number: int) -> None:
        try:
            for at in range(5):
                stage(store, 10 * number + at, base, {"own": f"{number} {at}"})
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_manifest_of_rows_that_nobody_checked_cannot_be_stored(store: Workspaces) -> None:
    digest = store.objects.put(build([Row("d", RowKind.DIRECTORY)]).encode() + b"../x\0d\0" + b"0\0\0")
    with pytest.raises(BadManifest):
        store.open("p", 1, "c1", digest)
    added = Added(digests.of_bytes(b""), 0)
    with pytest.raises(BadManifest):
        store.edit(None, {"a\0b": added})


def test_a_workspace_that_is_gone_is_said_and_not_tried_for_ever(store: Workspaces) -> None:
    opened = store.open("p", 1, "c1")
    shutil.rmtree(opened.path)
    with pytest.raises(NotFound):
        store.finish("p", 1)


def test_a_run_that_lost_its_workspace_cannot_finish_it(store: Workspaces) -> None:
    store.open("p", 1, "c1")
    store.open("p", 1, "c2")
    with pytest.raises(NotFound):
        store.finish("p", 1, "c1")
    assert store.finish("p", 1, "c2") == store.finish("p", 1)


def test_contents_with_more_names_than_the_file_system_allows_are_copied(
    store: Workspaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = stage(store, 1, None, {"a": "1"})
    monkeypatch.setattr(os, "link", _full)
    checkout.link_tree(store.objects, store.manifest(base), tmp_path / "tree")
    assert (tmp_path / "tree" / "a").read_text() == "1"
    assert (tmp_path / "tree" / "a").stat().st_nlink == 1


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.EMLINK, "too many links")


def test_collecting_waits_for_those_at_work_and_takes_only_what_nobody_names(store: Workspaces) -> None:
    one = stage(store, 1, None, {"both": "both", "one": "1"})
    two = stage(store, 2, one, {"two": "2"})
    (store.open("p", 3, "c3", two).path / "one").unlink()
    three = store.finish("p", 3)
    for number in (1, 2):
        store.delete("p", number)
    with store.gate.shared():
        assert store.collect() == 0
    assert store.collect() > 0
    assert {row.path for row in store.tree(three).files()} == {"both", "two"}
    assert text(store.tree(two), "one") == "1"  # execution 3 began with it
    store.delete("p", 3)
    store.collect()
    assert list(store.objects.folder.glob("*/*")) == []


def test_nothing_is_collected_while_nobody_knows_what_a_living_execution_names(store: Workspaces) -> None:
    one = stage(store, 1, None, {"same": "same"})
    two = stage(store, 2, one, {"more": "more"})
    manifest = store.objects.path(two)
    content = manifest.read_bytes()
    store.delete("p", 1)
    manifest.write_bytes(b"damaged")
    assert store.collect() == 0
    manifest.write_bytes(content)
    store.collect()
    assert text(store.tree(two), "same") == "same"


def test_a_collection_that_was_cut_off_leaves_nothing(store: Workspaces, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(store, 1, None, {"a": "1", "b": "2"})
    store.delete("p", 1)
    with monkeypatch.context() as patch:
        remove, left = collect._remove, [1]
        patch.setattr(collect, "_remove", lambda *a: remove(*a) if left and left.pop() else _cut_off())
        with pytest.raises(OSError, match="cut off"):
            store.collect()
    assert store.collect() > 0
    assert list(store.objects.folder.glob("*/*")) == []
