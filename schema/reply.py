"""The controllers' answer to a request, with everything that the fold needs, resolved when it was accepted."""

from typing import Any, Literal

from pydantic import Field

from schema.base import Recorded
from schema.execution import Changes
from schema.names import Name
from schema.pipeline import Matrix
from schema.reasons import Refusal
from schema.services import EnvValue


class Beginning(Recorded):
    """A stage, or one point of it, that is done anew with all that needs it.

    `base`: a stage that repeats goes on from the result of that execution of its own.
    """

    stage: Name
    point: int | None = None
    base: int | None = None


class Position(Beginning):
    """Where the chain goes on: at `stage`, and only executions numbered above `after` count from there.

    `others`: where it goes on as well, in other branches.
    """

    after: int = 0
    others: tuple[Beginning, ...] = ()


class Reply(Recorded):
    """`projects/<id>/replies/<request file>`. `seq` counts the project's replies: it *is* the order of requests."""

    version: int = 1
    seq: int = Field(ge=1)
    request: str  # file name of the request
    kind: str  # start resume pause abort skip answer; 'unknown' when the file did not parse
    verdict: Literal["accepted", "rejected"]
    reason: Refusal | None = None
    text: str = ""
    by: str = ""  # author of the commit that brought the request
    commit: str = ""
    at: str = ""  # when that commit was made, by its maker's clock, for people
    blob: str = ""
    comment: str = ""
    # what was resolved; the fold reads these alone
    position: Position | None = None
    stage: str | None = None  # skip, answer: the stage it is about
    execution: int | None = None  # abort: its target
    executions: tuple[int, ...] = ()  # abort: all that it ended, where these are several
    then: Literal["continue", "pause"] = "continue"
    inputs: dict[str, Any] = {}
    env: dict[str, EnvValue] = {}
    base: int | None = None  # start: execution whose workspace the first stage builds on
    changes: Changes | None = None  # of that workspace
    fresh: bool = False  # no earlier result is taken
    image: str | None = None  # in place of the stage's own
    parallel: Matrix | None = None  # in place of the stage's own
    pipeline: str | None = None  # start: the definition's name, `name@commit` if pinned
    asked: dict[str, Any] = {}  # a copy of the request's fields, for people

    @property
    def accepted(self) -> bool:
        return self.verdict == "accepted"
