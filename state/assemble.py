"""Two trees to a snapshot. A view of which nothing changed keeps its identity, so that callers can remember by it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from pydantic import BaseModel

from flow.world import Deletion, ProjectView, RequestFile, Snapshot
from schema import layout
from schema.errors import DocumentError
from schema.execution import Execution, Tombstone
from schema.layout import Place
from schema.node import Inventory, NodeSettings, Settings
from schema.pipeline import Pipeline
from schema.project import Project
from schema.reply import Reply
from schema.request import Request
from state.errors import NotAStateRepository
from state.trees import Branch, History

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class _Parts:
    """What one project is made of: path to blob, by kind, and the blob ids that decide whether it changed."""

    main: dict[str, tuple[Place, str]] = field(default_factory=dict)
    state: dict[str, tuple[Place, str]] = field(default_factory=dict)

    def key(self, pipeline: object) -> tuple[object, ...]:
        return (_blobs(self.main), _blobs(self.state), pipeline)


def _blobs(parts: Mapping[str, tuple[Place, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((path, blob) for path, (_, blob) in parts.items()))


@dataclass
class Assembler:
    """Keeps the views of the last assembly, and reuses those that are the same."""

    _views: dict[str, tuple[tuple[object, ...], ProjectView, tuple[str, ...]]] = field(default_factory=dict)

    def snapshot(
        self, main: Branch, state: Branch, history: History, *, wanted: str, heartbeats: Mapping[str, str]
    ) -> Snapshot:
        blobs = main.blobs()
        if layout.SETTINGS not in blobs:
            raise NotAStateRepository(
                "there is no winslow.yaml on main; `winslowctl init` makes a state repository, --repo names one"
            )
        reading = _Reading(main, state, history)
        settings = reading.in_force("settings", layout.SETTINGS, blobs[layout.SETTINGS], Settings)
        pipelines, broken = self._pipelines(reading, blobs)
        projects = self._projects(reading, blobs, state.blobs(), pipelines, broken)
        return Snapshot(
            main=main.tip,
            state=state.tip,
            wanted=wanted,
            settings=settings or Settings(schema=1),
            projects=projects,
            pipelines=pipelines,
            nodes=reading.all("node", blobs, NodeSettings),
            inventories=reading.recorded("inventory", state.blobs(), Inventory),
            heartbeats=heartbeats,
            problems=tuple(reading.problems),
            confirmed_deletions=history.confirmed(),
        )

    def _pipelines(self, reading: "_Reading", blobs: Mapping[str, str]) -> tuple[dict[str, Pipeline], dict[str, str]]:
        good: dict[str, Pipeline] = {}
        broken: dict[str, str] = {}
        for place, path, blob in _places(blobs, layout.place_on_main, "pipeline"):
            before = len(reading.problems)
            found = reading.in_force("pipeline", path, blob, Pipeline)
            if found and found.name != place.owner:
                reading.problems.append(f"{path}:1:1: its name is {found.name!r}, its file says {place.owner!r}")
                found = None
            if found:
                good[place.owner] = found
            else:
                broken[place.owner] = reading.problems[-1] if len(reading.problems) > before else "does not parse"
        return good, broken

    def _projects(
        self,
        reading: "_Reading",
        main: Mapping[str, str],
        state: Mapping[str, str],
        pipelines: Mapping[str, Pipeline],
        broken: Mapping[str, str],
    ) -> dict[str, ProjectView]:
        views = {}
        for id, parts in sorted(_by_project(main, state).items()):
            view = self._view(reading, id, parts, pipelines, broken)
            if view is not None:
                views[id] = view
        self._views = {id: kept for id, kept in self._views.items() if id in views}
        return views

    def _view(
        self,
        reading: "_Reading",
        id: str,
        parts: _Parts,
        pipelines: Mapping[str, Pipeline],
        broken: Mapping[str, str],
    ) -> ProjectView | None:
        before = len(reading.problems)
        known = self._views.get(id)
        named = known[1].project.pipeline.partition("@")[0] if known and known[1].project else ""
        key = parts.key((broken.get(named), id_of(pipelines.get(named))))
        if known and known[0] == key:
            reading.problems.extend(known[2])
            return known[1]
        view = _Project(reading, id, parts, pipelines, broken).view()
        if view is None:
            return None
        named = view.project.pipeline.partition("@")[0] if view.project else ""
        key = parts.key((broken.get(named), id_of(pipelines.get(named))))
        self._views[id] = (key, view, tuple(reading.problems[before:]))
        return view


def id_of(thing: object) -> int:
    """Parsed documents are cached by blob, so identity stands for content."""
    return id(thing)


def _places(blobs: Mapping[str, str], place_of: object, kind: str) -> Iterable[tuple[Place, str, str]]:
    for path, blob in sorted(blobs.items()):
        place = cast(Place | None, place_of(path))  # type: ignore[operator]
        if place and place.kind == kind:
            yield place, path, blob


def _by_project(main: Mapping[str, str], state: Mapping[str, str]) -> dict[str, _Parts]:
    projects: dict[str, _Parts] = {}
    for path, blob in main.items():
        place = layout.place_on_main(path)
        if place and place.kind in ("project", "request"):
            projects.setdefault(place.owner, _Parts()).main[path] = (place, blob)
    for path, blob in state.items():
        place = layout.place_on_state(path)
        if place and place.kind != "inventory":
            projects.setdefault(place.owner, _Parts()).state[path] = (place, blob)
    return projects


class _Reading:
    """Reads documents and collects what is wrong with them."""

    def __init__(self, main: Branch, state: Branch, history: History) -> None:
        self.main, self.state, self.history = main, state, history
        self.problems: list[str] = []

    def in_force(self, kind: str, path: str, blob: str, model: type[Model]) -> Model | None:
        try:
            return cast(Model, self.main.document(kind, path, blob))
        except DocumentError as error:
            self.problems.extend(str(problem) for problem in error.problems)
            return cast(Model | None, self.history.in_force(kind, path))

    def all(self, kind: str, blobs: Mapping[str, str], model: type[Model]) -> dict[str, Model]:
        found = {}
        for place, path, blob in _places(blobs, layout.place_on_main, kind):
            document = self.in_force(kind, path, blob, model)
            if document:
                found[place.owner] = document
        return found

    def on_state(self, kind: str, path: str, blob: str, model: type[Model]) -> Model | None:
        """A broken document of the controllers never stops the rest."""
        try:
            return cast(Model, self.state.document(kind, path, blob))
        except DocumentError as error:
            self.problems.extend(f"winslow/state: {problem}" for problem in error.problems)
            return None

    def recorded(self, kind: str, blobs: Mapping[str, str], model: type[Model]) -> dict[str, Model]:
        found = {}
        for place, path, blob in _places(blobs, layout.place_on_state, kind):
            document = self.on_state(kind, path, blob, model)
            if document:
                found[place.owner] = document
        return found


class _Project:
    """One project from its parts."""

    def __init__(
        self,
        reading: _Reading,
        id: str,
        parts: _Parts,
        pipelines: Mapping[str, Pipeline],
        broken: Mapping[str, str],
    ) -> None:
        self.reading, self.id, self.parts = reading, id, parts
        self.pipelines, self.broken = pipelines, broken

    def view(self) -> ProjectView | None:
        replies = self._documents("reply", Reply)
        executions = self._documents("execution", Execution)
        tombstones = self._documents("tombstone", Tombstone)
        definitions = self._documents("definition", Pipeline)
        path = layout.project(self.id)
        present = path in self.parts.main
        if not present and not self.parts.state:
            return None  # stray requests of something that never was a project
        before = len(self.reading.problems)
        project = self._wanted(path) if present else None
        problem = self.reading.problems[before] if len(self.reading.problems) > before else ""
        pipeline, pipeline_problem = self._pipeline(project)
        stone = tombstones[0] if tombstones else None
        return ProjectView(
            id=self.id,
            project=project,
            problem=problem,
            pipeline=pipeline,
            pipeline_problem=pipeline_problem,
            definition=definitions[0] if definitions else None,
            unanswered=tuple(self._unanswered({reply.request for reply in replies})),
            replies=tuple(sorted(replies, key=lambda reply: reply.seq)),
            executions=tuple(sorted(executions, key=lambda execution: execution.execution)),
            tombstone=stone,
            deletion=None if present else self._deletion(path),
        )

    def _wanted(self, path: str) -> Project | None:
        return self.reading.in_force("project", path, self.parts.main[path][1], Project)

    def _documents(self, kind: str, model: type[Model]) -> list[Model]:
        found = []
        for path, (place, blob) in sorted(self.parts.state.items()):
            if place.kind == kind:
                document = self.reading.on_state(kind, path, blob, model)
                if document:
                    found.append(document)
        return found

    def _pipeline(self, project: Project | None) -> tuple[Pipeline | None, str]:
        if project is None:
            return None, ""
        name, _, commit = project.pipeline.partition("@")
        if not commit:
            return self.pipelines.get(name), self.broken.get(name, "")
        try:
            pinned = self.reading.history.pinned(name, commit)
        except DocumentError as error:
            return None, str(error)
        if pinned is None:
            return None, f"there is no pipeline {name!r} in commit {commit} of main"
        return cast(Pipeline, pinned), ""

    def _unanswered(self, answered: set[str]) -> Iterable[RequestFile]:
        for path, (place, blob) in sorted(self.parts.main.items()):
            name = f"{place.item}.yaml"
            if place.kind != "request" or name in answered:
                continue
            origin = self.reading.history.introduced(path, blob)
            request, problem = None, ""
            try:
                request = cast(Request, self.reading.main.document("request", path, blob))
            except DocumentError as error:
                problem = str(error)
            yield RequestFile(name, blob, origin.by, origin.commit, request, problem)

    def _deletion(self, path: str) -> Deletion:
        origin, now = self.reading.history.removed(path)
        return Deletion(origin.commit, origin.by, now)
