"""Parsed documents by their blob: each text is read once, whoever asks, and at most so many are remembered."""

from collections.abc import Callable
from dataclasses import replace

from pydantic import BaseModel

from flow.project.pipeline_checks import is_mistaken, misnamed, unfilled
from schema import codec, documents
from schema.errors import DocumentError, Problem
from schema.packed import kept
from schema.pipeline import Pipeline
from state.snapshot.disk_cache import Cache
from state.snapshot.lru import Bounded
from state.snapshot.trees import IRREGULAR, place_on_main

SIZE = 262_144

Content = str | bytes | BaseModel


class DocumentCache:
    """`document` gives the same object for the same blob, so identity stands for content."""

    def __init__(self, size: int = SIZE, cache: Cache | None = None) -> None:
        self.cache = cache
        self._known = {kind: Bounded(size) for kind in documents.KINDS}  # object id: BaseModel | DocumentError

    def document(self, kind: str, path: str, blob: str, load: Callable[[], Content]) -> BaseModel:
        """DocumentError, at `path`, where the content is no valid document of its kind, or not in its place."""
        if blob == IRREGULAR:
            raise DocumentError([irregular(path)])
        known = self._known[kind]
        found: BaseModel | DocumentError | None = known.look(blob)
        if found is None:
            found = self._read(kind, path, blob, load)
            known.keep(blob, found)
        if isinstance(found, DocumentError):
            raise DocumentError([replace(problem, file=path) for problem in found.problems])
        if kind == "pipeline":
            _in_its_place(found, path, load)
        return found

    def _read(self, kind: str, path: str, blob: str, load: Callable[[], Content]) -> BaseModel | DocumentError:
        known = self.cache.find(kind, blob) if self.cache else None
        if known is not None:
            return known
        found = _parse(kind, path, load)
        if not isinstance(found, BaseModel):
            return found
        found = kept(found)
        if self.cache:
            self.cache.keep(kind, blob, found)
        return found


def read(kind: str, path: str, content: Content) -> BaseModel:
    """A document that takes effect at its path. DocumentError says everything that is wrong with it."""
    found = _read(kind, path, content)
    if kind == "pipeline":
        _in_its_place(found, path, lambda: content)
    return found


def irregular(path: str) -> Problem:
    return Problem(path, 1, 1, "a regular file is wanted here, no link, submodule or folder")


def _parse(kind: str, path: str, load: Callable[[], Content]) -> BaseModel | DocumentError:
    try:
        return _read(kind, path, load())
    except DocumentError as error:
        return error


def _read(kind: str, path: str, content: Content) -> BaseModel:
    """What can be said whatever the path: one blob may stand at several."""
    found = content if isinstance(content, BaseModel) else documents.parse(kind, content, path)
    if kind == "pipeline" and isinstance(found, Pipeline) and is_mistaken(found):
        raise DocumentError(unfilled(found, _places(content, path)))
    return found


def _in_its_place(found: BaseModel, path: str, load: Callable[[], Content]) -> None:
    place = place_on_main(path)
    if place and isinstance(found, Pipeline) and found.name != place.owner:
        raise DocumentError(misnamed(found, place.owner, _places(load(), path)))


def _places(content: Content, path: str) -> codec.ParsedText:
    """Where everything stands in a text that has parsed; a document without a text has one place."""
    return codec.ParsedText(None, {}, path) if isinstance(content, BaseModel) else codec.load(content, path)
