"""What a stage says of being interrupted: whether it may be, after how long, and what it saved until then."""

from typing import Annotated, Literal

from pydantic import Field

from schema.base import Wanted
from schema.globs import Glob
from schema.quantities import Duration

MIN_RUNTIME = 600.0
"""Seconds that an interruptible stage runs at least, where it says nothing."""
LEAST_EVERY = 60.0
"""Seconds: each time is a commit, too."""
StopSignal = Literal["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"]


class Checkpoint(Wanted):
    """What a stage saves of itself, and begins with the next time. `paths` are patterns in its workspace."""

    paths: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=32)]
    signal: StopSignal = "TERM"
    every: Annotated[Duration, Field(ge=LEAST_EVERY)] | None = None
