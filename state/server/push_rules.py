"""What a push to `main` says that can have no effect, though each of its documents is valid.

A project without its pipeline, or with inputs that no pipeline asks for; a request that was answered already, or in a
folder without a project. What was so before the push is not held against it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from flow.project.pipeline_checks import alone, answered, unfitting
from schema import images, layout
from schema.binding import bind
from schema.codec import MAX_BYTES, load
from schema.errors import DocumentError, Problem
from schema.layout import Place
from schema.pipeline import Pipeline
from schema.project import Project
from state.server.pushed import ZERO, PushedFile, PushSource, texts
from state.snapshot.document_cache import read

_BLOB = re.compile(rb"^blob: ([0-9a-f]{40,64})$", re.MULTILINE)


def without_effect(source: PushSource, old: str, new: str, documents: Sequence[PushedFile]) -> Iterator[Problem]:
    placed = [(changed, place) for changed in documents if (place := layout.place_on_main(changed.path))]
    projects = [changed.path for changed, place in placed if place.kind == "project"]
    requests = [(changed, place) for changed, place in placed if place.kind == "request"]
    if projects:
        yield from _unfitting(source, old, new, projects)
    if requests:
        yield from _in_vain(source, old, new, requests)


# projects


def _unfitting(source: PushSource, old: str, new: str, paths: Sequence[str]) -> Iterator[Problem]:
    now, before = texts(source, new, paths, MAX_BYTES), texts(source, old, paths, MAX_BYTES)
    pipelines = _pipelines(source, new, [*now.values(), *before.values()])
    for path, text in now.items():
        known = {problem.what for problem in _of_project(path, before[path], pipelines)} if path in before else set()
        yield from (problem for problem in _of_project(path, text, pipelines) if problem.what not in known)


def _of_project(path: str, text: bytes, pipelines: Mapping[str, Pipeline | None]) -> list[Problem]:
    try:
        parsed = load(text, path)
        return list(unfitting(bind(Project, parsed), parsed, pipelines))
    except DocumentError:
        return []  # said already


def _pipelines(source: PushSource, commit: str, projects: Sequence[bytes]) -> dict[str, Pipeline | None]:
    """All names, and those that these projects use as documents."""
    places = map(layout.place_on_main, (f"pipelines/{name}" for name in source.names(commit, "pipelines")))
    found: dict[str, Pipeline | None] = {place.owner: None for place in places if place}
    used = [name for name in found if any(name.encode() in text for text in projects)]
    for path, text in texts(source, commit, [layout.pipeline(name) for name in used], MAX_BYTES).items():
        try:
            document = read("pipeline", path, text)
        except DocumentError:
            continue
        if isinstance(document, Pipeline) and not document.include:  # else its inputs are not all its own
            found[document.name] = document
    return found


# requests


def _in_vain(source: PushSource, old: str, new: str, requests: Sequence[tuple[PushedFile, Place]]) -> Iterator[Problem]:
    projects = sorted({layout.project(place.owner) for _, place in requests})
    now, before = source.there(new, projects), source.there(old, projects)
    replies = texts(source, layout.STATE, [_reply(place) for _, place in requests], MAX_BYTES)
    for changed, place in requests:
        project = layout.project(place.owner)
        if project not in now and place.owner != images.PROJECT:
            yield alone(changed.path)
        elif _reply(place) in replies:
            same = blob_of(replies[_reply(place)]) in ("", changed.blob)
            as_it_was = same and (changed.before != ZERO or project not in before)  # put back, or its whole project
            if not as_it_was:
                yield answered(changed.path, _numbered(source, new, place.owner))


def _reply(place: Place) -> str:
    return layout.reply(place.owner, f"{place.item}.yaml")


def blob_of(reply: bytes) -> str:
    """The request that a reply is about; nothing where it does not say."""
    found = _BLOB.search(reply)
    return found[1].decode() if found else ""


def _numbered(source: PushSource, commit: str, id: str) -> list[str]:
    folder = layout.state_folder(id)
    return [*source.names(commit, f"{folder}requests"), *source.names(layout.STATE, f"{folder}replies")]
