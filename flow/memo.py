"""Remembering the result of a pure function of one frozen value, by the value's identity.

The value is kept beside the result, so its identity cannot be taken over by another one. Views of projects that did
not change keep their identity from snapshot to snapshot: that is what makes a round over ten thousand projects cheap.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")
Answer = TypeVar("Answer")


class Memo(Generic[Value, Answer]):
    def __init__(self, function: Callable[[Value], Answer], size: int = 131_072) -> None:
        self.function, self.size = function, size
        self._known: OrderedDict[int, tuple[Value, Answer]] = OrderedDict()

    def __call__(self, value: Value) -> Answer:
        found = self._known.get(id(value))
        if found is not None and found[0] is value:
            return found[1]
        answer = self.function(value)
        self._known[id(value)] = (value, answer)
        while len(self._known) > self.size:
            self._known.popitem(last=False)
        return answer
