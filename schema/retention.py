"""What nodes keep of ended executions, in `winslow.yaml` for all projects and in `project.yaml` for one."""

from pydantic import Field

from schema.base import Wanted


class Retention(Wanted):
    """Counts are of each stage of a project. What a project leaves out is as in `winslow.yaml`."""

    keep_succeeded: int | None = Field(default=None, ge=1)
    keep_failed: int | None = Field(default=None, ge=0)
    keep_logs: int | None = Field(default=None, ge=1)
