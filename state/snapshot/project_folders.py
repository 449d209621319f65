"""One project's view from its folders on both branches."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar, cast

from pydantic import BaseModel

from flow.definition.includes import BadInclude, Lookup, resolved
from flow.model import builds
from flow.model.replay import set_aside
from flow.model.snapshot import Departure, ProblemOrigin, ProjectView, RequestFile, SnapshotProblem
from flow.project.pipeline_checks import alone, answered
from schema import images, layout, misplaced
from schema.errors import DocumentError, Problem
from schema.execution import Execution, Tombstone
from schema.flag import Flag
from schema.layout import Place
from schema.pipeline import Pipeline
from schema.project import Project
from schema.reply import Reply
from schema.request import Request
from state.snapshot.trees import IRREGULAR, PROJECTS, Branch, History, place_on_main, place_on_state

Model = TypeVar("Model", bound=BaseModel)
MOST_STRAYS = 20
"""Files of one folder that are told to have no effect."""
AT_ONCE = 100
"""Requests of one project that are read and answered in one round; the rest wait, or a flood of them stops a node."""


@dataclass(frozen=True, slots=True)
class PipelinesInForce:
    """Those in force by name, and why the newest version of some is not."""

    good: Mapping[str, Pipeline]
    broken: Mapping[str, str]
    trees: Mapping[str, str] = field(default_factory=dict)  # of the images that `main` lets build

    def of(self, name: str) -> tuple[Pipeline | None, str]:
        return self.good.get(name), self.broken.get(name, "")

    def used_by(self, view: ProjectView) -> tuple[Pipeline | None, str]:
        """Nothing where the view pins a commit."""
        return self.of(view.project.pipeline) if view.project else (None, "")


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads documents and collects what is wrong with them."""

    main: Branch
    state: Branch
    history: History
    problems: list[SnapshotProblem] = field(default_factory=list)
    unwritten: Mapping[str, tuple[Flag, ...]] = field(default_factory=dict)  # found, and not on the branch, by project

    def complain(self, problems: Iterable[Problem]) -> None:
        """Of what people wrote."""
        self.problems.extend(on_main(problems))

    def in_force(self, kind: str, path: str, blob: str, model: type[Model]) -> Model | None:
        try:
            return cast(Model, self.main.document(kind, path, blob))
        except DocumentError as error:
            self.complain(error.problems)
            return cast(Model | None, self.history.in_force(kind, path))

    def on_state(self, kind: str, path: str, blob: str, model: type[Model]) -> Model | None:
        """A broken document of the controllers never stops the rest."""
        try:
            return cast(Model, self.state.document(kind, path, blob))
        except DocumentError as error:
            found = ((f"winslow/state: {problem}", problem.file) for problem in error.problems)
            self.problems.extend(SnapshotProblem(text, ProblemOrigin.STATE, file) for text, file in found)
            return None


def on_main(problems: Iterable[Problem]) -> Iterator[SnapshotProblem]:
    return (SnapshotProblem(str(problem), ProblemOrigin.MAIN, problem.file) for problem in problems)


def lookup(written: Mapping[str, Pipeline], history: History) -> Lookup:
    """Pipelines by name, as they are written on `main` now, or were at a commit of it."""

    def look(name: str, ref: str) -> Pipeline | None:
        try:
            return cast(Pipeline | None, history.pinned(name, ref)) if ref else written.get(name)
        except DocumentError:
            return None

    return look


NOWHERE = Place("", "")
Entry = tuple[str, str, Place]  # path, blob, what the path means


