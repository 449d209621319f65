"""What is to be committed on `winslow/state`: one event a commit, several commits a push."""

from dataclasses import dataclass, field

from schema.execution import ArtifactList, Execution, Tombstone
from schema.flag import Flag
from schema.node import Inventory
from schema.pipeline import Pipeline
from schema.reply import Reply

Document = Reply | Execution | Tombstone | ArtifactList | Inventory | Pipeline | Flag
"""What controllers write as a document."""


@dataclass(frozen=True, slots=True)
class StateEvent:
    """One fact. `verb` is its kind (`claim`, `succeed`, `reply` …), `fact` the short text for people."""

    verb: str
    project: str = ""
    execution: int | None = None
    stage: str = ""
    fact: str = ""
    claim: str = ""
    request: str = ""
    by: str = ""
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A path of the state tree and its new content; None removes the file, or the folder if it ends in `/`."""

    path: str
    content: Document | str | None


@dataclass(frozen=True, slots=True)
class Commit:
    event: StateEvent
    writes: tuple[Write, ...] = field(default=())
