"""A person's wish, one file on `main`: `projects/<id>/requests/<number>-<request>.yaml`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from schema.base import Wanted
from schema.inputs import Value
from schema.names import Digest, EnvironmentName, Image, InputName, Inside, Name
from schema.pipeline import Matrix
from schema.search import TrialSearch
from schema.services import EnvValue

MOST_CHANGES = 200
Kind = Literal["start", "resume", "pause", "abort", "skip", "answer"]


class WorkspaceFrom(Wanted):
    """Build on the workspace that execution `from` left, changed: first paths go, then files come."""

    source: int = Field(alias="from", ge=1)
    add: dict[Inside, Digest] = Field(default={}, max_length=MOST_CHANGES)
    remove: tuple[Inside, ...] = Field(default=(), max_length=MOST_CHANGES)


class Request(Wanted):
    """`inputs` and `env` last for the chain; `execution` is what an abort aims at (default: what runs).

    `fresh`: the chain takes no earlier results from now on. `image` replaces that of `stage`, for the chain.
    `stage` may be one point of a matrix, `detect.2`; `parallel` replaces the points of `stage`, for the chain.
    """

    request: Kind
    stage: Name | None = None
    then: Literal["continue", "pause"] = "continue"
    inputs: dict[InputName, Value] = {}
    env: dict[EnvironmentName, EnvValue] = {}
    workspace: WorkspaceFrom | None = None
    execution: int | None = Field(default=None, ge=1)
    fresh: bool = False
    image: Image | None = None
    parallel: Matrix | None = None
    search: TrialSearch | None = None
    comment: str = Field(default="", max_length=4000)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.request == "skip" and not self.stage:
            raise ValueError("skip needs `stage`, the stage to skip")
        if self.workspace and self.request not in ("start", "resume"):
            raise ValueError("`workspace` belongs to start or resume")
        if self.execution and self.request != "abort":
            raise ValueError("`execution` belongs to abort")
        if (self.fresh or self.image) and self.request not in ("start", "resume"):
            raise ValueError("`fresh` and `image` belong to start or resume")
        if self.search and (self.parallel or self.request != "start" or not self.stage):
            raise ValueError("`search` belongs to start, with the `stage` that is tried, and without `parallel`")
        if self.parallel and (self.request != "start" or not self.stage):
            raise ValueError("`parallel` belongs to start, with the `stage` whose points it gives")
        if self.parallel and self.parallel.matrix is None:
            raise ValueError("a request gives a `matrix`, or a `search` of its own; `for_each` stands in the pipeline")
        if self.image and not self.stage:
            raise ValueError("`image` needs `stage`, the stage whose image it replaces")
        if self.env and self.request not in ("start", "resume"):
            raise ValueError("`env` belongs to start or resume")
        return self
