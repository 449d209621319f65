"""A project: one subject of work bound to a pipeline, `projects/<id>/project.yaml`."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schema.base import Wanted
from schema.inputs import Value
from schema.names import EnvironmentName, InputName, Name
from schema.pipeline import EnvValue

Tag = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f,]+$")]


class Project(Wanted):
    name: str = Field(default="", max_length=200)
    pipeline: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}(?:@[0-9a-f]{7,64})?$")]
    tags: tuple[Tag, ...] = ()
    inputs: dict[InputName, Value] = {}
    env: dict[EnvironmentName, EnvValue] = {}
    priority: int = Field(default=50, ge=0, le=100)
    node: Name | None = None
    description: str = Field(default="", max_length=4000)
