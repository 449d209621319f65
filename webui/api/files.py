"""Files: what lies in the pool, in a project and in what executions left; taking out. Contents are at `/raw`."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from runner.files.shared_folder import ShelfError
from runner.store.manifest import raw, shown
from webui.access.person import Role
from webui.api.dependencies import Given, Id, Limit, Now, Number, Offset, Part
from webui.api.errors import CHANGING, READING, Refused
from webui.files.places import FileEntry, FileRoot, listing, shelf

routes = APIRouter(tags=["files"])
Inside = Annotated[str, Query(max_length=4000, description="a folder, or one file; nothing: the uppermost folder")]
Named = Annotated[str, Query(min_length=1, max_length=4000, description="a file, or a folder with all that is in it")]


class File(BaseModel):
    """A file or a folder."""

    name: str = Field(description="the last part of its path")
    path: str = Field(description="where it is, relative to the pool, the project's files or the workspace")
    folder: bool = Field(description="whether it is a folder")
    bytes: int = Field(description="its size; 0 of a folder")
    digest: str | None = Field(description="`blake3:…` of its content, where that is known")
    modified: float | None = Field(description="seconds since 1970, where that is known")
    link: str | None = Field(description="where it leads, if it is a symbolic link")
    contents: str = Field(description="address of its contents; of a folder, of an archive (zip) of all in it")


class Files(Part[File]):
    """So much of a folder."""


class Removed(BaseModel):
    """What is gone."""

    removed: str = Field(description="the path, as the command writes it")


@routes.get("/pool/files", responses=READING, summary="List the pool", operation_id="list_pool_files")
def list_pool(given: Now, path: Inside = "", limit: Limit = 500, offset: Offset = 0) -> Files:
    """Input files that all projects share, on this machine. Folders first."""
    return _listed(given, FileRoot(), path, limit, offset)


@routes.get(
    "/projects/{id}/files", responses=READING, summary="List a project's files", operation_id="list_project_files"
)
def list_project(id: Id, given: Now, path: Inside = "", limit: Limit = 500, offset: Offset = 0) -> Files:
    """What was uploaded for this project, on this machine. Folders first."""
    return _listed(given, FileRoot(given.project(id).id), path, limit, offset)


@routes.get(
    "/projects/{id}/executions/{number}/files",
    responses=READING,
    summary="List what an execution left",
    operation_id="list_execution_files",
)
def list_execution(
    id: Id, number: Number, given: Now, path: Inside = "", limit: Limit = 500, offset: Offset = 0
) -> Files:
    """Or is writing; also of the node that ran it, where that can be asked. Folders first, with digests."""
    given.execution(id, number)
    return _listed(given, FileRoot(id, number), path, limit, offset)


@routes.delete("/pool/files", responses=CHANGING, summary="Remove from the pool", operation_id="remove_pool_file")
def remove_pool(given: Now, path: Named) -> Removed:
    """For good. Needs the role admin."""
    return _removed(given, FileRoot(), path)


@routes.delete(
    "/projects/{id}/files", responses=CHANGING, summary="Remove a project's file", operation_id="remove_project_file"
)
def remove_project(id: Id, given: Now, path: Named) -> Removed:
    """For good. Needs the role admin. What an execution left stays as it was."""
    return _removed(given, FileRoot(given.project(id).id), path)


def _listed(given: Given, place: FileRoot, path: str, limit: int, offset: int) -> Files:
    try:
        found = listing(given.data(), given.look, place, path.strip("/"))
    except OSError as error:
        raise Refused(404, f"{path[:80]!r} cannot be looked at: {error.strerror}") from None
    return Files(total=len(found), items=[_file(place, each) for each in found[offset : offset + limit]])


def _file(place: FileRoot, entry: FileEntry) -> File:
    address = f"{place.raw}/{quote(raw(entry.path))}{'?zip' if entry.folder else ''}"
    return File(
        name=shown(entry.name), path=shown(entry.path), folder=entry.folder, bytes=entry.bytes,
        digest=entry.digest or None, modified=entry.modified or None, link=shown(entry.link) or None, contents=address,
    )  # fmt: skip


def _removed(given: Given, place: FileRoot, path: str) -> Removed:
    given.need(Role.ADMIN, "Removing files")
    try:
        shelf(given.data(), place).remove(path)
    except OSError as error:
        raise ShelfError(f"{path[:80]!r} cannot be removed: {error.strerror}") from None
    return Removed(removed=f"{place.name}{path}")
