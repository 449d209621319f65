"""Who is told of what: `notify` in `winslow.yaml`. Names of targets only; their addresses stay on nodes."""

from enum import StrEnum

from pydantic import Field

from schema.base import Wanted
from schema.names import Name


class Subject(StrEnum):
    """What people can be told of."""

    NEEDS_PERSON = "needs_person"
    FAILED = "failed"
    DONE = "done"
    NODE_LOST = "node_lost"
    TIMEOUT = "timeout"  # 50, 80 and 90 % of a stage's timeout are used up


class Rule(Wanted):
    """Without `tags` it holds for every project."""

    to: tuple[Name, ...] = Field(min_length=1)
    on: tuple[Subject, ...] = (Subject.NEEDS_PERSON, Subject.FAILED, Subject.NODE_LOST)
    tags: tuple[str, ...] = ()
