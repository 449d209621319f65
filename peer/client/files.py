"""A folder of files on another node, as `runner.files.shared_folder` has those of this one: its pool, or what it has of
a project.

Every question is signed with this machine's node's key. A question that changes something is signed together with a
word that the other node gave for it and takes once, so that nobody who overheard it can ask it again. What is put in
is promised by its digest first: the other node shows nothing of it before it has just that.
"""

import http.client
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from peer.client.executions import MOST_ROWS_BYTES, FarNode
from peer.client.signed import Download, PeerAway, PeerRequest
from runner import durable
from runner.files.shared_folder import Item, Progress, ShelfError, identity_of
from runner.store import digests

CONNECT, PATIENCE = 10.0, 600.0
"""Seconds until there is a connection, and between two signs of life: what came whole is hashed before it is told."""
PIECE, SENT = 1 << 20, 64 << 20
"""Bytes that are read at once, and that one request carries."""
TUS = {"Tus-Resumable": "1.0.0"}
ONCE = "/peer/once"
UPLOADS = "/peer/uploads"
ONCE_HEADER = "Winslow-Once"
SIGNED = (ONCE_HEADER, "Upload-Length", "Upload-Metadata", "Upload-Offset")
"""Headers that mean something where something is changed."""


def shelf_path(kind: str, what: str) -> str:
    """`kind`: items, files or file; `what` as the command writes it, `pool:a/b`."""
    return f"/peer/shelf/{kind}/{quote(what.encode('utf-8', 'surrogateescape'), safe='')}"


def signed_too(headers: Mapping[str, str]) -> str:
    return "\n".join(headers.get(name, "") for name in SIGNED)


