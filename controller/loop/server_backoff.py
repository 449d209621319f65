"""What the server refuses for a reason that stands until a person acts: asked again now and then, not in every round.

Servers count failed attempts, and some shut out who makes many.
"""

from dataclasses import dataclass, field

from state.contract.repository import Outcome, Rejected, Rejection

PAUSE = 60.0
"""Seconds between two pushes of one kind while the server refuses it; a refused fetch is tried three times as often."""
STANDING = frozenset(
    {
        Rejection.HOOK,
        Rejection.PROTECTED,
        Rejection.CREDENTIALS,
        Rejection.UNFIT,
        Rejection.THROTTLED,
        Rejection.BROKEN_REF,
        Rejection.HIDDEN,
    }
)
SHARED = frozenset({Rejection.CREDENTIALS, Rejection.THROTTLED})
"""Those that hold for every push."""
FETCH, EVERY_PUSH = "fetch", "push"


def declined(what: str, kind: Rejection, text: str) -> str:
    """In words; of what never reached the server it does not say that the server was asked."""
    if kind is Rejection.NOT_SENT:
        return f"{what} could not be sent from this machine: {text}; it is tried again"
    return f"the server declined {what} ({kind}): {text}"


@dataclass
class ServerBackoff:
    """Until when each kind of push waits. What is `SHARED` holds for all of them, any other reason for its kind."""

    pause: float = PAUSE
    until: dict[str, float] = field(default_factory=dict)

    def wait(self, kind: str, now: float) -> bool:
        """Whether this is not to be tried yet."""
        shared = EVERY_PUSH if kind != FETCH else FETCH
        return now < max(self.until.get(kind, 0.0), self.until.get(shared, 0.0))

    def heard(self, kind: str, outcome: Outcome | None, now: float) -> None:
        """What came of a push."""
        if isinstance(outcome, Rejected) and outcome.kind in STANDING:
            rest = self.pause if outcome.retry_after is None else outcome.retry_after
            self.until[EVERY_PUSH if outcome.kind in SHARED else kind] = now + rest
        elif outcome is not None:
            self.until.pop(kind, None)

    def throttled(self, now: float, rest: float) -> None:
        """The server wants to be left alone for so long."""
        self.until[FETCH] = self.until[EVERY_PUSH] = now + rest

    def fetched(self, now: float, *, refused: bool) -> None:
        """A fetch that is let in again says that something changed there: the next pushes need not wait."""
        if refused:
            self.until[FETCH] = now + self.pause / 3
        elif self.until.pop(FETCH, None) is not None:
            self.until.clear()

    def missed(self, now: float) -> None:
        """A fetch that failed may be tried again at once. What pushes met meanwhile says nothing of the time after."""
        self.until.setdefault(FETCH, now)
