"""Objects from other nodes, over HTTP: who asks is told by a signature, what is answered by its digest.

A node signs each request with a key of its own, whose public half stands in its inventory; what is signed names the
question and the node that is asked. A signature has no end: nodes agree on no clock, and a download that was cut off
goes on with the one it began with. So whoever overheard one can ask the same question of the same node again and read
what it answers by then: an object is what they heard already, a log or what a stage is writing may have grown. No
signature is good for another question, and what changes something is signed with a word good for once (`far_shelf`).
Nothing is encrypted: where others can listen, let the nodes talk over a network of their own.
"""

import base64
import http.client
import io
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flow.model.backoff import Backoff
from runner.store.errors import Away, MissingObject
from schema.node import Inventory

SCHEME = "Winslow"
CONNECT, ATTEMPTS = 20.0, 5
BETWEEN_TRIES = Backoff(first=0.5)
"""Before an interrupted download goes on."""


class PeerAway(Away):
    """Another node does not answer, or refuses; the text says which and why."""


class Key:
    """This node's key, made at its first use and kept beside its journal."""

    def __init__(self, path: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, Ed25519PrivateKey.generate().private_bytes_raw())
            os.fsync(handle)
            os.close(handle)
        self._key = Ed25519PrivateKey.from_private_bytes(path.read_bytes())

    @property
    def public(self) -> str:
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def header(self, me: str, asked: str, path: str, method: str = "GET", more: str = "") -> str:
        """`more` is what else of the question must be as it was signed."""
        signature = base64.b64encode(self._key.sign(_signed(me, asked, path, method, more))).decode()
        return f"{SCHEME} {me} {signature}"


def _signed(me: str, asked: str, path: str, method: str, more: str) -> bytes:
    return f"winslow peer 1\n{me}\n{asked}\n{method} {path}\n{more}".encode("utf-8", "surrogateescape")


def asker(
    header: str, asked: str, path: str, keys: Callable[[str], str], method: str = "GET", more: str = ""
) -> str | None:
    """The node whose signature this is, or None. `keys` gives the public key of a node, or nothing."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    parts = header.split(" ")
    if len(parts) != 3 or parts[0] != SCHEME or len(header) > 500:
        return None
    known = keys(parts[1])
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(known, validate=True))
        key.verify(base64.b64decode(parts[2], validate=True), _signed(parts[1], asked, path, method, more))
    except (ValueError, InvalidSignature):
        return None
    return parts[1]


NUDGE = "/peer/nudge"
NUDGED = 16
"""Nodes that are told of a push, at most; the others poll."""


def object_path(digest: str) -> str:
    return f"/peer/objects/{digest}"


class Peers:
    """What this node knows of the others, and how it asks them."""

    def __init__(self, me: str, key: Key | None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.me, self.key, self.sleep = me, key, sleep
        self.known: Mapping[str, Inventory] = {}

    def source(self, node: str) -> "Callable[[str], Download] | None":
        """Opens objects that a node has; None where it cannot be asked at all."""
        found = self.known.get(node)
        if self.key is None or node == self.me or found is None or not found.address:
            return None
        address, key = found.address, self.key

        def opened(digest: str) -> Download:
            path = object_path(digest)
            return Download(PeerRequest(node, address, path, key.header(self.me, node, path)), self.sleep)

        return opened

    def nudge(self) -> None:
        """Tell others that there is something new, in the background. Who does not hear it finds out by polling."""
        key = self.key
        others = [(node, each.address) for node, each in self.known.items() if each.address and node != self.me]
        if key is None or not others:
            return
        random.shuffle(others)

        def tell() -> None:
            for node, address in others[:NUDGED]:
                connection = http.client.HTTPConnection(str(address), timeout=1.0)
                try:
                    connection.request("GET", NUDGE, headers={"Authorization": key.header(self.me, node, NUDGE)})
                    connection.getresponse()
                except (OSError, http.client.HTTPException):
                    pass
                finally:
                    connection.close()

        threading.Thread(target=tell, name="nudge", daemon=True).start()


@dataclass(frozen=True, slots=True)
class PeerRequest:
    node: str
    address: str
    path: str
    header: str


class Download(io.RawIOBase):
    """An object as it comes; an interrupted one goes on where it stopped. MissingObject, PeerAway."""

    def __init__(self, request: PeerRequest, sleep: Callable[[float], None]) -> None:
        self.request, self.sleep = request, sleep
        self.position, self.left = 0, ATTEMPTS
        self._size: int | None = None
        self._tag = ""
        self._connection: http.client.HTTPConnection | None = None
        self._answer: http.client.HTTPResponse | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while True:
            try:
                piece = (self._answer or self._ask()).read(size)
            except (OSError, http.client.HTTPException) as error:
                self._again(error)
                continue
            if piece or self._size is None or self.position >= self._size:
                self.position += len(piece)
                return piece
            self._again(OSError("it was cut off"))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._answer = None
        super().close()

    def _ask(self) -> http.client.HTTPResponse:
        self._connection = http.client.HTTPConnection(self.request.address, timeout=CONNECT)
        wanted = {"Authorization": self.request.header, "Range": f"bytes={self.position}-"}
        if self.position and self._tag:
            wanted["If-Range"] = self._tag
        self._connection.request("GET", self.request.path, headers=wanted)
        answer = self._connection.getresponse()
        if answer.status == 404:
            raise MissingObject(f"{self.request.node} has no {self.request.path.rpartition('/')[2]}")
        if answer.status == 200 and self.position and self._tag:
            raise PeerAway(f"what {self.request.node} has there changed while it was fetched")
        if answer.status not in (200, 206) or (answer.status == 200 and self.position):
            raise PeerAway(f"{self.request.node} ({self.request.address}) answers {answer.status} {answer.reason}")
        if self._size is None and answer.length is not None:
            self._size = answer.length
            self._tag = answer.getheader("etag") or ""
        self._answer = answer
        return answer

    def _again(self, error: Exception) -> None:
        self.left -= 1
        if self._connection is not None:
            self._connection.close()
        self._connection = self._answer = None
        if self.left <= 0:
            raise PeerAway(f"{self.request.node} ({self.request.address}) does not answer: {error}") from None
        self.sleep(BETWEEN_TRIES.rest(ATTEMPTS - self.left))