class FarShelf:
    """`name` is `pool:` or `PROJECT:`, or `PROJECT/N/` for what a next stage begins with, which can only be put into.

    `uploads` is a folder of this machine in which it is noted how far uploads are. PeerAway, ShelfError.
    """

    def __init__(self, remote: FarNode, name: str, uploads: Path) -> None:
        self.remote, self.name, self.uploads = remote, name, uploads

    def items(self, path: str = "") -> Iterator[Item]:
        yield from self._listed("items", path)

    def files(self, path: str = "") -> Iterator[Item]:
        yield from self._listed("files", path)

    def open(self, path: str) -> tuple[BinaryIO, int]:
        """A file, and its size."""
        size = next((item.bytes for item in self.items(path) if item.path == path and not item.folder), None)
        if size is None:
            raise ShelfError(f"{path!r} is no file on {self.remote.node}")
        asked = shelf_path("file", self.name + path)
        key, address = self.remote.key_and_address()
        header = key.header(self.remote.peers.me, self.remote.node, asked)
        question = PeerRequest(self.remote.node, address, asked, header)
        return cast(BinaryIO, Download(question, self.remote.peers.sleep)), size

    def digest(self, path: str) -> str:
        """Of a file's content, as that node finds it."""
        answer = self._ask("GET", shelf_path("digest", self.name + path), {})
        content = answer.read(200)
        self._good(answer, content)
        return content.decode("ascii", "replace").strip()

    def put(
        self, source: Path, path: str, *, replace: bool = False, progress: Progress = lambda done, size: None
    ) -> str:
        """The digest of the file that is there now. One that was cut off goes on if the source is the same."""
        with source.open("rb") as file:
            before = identity_of(file.fileno())
            digest = digests.of_file(source)
            size = int(str(before["size"]))
            location, offset = self._begun(path, digest, size, before, replace)
            while offset < size:
                file.seek(offset)
                offset = self._sent(location, file, offset, min(SENT, size - offset), size, progress)
            if identity_of(file.fileno()) != before:
                raise ShelfError(f"{source} changed while it was sent; look at what {self.remote.node} has now")
        self._note(path).unlink(missing_ok=True)
        return digest

    def remove(self, path: str) -> None:
        self._change("DELETE", shelf_path("file", self.name + path), {})

    # -- asking -----------------------------------------------------------------------------------------------------

    def _listed(self, kind: str, path: str) -> list[Item]:
        answer = self._ask("GET", shelf_path(kind, self.name + path), {})
        content = answer.read(MOST_ROWS_BYTES + 1)
        self._good(answer, content)
        try:
            return [Item(str(path), int(size), bool(folder)) for path, size, folder in json.loads(content)]
        except (ValueError, TypeError) as error:
            raise PeerAway(f"{self.remote.node} answers something else than its files: {error}") from None

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: Iterator[bytes] | None = None
    ) -> http.client.HTTPResponse:
        key, address = self.remote.key_and_address()
        more = "" if method == "GET" else signed_too(headers)
        signed = {"Authorization": key.header(self.remote.peers.me, self.remote.node, path, method, more)}
        connection = http.client.HTTPConnection(address, timeout=CONNECT)
        try:
            connection.connect()
            connection.sock.settimeout(PATIENCE)
            connection.request(method, path, body=body, headers={**headers, **signed})
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise PeerAway(f"{self.remote.node} ({address}) does not answer: {error}; do it again to go on") from None

    def _good(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        if answer.status in (200, 201, 202, 204):
            return
        text = content[:2000].decode("utf-8", "replace").strip()
        if answer.status in (401, 403) or (answer.status >= 500 and answer.status != 507):
            raise PeerAway(f"{self.remote.node} answers {answer.status}: {text or answer.reason}")
        raise ShelfError(f"{self.remote.node}: {text or answer.reason}")

    def _change(
        self, method: str, path: str, headers: Mapping[str, str], body: Callable[[], Iterator[bytes]] | None = None
    ) -> http.client.HTTPResponse:
        word = self._ask("GET", ONCE, {})
        content = word.read(200)
        self._good(word, content)
        answer = self._ask(method, path, {**headers, ONCE_HEADER: content.decode().strip()}, body and body())
        self._good(answer, answer.read(2000))
        return answer

    # -- putting in -------------------------------------------------------------------------------------------------

    def _note(self, path: str) -> Path:
        name = digests.of_bytes(f"{self.remote.node}\n{self.name}{path}".encode("utf-8", "surrogateescape"))
        return self.uploads / f"{name.removeprefix(digests.PREFIX)[:32]}.json"

    def _begun(self, path: str, digest: str, size: int, source: Mapping[str, object], replace: bool) -> tuple[str, int]:
        """Where it is sent to, and from which byte on."""
        note = durable.read(self._note(path))
        if note.get("source") == source and note.get("digest") == digest and note.get("replace") == replace:
            location = str(note.get("location"))
            answer = self._ask("HEAD", location, TUS)
            answer.read()
            offset = answer.getheader("upload-offset") or ""
            if answer.status == 200 and offset.isdecimal() and int(offset) < size:
                return location, int(offset)
        told = {"where": self.name + path, "digest": digest, "replace": "true" if replace else "false"}
        metadata = ",".join(
            f"{name} {b64encode(value.encode('utf-8', 'surrogateescape')).decode()}" for name, value in told.items()
        )
        answer = self._change("POST", UPLOADS, {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata})
        location = f"{UPLOADS}/{(answer.getheader('location') or '').rpartition('/')[2]}"
        self.uploads.mkdir(parents=True, exist_ok=True)
        durable.write(
            self._note(path), {"source": dict(source), "digest": digest, "replace": replace, "location": location}
        )
        return location, 0

    def _sent(self, location: str, file: BinaryIO, offset: int, count: int, size: int, progress: Progress) -> int:
        def pieces() -> Iterator[bytes]:
            done = offset
            while done < offset + count and (piece := file.read(min(PIECE, offset + count - done))):
                yield piece
                done += len(piece)
                progress(done, size)

        kind = {"Content-Type": "application/offset+octet-stream", "Content-Length": str(count)}
        self._change("PATCH", location, {**TUS, **kind, "Upload-Offset": str(offset)}, pieces)
        return offset + count
