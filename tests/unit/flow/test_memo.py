"""What is remembered of a value, and for how long."""

import gc
import weakref

from flow.model.memo import Memo, shared
from flow.model.snapshot import ProjectView


def test_a_value_is_looked_at_once_and_another_equal_one_anew() -> None:
    asked: list[ProjectView] = []
    memo = Memo(lambda view: asked.append(view) or len(asked))
    one, other = ProjectView("a", None), ProjectView("a", None)
    assert [memo(one), memo(one), memo(other), memo(one)] == [1, 1, 2, 1]


def test_nothing_is_kept_of_a_value_that_is_gone() -> None:
    memo: Memo[ProjectView, str] = Memo(lambda view: view.id)
    view = ProjectView("a", None)
    memo(view)
    gone = weakref.ref(view)
    del view
    gc.collect()
    assert gone() is None
    assert not memo._known


def test_of_values_that_stay_the_newest_are_kept() -> None:
    asked: list[str] = []
    memo = Memo(lambda view: asked.append(view.id) or view.id, size=2)
    views = [ProjectView(name, None) for name in "abc"]
    for view in (*views, views[2], views[1], views[0]):
        memo(view)
    assert asked == ["a", "b", "c", "a"]


def test_equal_sets_become_one() -> None:
    assert shared(frozenset({"a", "b"})) is shared(frozenset({"b", "a"}))
