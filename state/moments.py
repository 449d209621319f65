"""When a commit was made, as its author's machine recorded it: for people."""

from datetime import UTC, datetime

from state.errors import StateError
from state.looks import Looks


def committed(looks: Looks, commit: str) -> str | None:
    """Nothing where the commit is not here."""
    try:
        seconds = looks.clone.commit(commit).commit_time
    except (StateError, KeyError, ValueError):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
