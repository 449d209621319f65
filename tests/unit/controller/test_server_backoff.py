"""How long pushes wait after a server refused one, and what ends the wait."""

from controller.loop.server_backoff import EVERY_PUSH, FETCH, ServerBackoff
from state.contract.repository import Rejected, Rejection

REFUSED = Rejected(Rejection.CREDENTIALS, "the server has no such repository")


def test_F17_refused_credentials_hold_every_push_for_a_while() -> None:
    backoff = ServerBackoff(pause=60.0)
    backoff.heard("state", REFUSED, now=10.0)
    assert backoff.wait("state", now=69.0)
    assert backoff.wait("heartbeat", now=69.0)
    assert not backoff.wait("heartbeat", now=70.0)


def test_F10_nothing_waits_after_a_server_was_away() -> None:
    """A push may meet a server that has no repository for a moment: its node would be silent for a minute after it."""
    backoff = ServerBackoff(pause=60.0)
    backoff.heard("state", REFUSED, now=10.0)
    backoff.heard("heartbeat", Rejected(Rejection.UNFIT, "a page"), now=10.0)
    backoff.missed(now=11.0)
    assert not backoff.wait(FETCH, now=11.0)
    backoff.fetched(now=12.0, refused=False)
    assert not any(backoff.wait(kind, now=12.0) for kind in ("state", "heartbeat", EVERY_PUSH))


def test_F17_while_fetches_succeed_a_refusal_stands() -> None:
    backoff = ServerBackoff(pause=60.0)
    backoff.heard("state", REFUSED, now=10.0)
    backoff.fetched(now=12.0, refused=False)
    assert backoff.wait("state", now=12.0)
