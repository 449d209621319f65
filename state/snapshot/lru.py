"""What is remembered, but not endlessly."""

from collections import OrderedDict
from typing import Any


class Bounded(OrderedDict[Any, Any]):
    """Forgets what was not used for longest. Several threads may use it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def look(self, key: object) -> Any:
        try:
            self.move_to_end(key)
            return self[key]
        except KeyError:
            return None

    def keep(self, key: object, value: Any) -> None:
        self.pop(key, None)
        self[key] = value
        if len(self) > self.size:
            self.popitem(last=False)
