"""What a node says when something stands in its way: once, however long it lasts, and once when it is over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

STUCK = 5
"""Races lost in a row on one tip. Where somebody wins, the tip is another one at the next look."""

LONGEST = 200
"""So much of what was told is told again at its end, where there are no better words."""
OVER = {
    "fetch": "the repository answers again",
    "push": "pushes land again",
    "heartbeat": "heartbeats land again",
    "unseen": "its own heartbeat is seen again",
    "engine": "the engine answers again",
    "room": "there is room on the disk again",
    "disk": "retention can do its work again",
    "halt": "it is no longer halted",
    "too old": "it reads what winslow.yaml wants again",
    "round": "rounds succeed again",
    "let go": "folders can be cleared again",
    "policy": "the policy file is in force again",
    "outgoing": "what was put in is sent again",
}


@dataclass
class Alarms:
    say: Callable[[str], None]
    _standing: dict[str, str] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)
    _lost: dict[str, tuple[str | None, int]] = field(default_factory=dict)

    def tell(self, about: str, text: str, kind: str = "") -> bool:
        """Said unless the last thing told about this was of that kind, or had this text where no kind is given."""
        what = kind or text
        if self._standing.get(about) == what:
            return False
        self._standing[about], self._told[about] = what, text
        self.say(text)
        return True

    def only(self, about: str, texts: Mapping[str, str]) -> None:
        """One thing for each key, and whatever else was told about such things is over."""
        for known in [each for each in self._standing if each.startswith(f"{about} ")]:
            if known.removeprefix(f"{about} ") not in texts:
                self.over(known)
        for key, text in texts.items():
            self.tell(f"{about} {key}", text)

    def lost_race(self, about: str, tip: str | None, text: str) -> None:
        """A race against nobody is none: something on the server keeps the ref where it is."""
        before, times = self._lost.get(about, (tip, 0))
        times = times + 1 if before == tip else 1
        self._lost[about] = (tip, times)
        if times >= STUCK:
            self.tell(about, f"the server moves a ref for nobody, which a person must look at: {text}", "stuck")

    def over(self, about: str) -> None:
        """Whoever read of it need not look any more."""
        if self._standing.pop(about, None) is not None:
            self.say(OVER.get(about) or f"over: {self._told[about][:LONGEST]}")
        self._lost.pop(about, None)
