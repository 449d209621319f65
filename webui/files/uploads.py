"""Uploads that go on after either side was restarted: tus 1.0 with creation and termination.

What grows lies as `NAME.<id>.part` in the folder of its place, where nothing looks at it, and `DATA/uploads/<id>.json`
says what it is to become. How far it is, is how long it is: there is no second word for it. Once it is whole it is
written through, checked against the digest that was promised, and renamed.
"""

import base64
import binascii
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from anyio.to_thread import run_sync
from blake3 import blake3
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from runner import durable
from runner.files import to_bucket
from runner.files.shared_folder import LONGEST_NAME, PART, ShelfError
from runner.store.digests import PREFIX, is_digest, of_file
from runner.store.errors import StoreError
from runner.store.workspaces import Workspaces
from webui.access.person import NotAllowed, Role, need
from webui.files.places import FileRoot, parsed, shelf
from webui.source.view_source import ViewSource

VERSION = "1.0.0"
LARGEST = 1 << 44
PIECES = ("application/offset+octet-stream", "application/octet-stream")
"""As tus calls a piece, and as clients call it that know nothing of tus."""
KEPT = 7 * 86_400.0
"""Seconds after the last piece in which an upload can go on."""
SENT_WITHIN = 60.0
"""Seconds in which the node sends what was put in to its bucket."""
LONGEST_COUNT = 18
"""Digits of a number of bytes."""
SPARE = 64 << 20
"""Bytes of the disk that no upload takes."""
_ID = re.compile(r"[0-9a-f]{32}")


