"""Two trees to a snapshot. A view of which nothing changed keeps its identity, so that callers can remember by it.

A project is looked into only if its folder on either branch has another content, its pipeline is another, or `main`
moved and the view rests on history (a pin, a broken file, an unanswered request, a deletion).
"""

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar, cast

import pygit2
from pydantic import BaseModel

from flow.definition.includes import BadInclude, all_resolved
from flow.model import builds
from flow.model.snapshot import ProblemOrigin, ProjectView, Snapshot, SnapshotProblem
from flow.node import lease_terms
from flow.order.limits import contradictions
from schema import codec, images, layout, misplaced
from schema.errors import DocumentError, Problem
from schema.flag import Flag
from schema.node import SCHEMA, Inventory, NodeSettings, Settings
from schema.pipeline import Pipeline
from schema.trigger import Trigger
from state.contract.errors import NewerSchema, NotAStateRepository, StateError
from state.snapshot.build_project import BuildProject, image_problems, image_trees
from state.snapshot.project_folders import MOST_STRAYS, PipelinesInForce, Reading, assemble, files_at, lookup, on_main
from state.snapshot.trees import IRREGULAR, PROJECTS, ROOT, Branch, History, place_on_main, place_on_state

Model = TypeVar("Model", bound=BaseModel)
MANY = 1000
"""Projects read at once from which on it pays to prepare for it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A view, and what it was made of."""

    folders: tuple[str | None, str | None]
    pipeline: tuple[Pipeline | None, str]
    main: str  # the commit, where the view rests on history; else nothing
    view: ProjectView
    problems: tuple[SnapshotProblem, ...]
    unwritten: tuple[Flag, ...] = ()