def assemble(reading: Reading, pipelines: PipelinesInForce, id: str) -> tuple[ProjectView, bool] | None:
    """The view, and whether it rests on the history of `main`. None for requests without any project.

    A project that left `main` before anything was said of it has a view too: nodes may have files of it.
    """
    folder = f"{PROJECTS}/{id}"
    main = _by_kind(reading.main, folder, place_on_main)
    state = _by_kind(reading.state, folder, place_on_state)
    strays = (each for path, blob, _ in main.pop(NOWHERE.kind, ()) for each in files_at(reading.main, path, blob))
    reading.complain(islice(misplaced.problems(strays), MOST_STRAYS))
    state.pop(NOWHERE.kind, None)
    present = "project" in main
    if not present and not state and not _was_there(reading, id):
        reading.complain(alone(path) for path, *_ in main.get("request", ()) if id != images.PROJECT)
        return None
    return _Project(reading, pipelines, id, main, state).view(present)


def files_at(branch: Branch, path: str, blob: str, depth: int = 3) -> Iterator[str]:
    """The file of that path, or those in the folder that it is."""
    below = branch.files(path) if blob == IRREGULAR and depth else {}
    if not below:
        yield path
    for inner, its_blob in sorted(below.items()):
        yield from files_at(branch, inner, its_blob, depth - 1)


def _was_there(reading: Reading, id: str) -> bool:
    path = layout.project(id)
    return place_on_main(path) is not None and reading.history.removed(path) is not None


def _kind(path: str) -> str:
    place = place_on_state(path)
    return place.kind if place else ""


