"""What is wrong with triggers that each of them alone does not show."""

from collections.abc import Collection, Iterator, Mapping

from schema.suggest import did_you_mean
from schema.trigger import Trigger

Where = tuple[str | int, ...]


def mistakes(
    triggers: Mapping[str, Trigger], pipelines: Collection[str], projects: Collection[str]
) -> Iterator[tuple[str, Where, str]]:
    """(trigger, place in its file, what)."""
    for name, trigger in triggers.items():
        if trigger.create and (pipeline := trigger.create.pipeline.partition("@")[0]) not in pipelines:
            hint = did_you_mean(pipeline, pipelines)
            yield name, ("create", "pipeline"), f"there is no pipeline {pipeline!r}{hint}"
        named = ((("start", "project"), trigger.start and trigger.start.project),
                 (("project", "name"), trigger.project and trigger.project.name))  # fmt: skip
        for where, project in named:
            if project and project not in projects:
                yield name, where, f"there is no project {project!r}{did_you_mean(project, projects)}"
    for name, what in circles(triggers):
        yield name, ("start", "project"), what
    for name, other in alike(triggers):
        yield name, (), f"it makes what {other!r} makes, twice; remove one of them"


def circles(triggers: Mapping[str, Trigger]) -> Iterator[tuple[str, str]]:
    """(trigger, what) for triggers that would start each other for ever."""
    after: dict[str, list[tuple[str, str]]] = {}
    for name, trigger in triggers.items():
        if trigger.project and trigger.start and trigger.enabled:
            after.setdefault(trigger.project.name, []).append((name, trigger.start.project))
    for name, trigger in triggers.items():
        if trigger.project and trigger.start and trigger.enabled:
            way = _way(after, trigger.start.project, trigger.project.name)
            if way:
                yield name, f"the end of {trigger.project.name!r} starts it again, by {', '.join([name, *way])}"


def _way(after: Mapping[str, list[tuple[str, str]]], begin: str, end: str) -> list[str]:
    ways, seen = [(begin, list[str]())], {begin}
    for project, way in ways:
        for trigger, other in after.get(project, ()):
            if other == end:
                return [*way, trigger]
            if other not in seen:
                seen.add(other)
                ways.append((other, [*way, trigger]))
    return []


def alike(triggers: Mapping[str, Trigger]) -> Iterator[tuple[str, str]]:
    """(trigger, the one that says the same) for triggers that make everything twice."""
    first: dict[str, str] = {}
    for name, trigger in triggers.items():
        text = trigger.model_copy(update={"description": ""}).model_dump_json()
        if trigger.enabled and not trigger.hook and (other := first.setdefault(text, name)) != name:
            yield name, other
