"""What a node says when something stands in its way: once, however long it lasts, and again after it was over."""

from collections.abc import Callable
from dataclasses import dataclass, field

STUCK = 5
"""Races lost in a row on one tip. Where somebody wins, the tip is another one at the next look."""


@dataclass
class Alarms:
    say: Callable[[str], None]
    _standing: dict[str, str] = field(default_factory=dict)
    _lost: dict[str, tuple[str | None, int]] = field(default_factory=dict)

    def tell(self, about: str, text: str, kind: str = "") -> bool:
        """Said unless the last thing told about this was of that kind, or had this text where no kind is given."""
        what = kind or text
        if self._standing.get(about) == what:
            return False
        self._standing[about] = what
        self.say(text)
        return True

    def lost_race(self, about: str, tip: str | None, text: str) -> None:
        """A race against nobody is none: something on the server keeps the ref where it is."""
        before, times = self._lost.get(about, (tip, 0))
        times = times + 1 if before == tip else 1
        self._lost[about] = (tip, times)
        if times >= STUCK:
            self.tell(about, f"the server moves a ref for nobody, which a person must look at: {text}", "stuck")

    def over(self, about: str) -> None:
        self._standing.pop(about, None)
        self._lost.pop(about, None)
