"""What a node says when something stands in its way: once, however long it lasts, and again after it was over."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Alarms:
    say: Callable[[str], None]
    _standing: dict[str, str] = field(default_factory=dict)

    def tell(self, about: str, text: str, kind: str = "") -> bool:
        """Said unless the last thing told about this was of that kind, or had this text where no kind is given."""
        what = kind or text
        if self._standing.get(about) == what:
            return False
        self._standing[about] = what
        self.say(text)
        return True

    def over(self, about: str) -> None:
        self._standing.pop(about, None)
