"""A search: trials whose values are proposed from what earlier ones came to."""

from typing import Literal, Self

from pydantic import Field, model_validator

from schema.base import Wanted
from schema.errors import Misplaced
from schema.names import InputName

MOST_TRIALS = 1000
Choice = str | int | float | bool


class SearchRange(Wanted):
    """From where a value is taken: a range of numbers, or a list."""

    min: float | None = None
    max: float | None = None
    step: float | None = Field(default=None, gt=0)
    log: bool = False
    options: tuple[Choice, ...] = Field(default=(), max_length=200)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ranged = self.min is not None and self.max is not None
        if ranged == bool(self.options) or (self.min is None) != (self.max is None):
            raise ValueError("give either `min` and `max`, or `options`, a list of values")
        if self.min is not None and self.max is not None:
            if self.min >= self.max:
                raise Misplaced(f"`min` ({self.min:g}) is not less than `max` ({self.max:g})", "min")
            if self.log and self.min <= 0:
                raise Misplaced("with `log` it begins above 0", "min")
            if self.log and self.step:
                raise Misplaced("`step` and `log` do not go together", "step")
        elif self.step or self.log:
            raise ValueError("`step` and `log` belong to `min` and `max`")
        return self


class Objective(Wanted):
    metric: str = Field(min_length=1, max_length=200)
    goal: Literal["maximize", "minimize"] = "maximize"


class TrialSearch(Wanted):
    """The next trial is a function of this and of the recorded ones, so every node proposes the same."""

    method: Literal["random", "halton", "tpe"] = "random"
    trials: int = Field(ge=1, le=MOST_TRIALS)
    parallel: int = Field(default=1, ge=1, le=MOST_TRIALS)
    objective: Objective
    seed: int = Field(default=0, ge=0, le=2**31)
    space: dict[InputName, SearchRange] = Field(min_length=1, max_length=50)
