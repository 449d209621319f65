"""What starts by itself: `triggers/<name>.yaml` on `main`. One source, and one thing that comes of it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from schema.base import Wanted
from schema.errors import Misplaced
from schema.globs import Glob
from schema.inputs import Value
from schema.names import EnvironmentName, InputName, Name
from schema.quantities import Duration
from schema.services import EnvValue
from schema.suggest import did_you_mean

LONGEST_NAME = 40
"""Characters of a trigger's name: a project that it makes is called after it, with a time or a digest."""
FACTS: dict[str, tuple[str, ...]] = {
    "schedule": ("schedule.time", "schedule.date"),
    "pool": ("file.path", "file.name", "file.stem", "file.folder", "file.digest"),
    "project": ("project.id", "project.state", "project.chain"),
    "hook": ("hook.id",),
}
"""What `$[[ … ]]` may name in what a trigger makes, by its source. A hook has also `hook.NAME` of its `inputs`."""
PLACE = re.compile(r"\$\[\[\s*(.*?)\s*\]\]")


def _cron(text: str) -> str:
    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        why = str(error) or "it names no day that there is"
        raise ValueError(
            f"five fields are wanted, minute hour day month weekday, like '30 6 * * 1-5', not {text[:60]!r}: {why}"
        ) from None
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"a time zone is wanted, like Europe/Berlin or UTC, not {name[:60]!r}") from None
    return name


class Schedule(Wanted):
    """Times of a clock on the wall. In the hour that summer time skips what is due comes right after it, and in the
    hour that it repeats once.
    """

    cron: Annotated[str, Field(max_length=200), AfterValidator(_cron)]
    zone: Annotated[str, Field(max_length=100), AfterValidator(_zone)] = "UTC"
    catch_up: Literal["latest", "all", "none"] = "latest"
    overlap: Literal["wait", "skip", "allow"] = "wait"


class PoolFiles(Wanted):
    """Complete files that are new in the pool, each once by its digest."""

    files: Glob
    settle: Duration = 30.0
    existing: bool = False


class ProjectEnd(Wanted):
    """The end of a chain of a project."""

    name: Name
    state: Literal["succeeded", "failed", "any"] = "succeeded"


class HookCall(Wanted):
    """A call of the page with this trigger's token. `inputs` are the keys of its body that may be used."""

    inputs: tuple[InputName, ...] = Field(default=(), max_length=50)


class TriggeredStart(Wanted):
    """A start of a project that there is."""

    project: Name
    stage: Name | None = None
    then: Literal["continue", "pause"] = "continue"
    inputs: dict[InputName, Value] = {}
    env: dict[EnvironmentName, EnvValue] = {}
    fresh: bool = False
    comment: str = Field(default="", max_length=4000)


class TriggeredProject(Wanted):
    """A project that is made, called after its trigger and what it came of."""

    pipeline: str = Field(min_length=1, max_length=200)
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    inputs: dict[InputName, Value] = {}
    env: dict[EnvironmentName, EnvValue] = {}
    priority: int = 50
    start: bool = True


class Trigger(Wanted):
    """Exactly one of `schedule`, `pool`, `project`, `hook`, and one of `start`, `create`."""

    description: str = ""
    enabled: bool = True
    schedule: Schedule | None = None
    pool: PoolFiles | None = None
    project: ProjectEnd | None = None
    hook: HookCall | None = None
    start: TriggeredStart | None = None
    create: TriggeredProject | None = None

    @property
    def source(self) -> str:
        return next(name for name in FACTS if getattr(self, name) is not None)

    @property
    def facts(self) -> tuple[str, ...]:
        """What its texts may name."""
        more = tuple(f"hook.{name}" for name in self.hook.inputs) if self.hook else ()
        return ("trigger.name", *FACTS[self.source], *more)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sources = [name for name in FACTS if getattr(self, name) is not None]
        if len(sources) != 1:
            given = f"; here are {' and '.join(sources)}" if sources else ""
            raise ValueError(f"say one of schedule, pool, project and hook: what it waits for{given}")
        if (self.start is None) == (self.create is None):
            raise ValueError("say either `start`, a project that there is, or `create`, a new one")
        if self.pool and self.start:
            raise Misplaced("of a file of the pool a project is made: use `create`", "start")
        if self.start and self.project and self.start.project == self.project.name:
            raise Misplaced("it would start itself for ever", "start", "project")
        for path, text in _texts(self):
            for match in PLACE.finditer(text):
                if match[1] not in self.facts:
                    hint = did_you_mean(match[1], self.facts)
                    raise Misplaced(f"$[[ {match[1][:60]} ]]: a trigger of this kind has no such value{hint}", *path)
        return self


def _texts(trigger: Trigger) -> Iterator[tuple[tuple[str | int, ...], str]]:
    made = trigger.start or trigger.create
    whole = made.model_dump(mode="json") if made else {}
    yield from _below(("start" if trigger.start else "create",), whole)


def _below(path: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _below((*path, key), inner)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _below((*path, at), inner)
