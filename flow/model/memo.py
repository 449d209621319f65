"""Remembering the result of a pure function of one frozen value, by the value's identity, for as long as it lives.

Views of projects that did not change keep their identity from snapshot to snapshot: that is what makes a round over ten
thousand projects cheap.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar
from weakref import ref

Value = TypeVar("Value")
Answer = TypeVar("Answer")


class Memo(Generic[Value, Answer]):
    """An answer must not hold its value, or both stay until `size` newer ones came."""

    def __init__(self, function: Callable[[Value], Answer], size: int = 131_072) -> None:
        self.function, self.size = function, size
        self._known: OrderedDict[int, tuple[ref[Value], Answer]] = OrderedDict()

    def __call__(self, value: Value) -> Answer:
        key = id(value)
        found = self._known.get(key)
        if found is not None and found[0]() is value:
            return found[1]
        answer = self.function(value)
        self._known[key] = (ref(value, lambda gone: self._forget(key, gone)), answer)
        while len(self._known) > self.size:
            self._known.popitem(last=False)
        return answer

    def _forget(self, key: int, gone: "ref[Value]") -> None:
        """Another value may have taken over its identity since."""
        found = self._known.get(key)
        if found is not None and found[0] is gone:
            self._known.pop(key, None)


class KeepingMemo(Generic[Value, Answer]):
    """The same for values that cannot be referred to weakly: the `size` newest stay, with what they came to."""

    def __init__(self, function: Callable[[Value], Answer], size: int) -> None:
        self.function, self.size = function, size
        self._known: OrderedDict[int, tuple[Value, Answer]] = OrderedDict()

    def __call__(self, value: Value) -> Answer:
        found = self._known.get(id(value))
        if found is not None:
            return found[1]  # of this very value: it is kept, so that no other has its identity
        answer = self.function(value)
        self._known[id(value)] = (value, answer)
        while len(self._known) > self.size:
            self._known.popitem(last=False)
        return answer


@lru_cache(4096)
def shared(names: frozenset[str]) -> frozenset[str]:
    """An equal set: of thousands of projects with the same names all have one object."""
    return names
