"""What a node lets other nodes do with its pool and its projects' files: list, read, put in and remove.

Reading is signed like every question of a peer, and can be asked again by who overheard it (`peer.client.signed`). What
changes something is signed together with a word of this node that is good for one question, so that who overheard it
can do nothing with it.
"""

import json
import secrets
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from peer.client.files import ONCE, ONCE_HEADER, UPLOADS, signed_too
from peer.client.signed import asker
from runner.files.shared_folder import Shelf, ShelfError
from runner.store import digests
from runner.store.manifest import text_of
from webui.files.places import parsed, shelf
from webui.files.uploads import Uploads

GOOD_FOR = 60.0
"""Seconds."""
MOST_WORDS = 10_000


class PeerPoolFile(FileResponse):
    chunk_size = 1 << 20


class Words:
    """Given out, and taken back once."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._given: dict[str, float] = {}

    def give(self) -> str:
        while len(self._given) >= MOST_WORDS:
            del self._given[next(iter(self._given))]
        word = secrets.token_hex(16)
        self._given[word] = self.now()
        return word

    def take(self, word: str) -> bool:
        return self.now() - self._given.pop(word, float("-inf")) <= GOOD_FOR


class PeerFiles:
    """`keys` gives the public key of a node."""

    def __init__(self, name: str, data: Path, keys: Callable[[str], str], *, read_only: bool = False) -> None:
        self.name, self.data, self.keys, self.read_only = name, data, keys, read_only
        self.uploads, self.words = Uploads(data, promised=True), Words()

    def routes(self) -> list[Route]:
        return [
            Route(ONCE, self._asked(self.once), methods=["GET"]),
            Route("/peer/shelf/items/{what:path}", self._asked(self.items), methods=["GET"]),
            Route("/peer/shelf/files/{what:path}", self._asked(self.files), methods=["GET"]),
            Route("/peer/shelf/digest/{what:path}", self._asked(self.digest), methods=["GET"]),
            Route("/peer/shelf/file/{what:path}", self.file, methods=["GET", "DELETE"]),
            Route(UPLOADS, self.begin, methods=["POST"]),
            Route(f"{UPLOADS}/{{id}}", self.go_on, methods=["HEAD", "PATCH", "DELETE"]),
        ]

    # -- reading ----------------------------------------------------------------------------------------------------

    def once(self, request: Request) -> Response:
        return PlainTextResponse(self.words.give())

    def items(self, request: Request) -> Response:
        files, path = self._shelf(request)
        found = files.items(path) if files.root.is_dir() or path else ()
        return _listing([(item.path, item.bytes, item.folder) for item in found])

    def files(self, request: Request) -> Response:
        files, path = self._shelf(request)
        return _listing([(item.path, item.bytes, item.folder) for item in files.files(path)])

    def give(self, request: Request) -> Response:
        files, path = self._shelf(request)
        file = files.place(path)
        known = file.stat()
        if not stat.S_ISREG(known.st_mode):
            raise ShelfError(f"{path!r} is no file")
        return PeerPoolFile(file, media_type="application/octet-stream", stat_result=known)

    def digest(self, request: Request) -> Response:
        files, path = self._shelf(request)
        return PlainTextResponse(digests.of_file(files.place(path)))

    def remove(self, request: Request) -> Response:
        if kept := self._kept():
            return kept
        files, path = self._shelf(request)
        files.remove(path)
        return Response(status_code=204)

    def _kept(self) -> Response | None:
        """The refusal of a node that lets nobody change its files."""
        text = f"{self.name} lets other nodes read its files only (--peer-read-only)\n"
        return PlainTextResponse(text, 403) if self.read_only else None

    # -- changing ---------------------------------------------------------------------------------------------------

    async def file(self, request: Request) -> Response:
        return await self._asked(self.remove if request.method == "DELETE" else self.give)(request)

    async def begin(self, request: Request) -> Response:
        """Only of what is promised by its digest: the signature is for that, not for what comes then."""
        if not await self._known(request):
            return _unsigned()
        return self._kept() or await self.uploads.collection(request)

    async def go_on(self, request: Request) -> Response:
        if not await self._known(request):
            return _unsigned()
        return self._kept() or await self.uploads.one(request)

    # -- who asks ---------------------------------------------------------------------------------------------------

    def _asked(self, answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not await self._known(request):
                return _unsigned()
            try:
                return await anyio.to_thread.run_sync(answer, request)
            except (FileNotFoundError, NotADirectoryError):
                return PlainTextResponse("there is no such thing here\n", 404)
            except (ShelfError, OSError) as error:
                return PlainTextResponse(f"{error}\n", 422)

        return endpoint

    async def _known(self, request: Request) -> bool:
        """Whether a node of this repository asks just this; and, where it changes something, for the first time."""
        header, path = request.headers.get("authorization", ""), request.scope["raw_path"].decode("latin-1")
        more = "" if request.method == "GET" else signed_too(request.headers)
        who = await anyio.to_thread.run_sync(asker, header, self.name, path, self.keys, request.method, more)
        if who is None:
            return False
        return request.method in ("GET", "HEAD") or self.words.take(request.headers.get(ONCE_HEADER, ""))

    def _shelf(self, request: Request) -> tuple[Shelf, str]:
        what = text_of(unquote_to_bytes(request.scope["raw_path"].rpartition(b"/")[2]))
        place, path = parsed(what) or (None, "")
        if place is None or place.execution:
            raise ShelfError(f"{what[:80]!r} names no pool and no project's files")
        return shelf(self.data, place), path


def _listing(rows: list[tuple[str, int, bool]]) -> Response:
    return Response(json.dumps(rows), media_type="application/json")


def _unsigned() -> Response:
    return PlainTextResponse("sign with the key that your inventory names\n", 401)
