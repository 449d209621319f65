"""Contents of files, whole or in part, and of folders as one archive whose length is known before it is made."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from zipstream import ZipStream

from runner.files.shared_folder import ShelfError
from runner.store.errors import MissingObject, StoreError
from runner.store.manifest import Row, raw, shown
from runner.store.objects import Objects
from runner.store.tree import Tree
from schema.names import NAME
from state.contract.errors import StateError
from webui.files.places import FileRoot, shelf, tree
from webui.source.view_source import ViewSource

PIECE = 1 << 20
SHOWN = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".mp4": "video/mp4", ".webm": "video/webm",
}  # fmt: skip
"""What a browser may show by itself; everything else is for saving."""
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'"
REPORTS = frozenset({".html", ".htm"})
REPORT = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src data:; frame-ancestors 'self'"
)
"""A report is a page of a program: it may draw. It knows nothing of ours, neither who looks nor what else there is, and
reaches nobody.
"""
DOCUMENTS = frozenset({".pdf"})
DOCUMENT = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
"""What a browser shows in a viewer of its own, which a sandbox would keep from starting."""
MOST_FILES = 200_000


class LargeFile(FileResponse):
    chunk_size = PIECE


class Downloads:
    """`data` is the node's directory."""

    def __init__(self, data: Path, source: ViewSource) -> None:
        self.data, self.source, self.objects = data, source, Objects(data / "store", (0, 0))

    async def give(self, request: Request) -> Response:
        given = request.path_params
        place, path = FileRoot(given.get("id", ""), given.get("number", 0)), given["path"]
        if place.project and not re.fullmatch(NAME, place.project):
            return PlainTextResponse("there is no such project\n", 404)
        try:
            found = await run_sync(self._answer, place, path, "zip" in request.query_params, request.method)
        except (ShelfError, StoreError, FileNotFoundError, NotADirectoryError, StateError) as error:
            return PlainTextResponse(f"{_without_places(error, path)}\n", 404)
        if _has(request.headers.get("if-none-match", ""), found.headers.get("etag", "")):
            kept = {name: found.headers[name] for name in ("etag", "cache-control") if name in found.headers}
            return Response(status_code=304, headers=kept)
        if "view" not in request.query_params:
            return found
        if place.execution and _is_report(path):
            return _in_frame(found, "text/html; charset=utf-8", REPORT)
        is_document = Path(path.lower()).suffix in DOCUMENTS
        return _in_frame(found, "application/pdf", DOCUMENT) if is_document else found

    def _answer(self, place: FileRoot, path: str, archive: bool, method: str) -> Response:
        if archive:
            return self._archive(place, path)
        if place.execution:
            found = tree(self.data, self.source.look(), place)
            return self._of_row(found, found.row(path))
        file = shelf(self.data, place).place(path)
        known = file.stat()
        if not stat.S_ISREG(known.st_mode):
            raise ShelfError(f"{path!r} is no file")
        return LargeFile(file, headers=_headers(file.name), media_type=_type(file.name), stat_result=known)

    def _of_row(self, found: Tree, row: Row) -> Response:
        """From the store by its digest, which is its tag; what a stage is writing, as it is at this moment."""
        name = shown(row.path).rpartition("/")[2]
        headers = _headers(name)
        if row.value and not found.changing:
            try:
                path = self.objects.find(row.value)
            except MissingObject:
                pass
            else:
                headers |= {"etag": f'"{row.value}"', "cache-control": "private, max-age=86400"}
                return LargeFile(path, headers=headers, media_type=_type(name))
        if not found.changing:
            headers["content-length"] = str(row.size)
        return StreamingResponse(_pieces(found.open(row.path)), headers=headers, media_type=_type(name))

    def _archive(self, place: FileRoot, path: str) -> Response:
        made = ZipStream(sized=True)
        top = path.strip("/")
        if place.execution:
            found = tree(self.data, self.source.look(), place)
            if found.changing:
                raise ShelfError("the stage still writes; its files can be had one by one")
            for row in found.files():
                if not top or row.path == top or row.path.startswith(f"{top}/"):
                    _add(made, shown(row.path), row.size, lambda row=row: found.open(row.path))
        else:
            files = shelf(self.data, place)
            for item in files.files(top):
                where = files.place(item.path)
                _add(made, item.path, item.bytes, lambda where=where: where.open("rb"))
        if not made.num_queued():
            raise ShelfError("there are no files in it")
        name = f"{(place.name + top).strip(':/').replace('/', '-').replace(':', '-') or 'pool'}.zip"
        headers = {**_headers(name), "content-length": str(len(made))}
        return StreamingResponse(iter(made), headers=headers, media_type="application/zip")


def _has(said: str, tag: str) -> bool:
    """Whether a browser has what this tag names. A proxy that packs weakens tags."""
    tags = {each.strip().removeprefix("W/") for each in said.split(",")}
    return bool(tag) and (said.strip() == "*" or tag.removeprefix("W/") in tags)


def _is_report(path: str) -> bool:
    return Path(path.lower()).suffix in REPORTS


def _in_frame(answer: Response, kind: str, policy: str) -> Response:
    """To be looked at in a frame of ours, which it cannot leave."""
    answer.headers["content-type"] = kind
    answer.headers["content-disposition"] = "inline"
    answer.headers["content-security-policy"] = policy
    answer.headers["x-frame-options"] = "SAMEORIGIN"
    return answer


def _without_places(error: Exception, path: str) -> str:
    """Where files lie on this machine is nobody's business."""
    return f"there is no file {path!r}" if isinstance(error, OSError) else str(error)


def _add(made: ZipStream, name: str, size: int, opened) -> None:  # type: ignore[no-untyped-def]
    """ShelfError at the first that is too many: what is queued stays in memory."""
    if made.num_queued() >= MOST_FILES:
        raise ShelfError(f"more than {MOST_FILES} files are too many for one archive; take a folder of it")
    made.add(_exactly(opened, size, name), name, size=size)


def _exactly(opened, size: int, name: str) -> Iterator[bytes]:  # type: ignore[no-untyped-def]
    """As many bytes as were announced; one that is another length by now breaks the archive off, visibly."""
    with opened() as file:
        left = size
        while left and (piece := file.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
        if left:
            raise OSError(f"{name} became shorter meanwhile")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _type(name: str) -> str:
    return SHOWN.get(Path(name.lower()).suffix, "application/octet-stream")


def _headers(name: str) -> dict[str, str]:
    how = "inline" if Path(name.lower()).suffix in SHOWN else "attachment"
    return {
        "content-disposition": f"{how}; filename*=UTF-8''{quote(raw(name), safe='')}",
        "content-security-policy": SANDBOX,
        "x-content-type-options": "nosniff",
    }
