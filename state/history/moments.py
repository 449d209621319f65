"""When a commit was made, as its author's machine recorded it: for people."""

from datetime import UTC, datetime

from state.contract.errors import StateError
from state.git.clone_reader import CloneReader


def committed(looks: CloneReader, commit: str) -> str | None:
    """Nothing where the commit is not here."""
    try:
        seconds = looks.clone.commit(commit).commit_time
    except (StateError, KeyError, ValueError):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