class UploadRefused(Exception):
    """Why an upload cannot be, and as which status it is told."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Upload:
    id: str
    where: str  # as the command writes it
    part: str
    size: int
    digest: str = ""
    replace: bool = False


Guard = Callable[[Request, str, bool], None]


def _anything(request: Request, where: str, replace: bool) -> None:
    pass


def by_people(source: ViewSource) -> Guard:
    """Into projects that there are; only admins put something in the place of something else."""

    def guard(request: Request, where: str, replace: bool) -> None:
        if replace:
            need(request.scope, Role.ADMIN, "Replacing a file")
        place, _ = parsed(where) or (FileRoot(), "")
        if place.project and place.project not in source.look().snapshot.projects:
            raise UploadRefused(404, f"there is no project {place.project!r}")

    return guard


class Uploads:
    """`data` is the node's directory; `promised` refuses what does not say its digest first.

    `guard` is asked before anything begins: the request, where to, whether it replaces something. NotAllowed, Refused.
    """

    def __init__(self, data: Path, *, promised: bool = False, guard: Guard = _anything) -> None:
        self.data, self.folder, self.promised, self.guard = data, data / "uploads", promised, guard
        self._writing: set[str] = set()
        self._hashes: dict[str, tuple[blake3, int]] = {}  # and up to where; lost with this process, and made anew

    # -- what is asked ----------------------------------------------------------------------------------------------

    async def collection(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return _answer(204, {"Tus-Version": VERSION, "Tus-Extension": "creation,termination",
                                 "Tus-Max-Size": str(LARGEST)})  # fmt: skip
        return await self._told(request, self._create(request))

    async def one(self, request: Request) -> Response:
        work = {"HEAD": self._look, "PATCH": self._append, "DELETE": self._drop}[request.method]
        return await self._told(request, work(request))

    async def _told(self, request: Request, work) -> Response:  # type: ignore[no-untyped-def]
        try:
            if request.headers.get("tus-resumable") != VERSION:
                raise UploadRefused(412, f"say Tus-Resumable: {VERSION}")
            return await work  # type: ignore[no-any-return]
        except UploadRefused as refused:
            work.close()
            return _answer(refused.status, {}, str(refused))
        except NotAllowed as error:
            return _answer(403, {}, str(error))
        except (ShelfError, StoreError) as error:
            return _answer(422, {}, str(error))
        except OSError as error:
            return _answer(507 if error.errno == 28 else 500, {}, f"{error.strerror or error}")

    async def _create(self, request: Request) -> Response:
        """`Upload-Metadata`: `where` as the command writes it; `digest` and `replace` if wanted."""
        length, told = request.headers.get("upload-length", ""), _metadata(request.headers.get("upload-metadata", ""))
        size = _count(length)
        if size is None or size > LARGEST:
            raise UploadRefused(400, f"say Upload-Length, in bytes, and no more than {LARGEST}")
        await run_sync(self.guard, request, told.get("where", ""), told.get("replace") == "true")
        upload = await run_sync(self._made, size, told)
        answer = {"Location": f"/uploads/{upload.id}", "Upload-Offset": "0"}
        if upload.size == 0:
            answer["Winslow-Digest"] = await run_sync(self._finish, upload)
        return _answer(201, answer)

    def _made(self, size: int, told: dict[str, str]) -> Upload:
        place, path = parsed(told.get("where", "")) or (None, "")
        if place is None or not path.rstrip("/"):
            raise UploadRefused(400, "metadata `where`: pool:PATH, PROJECT:PATH or PROJECT/N/PATH is wanted")
        digest, replace = told.get("digest", ""), told.get("replace") == "true"
        if (digest or self.promised) and not is_digest(digest):
            raise UploadRefused(400, "metadata `digest`: blake3: and 64 digits")
        target = self._target(place, path)
        if not place.execution and target.exists() and not replace:
            raise UploadRefused(
                409, f"{told['where']} is there already; remove it first, or say that it is to be replaced"
            )
        if not place.execution and target.is_dir():
            raise UploadRefused(409, _folder(told["where"]))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UploadRefused(409, f"{told['where']} lies below a file, which is no folder") from None
        if (free := shutil.disk_usage(target.parent).free - SPARE) < size:
            raise UploadRefused(507, f"{size} bytes do not fit: {max(free, 0)} are free on that disk")
        id = secrets.token_hex(16)
        room = LONGEST_NAME - len(id) - len(PART) - 1
        short = os.fsdecode(os.fsencode(target.name)[:room])
        upload = Upload(id, told["where"], str(target.with_name(f"{short}.{id}{PART}")), size, digest, replace)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        Path(upload.part).touch(mode=0o644)
        durable.write(self._note(id), asdict(upload))
        self._expire()
        return upload

    def _target(self, place: FileRoot, path: str) -> Path:
        """Where it grows; of an execution nothing is changed, its new file goes into the store."""
        if place.execution:
            shelf(self.data, FileRoot()).place(path)
            return self.folder / path.rstrip("/").rpartition("/")[2]
        return shelf(self.data, place).place(path)

    async def _look(self, request: Request) -> Response:
        upload = self._known(request)
        headers = {"Upload-Offset": str(_size(upload)), "Upload-Length": str(upload.size), "Cache-Control": "no-store"}
        return _answer(200, headers)

    async def _append(self, request: Request) -> Response:
        upload = self._known(request)
        if request.headers.get("content-type") not in PIECES:
            raise UploadRefused(415, f"a piece is {PIECES[0]}")
        offset = _count(request.headers.get("upload-offset", ""))
        self._free(upload)
        if offset is None or offset != _size(upload):
            raise UploadRefused(409, f"it goes on at byte {_size(upload)}")
        self._writing.add(upload.id)
        try:
            await self._write(upload, request.stream(), offset)
            headers = {"Upload-Offset": str(_size(upload))}
            if _size(upload) == upload.size:
                headers["Winslow-Digest"] = await run_sync(self._finish, upload)
        finally:
            self._writing.discard(upload.id)
        return _answer(204, headers)

    def _free(self, upload: Upload) -> None:
        """Nobody else changes it now, or finishes it."""
        if upload.id in self._writing:
            raise UploadRefused(423, "another piece of it is on its way")

    async def _write(self, upload: Upload, pieces: AsyncIterator[bytes], offset: int) -> None:
        """What came is kept, also where the other side goes away in the middle."""
        state, hashed = self._hashes.pop(upload.id, (blake3(), 0))
        with open(upload.part, "r+b") as file:
            file.seek(offset)

            def write(piece: bytes) -> None:
                file.write(piece)
                state.update(piece)

            known = hashed == offset
            with suppress(ClientDisconnect):
                async for piece in pieces:
                    offset += len(piece)
                    if offset > upload.size:
                        raise UploadRefused(413, f"more than the {upload.size} bytes that were announced")
                    await run_sync(write, piece)
        if known:
            self._hashes[upload.id] = (state, offset)

    def _finish(self, upload: Upload) -> str:
        part = Path(upload.part)
        place, path = parsed(upload.where) or (FileRoot(), "")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        state, hashed = self._hashes.pop(upload.id, (blake3(), 0))
        digest = PREFIX + state.hexdigest() if hashed == upload.size else of_file(part)
        if upload.digest and upload.digest != digest:
            self._forget(upload)
            raise UploadRefused(
                460, f"what came is {digest}, not {upload.digest}: the file changed meanwhile; nothing was put in"
            )
        if place.execution:
            with part.open("rb") as file:
                digest = Workspaces(self.data).add(file).digest
            waiting = to_bucket.note(self.data, digest)
            if waiting and not to_bucket.sent(waiting, SENT_WITHIN):
                raise UploadRefused(
                    504, f"{digest} is kept here, but not in {to_bucket.bucket_of(self.data)} yet; try again"
                )
        else:
            target = shelf(self.data, place).place(path)
            try:
                _put(part, target, replace=upload.replace)
            except (FileExistsError, IsADirectoryError):
                self._forget(upload)
                text = _folder(upload.where) if target.is_dir() else f"{upload.where} has come to be there meanwhile"
                raise UploadRefused(409, text) from None
            handle = os.open(target.parent, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        self._forget(upload)
        return digest

    async def _drop(self, request: Request) -> Response:
        upload = self._known(request)
        self._free(upload)
        self._forget(upload)
        return _answer(204, {})

    # -- what is known ----------------------------------------------------------------------------------------------

    def _note(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def _known(self, request: Request) -> Upload:
        id = request.path_params["id"]
        try:
            if not _ID.fullmatch(id):
                raise ValueError
            upload = Upload(**json.loads(self._note(id).read_text()))
            _size(upload)
        except (OSError, ValueError, TypeError):
            raise UploadRefused(404, "there is no such upload any more; begin anew") from None
        return upload

    def _forget(self, upload: Upload) -> None:
        self._hashes.pop(upload.id, None)
        Path(upload.part).unlink(missing_ok=True)
        self._note(upload.id).unlink(missing_ok=True)

    def _expire(self) -> None:
        for note in self.folder.glob("*.json"):
            with suppress(OSError, ValueError, TypeError):
                upload = Upload(**json.loads(note.read_text()))
                last = Path(upload.part).stat().st_mtime if Path(upload.part).exists() else 0.0
                if time.time() - last > KEPT:
                    self._forget(upload)


def _size(upload: Upload) -> int:
    return Path(upload.part).stat().st_size


def _count(text: str) -> int | None:
    """Bytes, as a header says them. Python reads no number of thousands of digits."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_COUNT else None


def _folder(where: str) -> str:
    return f"{where} is a folder, and no file takes its place; remove it first, or put the file into it"


def _put(part: Path, target: Path, *, replace: bool) -> None:
    """In its place, where nothing that came meanwhile is lost. FileExistsError, IsADirectoryError, OSError."""
    if replace:
        part.rename(target)
        return
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError from None
        part.rename(target)


def _metadata(header: str) -> dict[str, str]:
    """`name base64, name base64`. Refused."""
    found = {}
    for pair in header.split(",") if header else ():
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise UploadRefused(400, f"metadata {name[:40]!r} is no base64 of UTF-8") from None
    return found


def _answer(status: int, headers: dict[str, str], text: str = "") -> Response:
    return Response(text and f"{text}\n", status, {"Tus-Resumable": VERSION, **headers}, "text/plain")
