"""The contract of the state repository, as a node and as a person uses it.

Every implementation passes `tests/contract/test_repository.py`. What they promise:

* `fetch` returns one consistent pair of commits: `winslow/state` is resolved first and `main` second, and the state's
  `Winslow-Wanted` is an ancestor of that `main` (else Inconsistent, and nothing may be decided).
* `swap` lands all commits or none, and only while the branch still is where the snapshot saw it. Of any number of
  concurrent swaps on one snapshot at most one lands. `Unknown` means: look again before you believe either.
* With a `beat` the commits and that heartbeat land together, or neither does.
* `beat` rewrites this node's ref only if it still holds `expected`.
* `propose` is the same compare-and-swap for `main`: people's edits.

What they do not promise: that a commit on `main` is seen before a commit on `winslow/state` that was pushed later.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flow.model.commits import Commit
from flow.model.snapshot import Snapshot
from schema.node import Heartbeat


class Rejection(StrEnum):
    """Why the server said no; each wants another reaction."""

    RACE = "race"  # somebody was first: decide anew
    HOOK = "hook"  # a hook declined: a person must act
    PROTECTED = "protected"  # a protected branch: a person must act
    CREDENTIALS = "credentials"  # a person must act
    UNFIT = "unfit"  # the server, or what answers in its place, cannot take this push at all: a person must act
    THROTTLED = "throttled"  # come again later
    NOT_SENT = "not sent"  # it never left this machine: its disk is full, or its clone is damaged
    BROKEN_REF = "broken ref"  # a ref on the server keeps it from taking any push
    HIDDEN = "hidden"  # what stands there is shown to no reader, so nothing can replace it: a person must act
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Landed:
    """`snapshot` is the base with the commits applied, where the repository can tell cheaply; else fetch.

    `text` is what the server said beside it, `beat` the object id of the heartbeat that went with it.
    """

    oid: str
    snapshot: Snapshot | None = None
    text: str = ""
    beat: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """`retry_after`: seconds for which the server wants to be left alone, where it said so."""

    kind: Rejection
    text: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """`oid` is the commit that may have landed, where one was sent: who finds it in the branch knows that it did."""

    text: str = ""
    oid: str = ""


Outcome = Landed | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A heartbeat, and what the node's ref is expected to hold before it."""

    heartbeat: Heartbeat
    expected: str | None


@dataclass(frozen=True, slots=True)
class Edit:
    """A person's commit on `main`. `files` maps a path to its new text, or None to remove it or a `folder/`."""

    files: Mapping[str, str | None]
    message: str
    author: str  # `Name <address>`


class Repository(Protocol):
    def fetch(self) -> Snapshot:
        """Unreachable, CredentialsRefused, NotAStateRepository, NewerSchema, Inconsistent, Damaged."""
        ...

    def swap(
        self, base: Snapshot, commits: Sequence[Commit], *, node: str, beat: SignOfLife | None = None
    ) -> Outcome: ...

    def beat(self, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        """Landed.oid is the new blob's id."""
        ...

    def heartbeat(self, node: str) -> Heartbeat | None:
        """What the node's ref holds as of the last fetch."""
        ...

    def at(self, main: str, state: str) -> Snapshot:
        """The snapshot at a pair of commits that was fetched before: to look at, not to decide on. StateError."""
        ...

    def messages(self, tip: str | None = None) -> Iterator[tuple[str, int, str]]:
        """(commit, seconds, message) of `winslow/state`, newest first, from its tip or an older commit. StateError."""
        ...

    def descends(self, tip: str, ancestor: str) -> bool:
        """Whether `ancestor` is reachable from `tip`. An unknown commit is reachable from nothing."""
        ...

    def propose(self, edit: Edit, *, base: str) -> Outcome: ...