def _by_kind(branch: Branch, folder: str, place_of: Callable[[str], Place | None]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for path, blob in sorted(branch.files(folder).items()):
        place = place_of(path) or NOWHERE
        found.setdefault(place.kind, []).append((path, blob, place))
    return found


@dataclass(frozen=True, slots=True)
class _Project:
    reading: Reading
    pipelines: PipelinesInForce
    id: str
    main: Mapping[str, list[Entry]]
    state: Mapping[str, list[Entry]]

    def view(self, present: bool) -> tuple[ProjectView, bool]:
        flags = self._flags()
        replies = self._documents("reply", Reply, flags)
        project, problem = self._wanted() if present else (None, "")
        pipeline, pipeline_problem = self._pipeline(project)
        definitions, tombstones = (
            self._documents("definition", Pipeline, flags),
            self._documents("tombstone", Tombstone, flags),
        )
        buried = frozenset(tombstones[0].left) if tombstones else frozenset()
        unanswered, withheld = self._unanswered(replies, buried)
        if present:
            self.reading.complain(self._in_vain(replies))
        view = ProjectView(
            id=self.id,
            project=project,
            problem=problem,
            pipeline=pipeline,
            pipeline_problem=pipeline_problem,
            definition=definitions[0] if definitions else None,
            unanswered=unanswered,
            withheld=withheld,
            replies=tuple(sorted(replies, key=lambda reply: reply.seq)),
            executions=tuple(sorted(self._documents("execution", Execution, flags), key=lambda each: each.execution)),
            tombstone=tombstones[0] if tombstones else None,
            deletion=None if present else self._deletion(*tombstones),
            left=() if present else tuple(sorted(each[2].item for each in self.main.get("request", ()))),
            last_comment=max((int(each[2].item) for each in self.main.get("comment", ())), default=0),
            flags=flags,
            unwritten=tuple(flag.commit for flag in self.reading.unwritten.get(self.id, ())),
            damage=next((each.text for each in self.reading.problems if each.origin is ProblemOrigin.STATE), ""),
        )
        pinned = project is not None and "@" in project.pipeline
        return view, bool(not present or problem or unanswered or pinned)

    def _flags(self) -> tuple[Flag, ...]:
        entries = self.state.get("flag", ())
        written = (self.reading.on_state("flag", path, blob, Flag) for path, blob, _ in entries)
        flags = (*(flag for flag in written if flag), *self.reading.unwritten.get(self.id, ()))
        self.reading.problems.extend(SnapshotProblem(flag.text, ProblemOrigin.HISTORY) for flag in flags)
        return flags

    def _documents(self, kind: str, model: type[Model], flags: tuple[Flag, ...]) -> list[Model]:
        entries = ((path, blob) for path, blob, _ in self.state.get(kind, ()))
        if any(flags):
            return list(self._in_force(kind, model, dict(entries), flags))
        found = (self.reading.on_state(kind, path, blob, model) for path, blob in entries)
        return [document for document in found if document is not None]

    def _in_force(
        self, kind: str, model: type[Model], entries: dict[str, str], flags: tuple[Flag, ...]
    ) -> Iterator[Model]:
        """The documents as they were before the commits that are flagged."""
        flagged = {each.path: (flag, each) for flag in reversed(flags) for each in flag.paths}
        before = {path: each.before for path, (_, each) in flagged.items() if each.before and _kind(path) == kind}
        for path, blob in sorted((entries | before).items()):
            document = self.reading.on_state(kind, path, blob, model)
            if path not in flagged or path in before:
                if document is not None:
                    yield document
            elif isinstance(document, Execution):
                yield cast(Model, set_aside(document, flagged[path][0]))

    def _wanted(self) -> tuple[Project | None, str]:
        [(path, blob, _)] = self.main["project"]
        before = len(self.reading.problems)
        project = self.reading.in_force("project", path, blob, Project)
        return project, self.reading.problems[before].text if len(self.reading.problems) > before else ""

    def _pipeline(self, project: Project | None) -> tuple[Pipeline | None, str]:
        if project is None:
            return None, ""
        name, _, commit = project.pipeline.partition("@")
        if not commit:
            return self.pipelines.of(name)
        found, problem = self._pinned(name, commit)
        return builds.pinned(found, self.pipelines.trees) if found else None, problem

    def _pinned(self, name: str, commit: str) -> tuple[Pipeline | None, str]:
        try:
            found = self.reading.history.pinned(name, commit)
        except DocumentError as error:
            return None, str(error)
        if found is None:
            return None, f"there is no pipeline {name!r} in commit {commit} of main"
        try:
            return resolved(cast(Pipeline, found), lookup({}, self.reading.history), commit), ""
        except BadInclude as error:
            return None, f"{layout.pipeline(name)} at {commit}: include: {error}"

    def _unanswered(
        self, replies: list[Reply], buried: frozenset[str]
    ) -> tuple[tuple[RequestFile, ...], tuple[str, ...]]:
        """By the names of files alone: a reply that cannot be read is a reply all the same."""
        answered = {place.item for _, _, place in self.state.get("reply", ())}
        answered |= {reply.request.removesuffix(".yaml") for reply in replies} | buried
        left = [each for each in self.main.get("request", ()) if each[2].item not in answered]
        read = tuple(self._request(path, blob, f"{place.item}.yaml") for path, blob, place in left[:AT_ONCE])
        return read, tuple(f"{place.item}.yaml" for _, _, place in left[AT_ONCE:])

    def _in_vain(self, replies: list[Reply]) -> Iterator[Problem]:
        """Requests that say something else than what was answered under their name."""
        blobs = {reply.request: reply.blob for reply in replies}
        for path, blob, place in self.main.get("request", ()):
            known = blobs.get(f"{place.item}.yaml")
            if known and known != blob:
                yield answered(path, [*blobs, *(each[2].item for each in self.main["request"])])

    def _request(self, path: str, blob: str, name: str) -> RequestFile:
        origin = self.reading.history.introduced(path, blob)
        request, problem = None, ""
        try:
            request = cast(Request, self.reading.main.document("request", path, blob))
        except DocumentError as error:
            problem = str(error)
        return RequestFile(name, blob, origin.by, origin.commit, request, problem, origin.at)

    def _deletion(self, *known: Tombstone) -> Departure:
        """The same at every later commit: so where history tells nothing, what its tombstone says."""
        if found := self.reading.history.removed(layout.project(self.id)):
            return Departure(found[0].commit, found[0].by, found[1])
        return Departure(known[0].commit, known[0].by) if known else Departure("", "unknown")