class Assembler:
    """Keeps the views of the last assembly, and looks again only at those that may be others now."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._historic: set[str] = set()  # projects whose view rests on the history of `main`
        self._faulty: set[str] = set()  # projects with something to complain about
        self._strays: dict[str, tuple[SnapshotProblem, ...]] = {}  # of what is no project
        self._seen: tuple[str, str] | None = None
        self._pipelines = PipelinesInForce({}, {})
        self._unwritten: Mapping[str, tuple[Flag, ...]] = {}  # flags that are not on the branch, by project
        self._builds = BuildProject()
        self._shown = ("", "")  # the root board's blob and text

    def snapshot(
        self,
        main: Branch,
        state: Branch,
        history: History,
        *,
        wanted: str,
        heartbeats: Mapping[str, str],
        unwritten: Mapping[str, tuple[Flag, ...]] | None = None,
    ) -> Snapshot:
        reading = Reading(main, state, history, unwritten=unwritten or {})
        settings = _settings(reading)
        pipelines = self._as_before(self._builds.pin(_pipelines(reading), image_trees(reading.main)))
        self._look(reading, pipelines)
        reading.complain(islice(image_problems(reading.main, pipelines.trees), MOST_STRAYS))
        reading.complain(islice(misplaced.problems(_beside(reading.main)), MOST_STRAYS))
        for id in sorted(self._faulty | self._strays.keys()):
            reading.problems.extend(self._kept[id].problems if id in self._faulty else self._strays[id])
        inventories = _recorded(reading, "inventory", "inventory", Inventory)
        short = (*lease_terms.problems(settings, inventories.values()), *contradictions(settings))
        reading.problems.extend(SnapshotProblem(text, ProblemOrigin.SETTINGS) for text in short)
        return Snapshot(
            main=main.tip,
            state=state.tip,
            wanted=wanted,
            settings=settings,
            projects=self._projects(reading),
            pipelines=pipelines.good,
            images=pipelines.trees,
            nodes=_wanted(reading, "nodes", "node", NodeSettings),
            triggers=_wanted(reading, "triggers", "trigger", Trigger),
            inventories=inventories,
            heartbeats=heartbeats,
            problems=tuple(reading.problems),
            confirmed_deletions=history.confirmed(self._leaving()),
            board=self._board(reading),
        )

    def _as_before(self, pipelines: PipelinesInForce) -> PipelinesInForce:
        """What is put together anew at every look, and is the same, keeps its identity."""
        known = self._pipelines.good
        same = {name: known[name] if known.get(name) == each else each for name, each in pipelines.good.items()}
        return replace(pipelines, good=same)

    def _projects(self, reading: Reading) -> dict[str, ProjectView]:
        """With the one that nobody writes down: the builds of images."""
        found = {id: kept.view for id, kept in self._kept.items()}
        made = self._builds.project(found.pop(images.PROJECT, None), image_trees(reading.main), found)
        return {**found, images.PROJECT: made} if made else found

    def _board(self, reading: Reading) -> str:
        blob = reading.state.files(ROOT).get(layout.ROOT_BOARD, "")
        if self._shown[0] != blob:
            try:
                self._shown = (blob, reading.state.text(layout.ROOT_BOARD, blob) if blob else "")
            except DocumentError:
                self._shown = (blob, "")
        return self._shown[1]

    def _leaving(self) -> frozenset[str]:
        """The commits by which projects left that still have files here."""
        views = (self._kept[id].view for id in self._historic)
        return frozenset(view.deletion.commit for view in views if view.deletion and not view.purged)

    def _look(self, reading: Reading, pipelines: PipelinesInForce) -> None:
        candidates = self._candidates(reading, pipelines)
        self._seen, self._pipelines = None, pipelines  # if this look is cut off, the next one is at everything
        count = len(self._kept)
        with _undisturbed(len(candidates)):
            for id in sorted(candidates):
                self._file(id, self._contained(reading, pipelines, id))
        if len(self._kept) != count or len(candidates) > count:
            self._kept = dict(sorted(self._kept.items()))
        self._seen, self._unwritten = (reading.main.tip, reading.state.tip), reading.unwritten

    def _candidates(self, reading: Reading, pipelines: PipelinesInForce) -> Collection[str]:
        """Projects whose view may be another one than the last time."""
        new, old = reading.unwritten, self._unwritten
        found = {id for id in (*old, *new) if old.get(id, ()) != new.get(id, ())}
        if self._seen is not None and pipelines == self._pipelines:
            main, state = reading.main.changed(self._seen[0]), reading.state.changed(self._seen[1])
            if main is not None and state is not None:
                found.update(main, state)
                return found if self._seen[0] == reading.main.tip else found | self._historic
        return found.union(self._kept, reading.main.projects(), reading.state.projects(), reading.history.departed())

    def _file(self, id: str, kept: _Kept | None) -> None:
        for marked, which in ((kept and kept.main, self._historic), (kept and kept.problems, self._faulty)):
            if marked:
                which.add(id)
            else:
                which.discard(id)
        if kept is None:
            self._kept.pop(id, None)
        else:
            self._kept[id] = kept

    def _contained(self, reading: Reading, pipelines: PipelinesInForce, id: str) -> _Kept | None:
        """A fault that nobody thought of is the fault of this project: all the others go on."""
        try:
            return self._project(reading, pipelines, id)
        except (StateError, pygit2.GitError, OSError):
            raise
        except Exception as error:
            text = f"{PROJECTS}/{id}: this project cannot be read, so nothing is done for it: {type(error).__name__}"
            view = ProjectView(id, None, problem=text, damage=text)
            problem = SnapshotProblem(text, ProblemOrigin.MAIN, f"{PROJECTS}/{id}")
            return _Kept(("", ""), (None, ""), reading.main.tip, view, (problem,))

    def _project(self, reading: Reading, pipelines: PipelinesInForce, id: str) -> _Kept | None:
        folder = f"{PROJECTS}/{id}"
        folders = (reading.main.content(folder), reading.state.content(folder))
        known = self._kept.get(id)
        unwritten = reading.unwritten.get(id, ())
        same = known and known.folders == folders and known.unwritten == unwritten
        if known and same and known.main in ("", reading.main.tip):
            pipeline, problem = pipelines.used_by(known.view)
            if known.pipeline[0] is pipeline and known.pipeline[1] == problem:
                return known
        own = replace(reading, problems=[])
        self._strays.pop(id, None)
        made = assemble(own, pipelines, id)
        if made is None:
            if strays := tuple(own.problems) or _no_folder(reading, id):
                self._strays[id] = strays
            return None
        view, rests_on_history = made
        if id == images.PROJECT:
            view = replace(view, project=builds.PROJECT, deletion=None)  # that nobody wrote it is no deletion
        if known and known.view == view:
            view = known.view
        main = reading.main.tip if rests_on_history else ""
        return _Kept(folders, pipelines.used_by(view), main, view, tuple(own.problems), unwritten)


@contextmanager
def _undisturbed(count: int) -> Iterator[None]:
    """Of very many documents the collector of cyclic garbage would look at each, again and again, and find none."""
    if count < MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _beside(main: Branch) -> Iterator[str]:
    """Files at the root, in the folders of documents and in those that nearly have the name of one."""
    folders = sorted({*misplaced.FOLDERS} - {PROJECTS})
    for folder in folders:
        yield from files_at(main, folder, IRREGULAR)
    for path, blob in sorted(main.files(ROOT).items()):
        if blob == IRREGULAR and misplaced.near_folder(path):
            yield from files_at(main, path, blob)
        else:
            yield path


def _no_folder(reading: Reading, id: str) -> tuple[SnapshotProblem, ...]:
    """Of a file that lies where the folder of a project belongs."""
    path = f"{PROJECTS}/{id}"
    there = reading.main.content(path) is None and id in reading.main.projects()
    return tuple(on_main(misplaced.problems([path]))) if there else ()


def _settings(reading: Reading) -> Settings:
    blob = reading.main.files(ROOT).get(layout.SETTINGS)
    if blob is None:
        raise NotAStateRepository(
            "there is no winslow.yaml on main; `winslowctl init` makes a state repository, --repo names one"
        )
    before = len(reading.problems)
    found = reading.in_force("settings", layout.SETTINGS, blob, Settings)
    if len(reading.problems) > before:
        _refuse_newer(reading, blob)
    if found is None:
        raise NotAStateRepository(
            "winslow.yaml on main never was valid: " + "; ".join(map(str, reading.problems[before:]))
        )
    return found


def _refuse_newer(reading: Reading, blob: str) -> None:
    """Settings that cannot be read because they are of a later version are no reason to go on with older ones."""
    try:
        value = codec.load(reading.main.text(layout.SETTINGS, blob), layout.SETTINGS).value
    except DocumentError:
        return
    wanted = value.get("schema") if isinstance(value, dict) else None
    if isinstance(wanted, int) and wanted > SCHEMA:
        raise NewerSchema(
            f"the repository is of schema {wanted}, this controller reads up to {SCHEMA}; install a newer Winslow"
        )


def _pipelines(reading: Reading) -> PipelinesInForce:
    good: dict[str, Pipeline] = {}
    broken: dict[str, str] = {}
    blobs: dict[str, str] = {}
    for name, path, blob in _of_kind(reading.main, "pipelines", "pipeline", on_main=True):
        blobs[name] = blob
        before = len(reading.problems)
        found = reading.in_force("pipeline", path, blob, Pipeline)
        if found:
            good[name] = found
        if len(reading.problems) > before:
            broken[name] = reading.problems[before].text
    if any(each.include for each in good.values()):
        good, wrong = all_resolved(good, lookup(good, reading.history))
        for name, error in wrong.items():
            problem = _at_include(reading, name, blobs[name], error)
            reading.complain([problem])
            broken.setdefault(name, str(problem))
    return PipelinesInForce(good, broken)


def _at_include(reading: Reading, name: str, blob: str, error: BadInclude) -> Problem:
    path = layout.pipeline(name)
    try:
        return codec.load(reading.main.text(path, blob), path).problem(("include", error.at), f"include: {error}")
    except DocumentError:
        return Problem(path, 1, 1, f"include: {error}")


def _of_kind(branch: Branch, folder: str, kind: str, *, on_main: bool) -> Iterable[tuple[str, str, str]]:
    place_of = place_on_main if on_main else place_on_state
    for path, blob in sorted(branch.files(folder).items()):
        place = place_of(path)
        if place and place.kind == kind:
            yield place.owner, path, blob


def _wanted(reading: Reading, folder: str, kind: str, model: type[Model]) -> dict[str, Model]:
    entries = _of_kind(reading.main, folder, kind, on_main=True)
    found = {owner: reading.in_force(kind, path, blob, model) for owner, path, blob in entries}
    return cast(dict[str, Model], {owner: document for owner, document in found.items() if document})


def _recorded(reading: Reading, folder: str, kind: str, model: type[Model]) -> dict[str, Model]:
    entries = _of_kind(reading.state, folder, kind, on_main=False)
    found = {owner: reading.on_state(kind, path, blob, model) for owner, path, blob in entries}
    return cast(dict[str, Model], {owner: document for owner, document in found.items() if document})
