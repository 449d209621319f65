"""What a stage saves of itself: taken while it runs, and laid into what its next attempt begins with."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.store.errors import StoreError
from runner.store.manifest import Manifest, Row, RowKind, build, parents
from runner.store.saved import with_saved
from runner.store.workspaces import Workspaces


@pytest.fixture
def store(tmp_path: Path) -> Workspaces:
    return Workspaces(tmp_path / "data", overlays=False)


def test_what_a_running_stage_saved_is_taken_and_begun_with(store: Workspaces) -> None:
    opened = store.open("p", 1, "c1", None)
    (opened.path / "ckpt").mkdir()
    (opened.path / "ckpt" / "last").write_text("step 7")
    (opened.path / "scratch").write_text("x")
    saved = store.save("p", 1, "c1", ["ckpt/**"])
    assert saved
    assert {row.path for row in store.tree(saved).files()} == {"ckpt/last"}
    assert store.save("p", 1, "c1", ["ckpt/**"]) == saved
    assert store.save("p", 1, "another", ["ckpt/**"]) is None  # its place was given to another run
    assert store.save("p", 1, "c1", ["none/*"]) is None
    first = store.open("p", 9, "c9", None)
    (first.path / "input").write_text("given")
    base = store.finish("p", 9)
    merged, count = store.with_saved(base, saved, ["ckpt/**"], [], [])
    again = store.open("p", 2, "c2", merged)
    assert count == 1
    assert (again.path / "ckpt" / "last").read_text() == "step 7"
    assert (again.path / "input").read_text() == "given"
    assert not (again.path / "scratch").exists()


def test_what_was_saved_stays_while_its_execution_does_and_goes_with_it(store: Workspaces) -> None:
    opened = store.open("p", 1, "c1", None)
    (opened.path / "ckpt").write_text("one")
    first = store.save("p", 1, "c1", ["ckpt"])
    (opened.path / "ckpt").write_text("two two")
    second = store.save("p", 1, "c1", ["ckpt"])
    assert first and second and first != second  # noqa: PT018
    store.collect()
    assert store.tree(second).read("ckpt", 99) == b"two two"
    with pytest.raises(StoreError):
        store.tree(first)
    store.delete("p", 1)
    store.collect()
    with pytest.raises(StoreError):
        store.tree(second)


def tree(*paths: str) -> Manifest:
    files = [Row(path, RowKind.FILE, 1, f"blake3:{'a' * 64}") for path in paths]
    above = {folder for path in paths for folder in parents(path)}
    return build([*files, *(Row(path, RowKind.DIRECTORY) for path in above)])


@pytest.mark.parametrize(
    ("base", "saved", "left"),
    [
        (("a", "ckpt/old"), ("ckpt/new", "b"), {"a", "ckpt/new"}),  # of its paths nothing of before stays
        (("a", "ckpt/old"), ("b",), {"a", "ckpt/old"}),  # nothing was saved
        (("a", "ckpt"), ("ckpt/new",), {"a", "ckpt/new"}),  # a file where a folder is to be
        ((), ("ckpt/x/y",), {"ckpt/x/y"}),
    ],
)
def test_saved_files_take_the_place_of_what_is_there(
    base: tuple[str, ...], saved: tuple[str, ...], left: set[str]
) -> None:
    found, _ = with_saved(tree(*base), tree(*saved), ["ckpt/**"])
    assert {row.path for row in found.contents()} == left


names = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)


@settings(deadline=None)
@given(
    st.sets(names, max_size=4), st.sets(names, max_size=4), st.lists(st.sampled_from(["a", "**", "b/*"]), max_size=2)
)
def test_whatever_two_trees_hold_the_result_is_a_tree(base: set[str], saved: set[str], paths: list[str]) -> None:
    one, other = (tree(*_apart(each)) for each in (base, saved))
    found, count = with_saved(one, other, paths)
    assert sum(1 for row in found.contents() if row in set(other.contents())) >= count


def _apart(paths: set[str]) -> list[str]:
    """Without those below which others lie."""
    return [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
