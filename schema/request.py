"""A person's wish, one file on `main`: `projects/<id>/requests/<number>-<request>.yaml`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from schema.base import Wanted
from schema.inputs import Value
from schema.names import EnvironmentName, InputName, Name
from schema.pipeline import EnvValue

Kind = Literal["start", "resume", "pause", "abort", "skip", "answer"]


class WorkspaceFrom(Wanted):
    """Build on the workspace that execution `from` left."""

    source: int = Field(alias="from", ge=1)


class Request(Wanted):
    """`inputs` and `env` last for the chain; `execution` is what an abort aims at (default: what runs)."""

    request: Kind
    stage: Name | None = None
    then: Literal["continue", "pause"] = "continue"
    inputs: dict[InputName, Value] = {}
    env: dict[EnvironmentName, EnvValue] = {}
    workspace: WorkspaceFrom | None = None
    execution: int | None = Field(default=None, ge=1)
    comment: str = Field(default="", max_length=4000)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.request == "skip" and not self.stage:
            raise ValueError("skip needs `stage`, the stage to skip")
        if self.workspace and self.request not in ("start", "resume"):
            raise ValueError("`workspace` belongs to start or resume")
        if self.execution and self.request != "abort":
            raise ValueError("`execution` belongs to abort")
        if self.env and self.request not in ("start", "resume"):
            raise ValueError("`env` belongs to start or resume")
        return self
