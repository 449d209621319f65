"""A project: one subject of work bound to a pipeline, `projects/<id>/project.yaml`."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schema.base import Wanted
from schema.inputs import Value
from schema.names import PINNED, TAG, EnvironmentName, InputName, Name
from schema.retention import Retention
from schema.services import EnvValue

Tag = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=TAG)]


class Project(Wanted):
    name: str = Field(default="", max_length=200)
    pipeline: Annotated[str, StringConstraints(pattern=PINNED)]
    tags: tuple[Tag, ...] = ()
    inputs: dict[InputName, Value] = {}
    env: dict[EnvironmentName, EnvValue] = {}
    priority: int = Field(default=50, ge=0, le=100)
    node: Name | None = None
    description: str = Field(default="", max_length=4000)
    notify: tuple[Name, ...] = ()
    retention: Retention = Retention()
    pin: tuple[Annotated[int, Field(ge=1)], ...] = ()
