"""What a node gives to other nodes: objects of its store, by digest, to whoever signs with a key of an inventory."""

from collections.abc import Callable
from pathlib import Path

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from runner.peers import asker, object_path
from runner.store.errors import MissingObject, StoreError
from runner.store.objects import Objects
from state.errors import StateError
from webui.source import NodeSource

WAITS = 5.0
"""Seconds after which a node that does not finish its question is left alone."""


class Large(FileResponse):
    chunk_size = 1 << 20


class Giver:
    """`keys` gives the public key of a node."""

    def __init__(self, name: str, objects: Objects, keys: Callable[[str], str]) -> None:
        self.name, self.objects, self.keys = name, objects, keys

    async def give(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        header = request.headers.get("authorization", "")
        who = await anyio.to_thread.run_sync(asker, header, self.name, object_path(digest), self.keys)
        if who is None:
            return PlainTextResponse("sign with the key that your inventory names\n", 401)
        try:
            path = self.objects.find(digest)
        except MissingObject:
            return PlainTextResponse("there is no such object here\n", 404)
        except StoreError:
            return PlainTextResponse("this is no digest\n", 400)
        return Large(path, media_type="application/octet-stream")


def create_peer(name: str, data: Path, keys: Callable[[str], str]) -> Starlette:
    giver = Giver(name, Objects(data / "store", (0, 0)), keys)
    return Starlette(routes=[Route("/peer/objects/{digest}", giver.give)])


def run_peer(name: str, data: Path, host: str, port: int) -> None:
    source = NodeSource(data)

    def key(node: str) -> str:
        try:
            found = source.look().snapshot.inventories.get(node)
        except (StateError, OSError, ValueError):
            return ""
        return found.key if found else ""

    app = create_peer(name, data, key)
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False, timeout_keep_alive=int(WAITS))
