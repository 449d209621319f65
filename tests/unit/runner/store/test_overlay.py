"""What an upper says is what was done: against real mounts, which need root."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from runner.store import overlay
from runner.store.workspaces import Workspaces
from tests.unit.runner.store.trees import apply, changes, full_walk, inside_overlay, need_overlays

EXAMPLES = int(os.environ.get("EXAMPLES", "60"))
SLOW = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("overlays")
    need_overlays(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def stage(store: Workspaces, execution: int, base: str | None, done: list[tuple[Any, ...]]) -> tuple[str, str]:
    """One execution on a real overlay; what its upper says, and what a walk of the mounted tree finds."""
    opened = store.open("p", execution, f"c{execution}", base)
    assert opened.overlay is not None

    def work() -> str:
        apply(opened.path, done)
        return full_walk(opened.path).digest

    seen = inside_overlay(opened.overlay, opened.path, work)
    running = store.look("p", execution)
    assert running.changing
    result = store.finish("p", execution)
    assert {row.path: row.kind for row in running.rows.values()} == {
        row.path: row.kind for row in store.manifest(result)
    }
    return result, seen


@SLOW
@given(first=changes, second=changes, third=changes)
def test_the_manifest_from_the_upper_is_a_full_walk_of_the_merged_tree(
    mounts: Path, first: list[tuple[Any, ...]], second: list[tuple[Any, ...]], third: list[tuple[Any, ...]]
) -> None:
    data = mounts / "data"
    shutil.rmtree(data, ignore_errors=True)
    store = Workspaces(data, overlays=True, durable=False)
    base, results = None, []
    for number, done in enumerate((first, second, third), 1):
        base, seen = stage(store, number, base, done)
        assert base == seen
        results.append(base)
    for result in results:  # no stage has changed what another one left
        for row in store.manifest(result).contents():
            store.objects.verify(row.value)
    assert sorted(path.name for path in (data / "store" / "trash").iterdir()) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([("write", b"a/b", b"1"), ("write", b"a/c", b"2")], [("empty", b"a")]),
        ([("write", b"a/b", b"1")], [("write", b"a", b"now a file")]),
        ([("write", b"a", b"a file")], [("remove", b"a"), ("write", b"a/b/c", b"now a folder")]),
        ([("write", b"a/b/c", b"1")], [("write", b"a", b""), ("write", b"a/b", b"and back")]),
        ([("write", b"a/b", b"1")], [("rename", b"a", b"z"), ("write", b"a/n", b"n")]),
        ([("write", b"a", b"1")], [("chmod", b"a", 0o755)]),
        ([("write", b"a", b"1"), ("chmod", b"a", 0o755)], [("chmod", b"a", 0o644)]),
        ([("write", b"a", b"1")], [("link", b"a", b"b"), ("append", b"b", b"2")]),
        ([("write", b"a", b"1")], [("remove", b"a"), ("fifo", b"a")]),
        ([("symlink", b"a", b"x")], [("remove", b"a"), ("mkdir", b"a")]),
        ([("mkdir", b"a/b/c")], [("remove", b"a/b/c")]),
        ([("write", b"a", b"same")], [("write", b"a", b"same")]),
    ],
)
def test_changes_of_every_kind_are_read_from_the_upper(mounts: Path, before: list[Any], after: list[Any]) -> None:
    data = mounts / "named"
    shutil.rmtree(data, ignore_errors=True)
    store = Workspaces(data, overlays=True, durable=False)
    base, seen = stage(store, 1, None, before)
    assert base == seen
    result, seen = stage(store, 2, base, after)
    assert result == seen
    assert store.tree(base).rows == store.manifest(base).rows


def test_only_changed_files_are_read_at_the_end(mounts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Workspaces(mounts / "few", overlays=True, durable=False)
    base, _ = stage(store, 1, None, [("write", b"a", b"1"), ("write", b"b", b"2")])
    read: list[str] = []
    adopt = store.objects.adopt
    monkeypatch.setattr(store.objects, "adopt", lambda path, x: (read.append(Path(path).name), adopt(path, x))[1])
    stage(store, 2, base, [("append", b"b", b"3")])
    assert read == ["b"]


def test_an_overlay_is_refused_where_its_path_cannot_be_said(mounts: Path) -> None:
    folder = mounts / "a,b"
    folder.mkdir(exist_ok=True)
    assert "mount options" in (overlay.probe(folder) or "")
    assert list(folder.iterdir()) == []
