"""What a node gives to other nodes, to whoever signs with a key of an inventory: objects of its store by digest, the
files, logs and progress of executions, and a nudge that somebody has pushed. Pool and projects' files: `peer_files`.
"""

import functools
import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from peer.client.executions import MOST_ASKED
from peer.client.signed import NUDGE, asker
from peer.server.files import PeerFiles
from runner import program_output
from runner.logs.archive import DamagedLog, here
from runner.metrics import load
from runner.store.blocks import Blocks
from runner.store.errors import DamagedObject, MissingObject, StoreError
from runner.store.manifest import text_of
from runner.store.objects import Objects
from runner.store.packed import Packed
from runner.store.workspaces import Workspaces
from schema.names import NAME
from state.contract.errors import StateError
from webui.source.nudges import Seldom, nudge
from webui.source.view_source import NodeSource

WAITS = 5.0
"""Seconds after which a node that does not finish its question is left alone."""
TEXT = "text/plain; charset=utf-8"
RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")
CONTAINER = re.compile(r"[0-9a-f]{32}")


PIECE = 1 << 20
LOAD_POINTS = 120


class PeerFile(FileResponse):
    chunk_size = PIECE


class Giver:
    """`keys` gives the public key of a node."""

    def __init__(self, name: str, data: Path, keys: Callable[[str], str]) -> None:
        self.name, self.data, self.keys = name, data, keys
        self.objects, self.workspaces = Objects(data / "store", (0, 0)), Workspaces(data)
        self.packed = Packed(data / "store")
        self.nudged = Seldom(functools.partial(nudge, data))

    async def __call__(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        """Whoever signed the path as it stands in the request is answered."""
        header, path = request.headers.get("authorization", ""), request.scope["raw_path"].decode("latin-1")
        who = await anyio.to_thread.run_sync(asker, header, self.name, path, self.keys)
        if who is None:
            return PlainTextResponse("sign with the key that your inventory names\n", 401)
        try:
            return await anyio.to_thread.run_sync(answer, request)
        except (MissingObject, FileNotFoundError):
            return PlainTextResponse("there is no such thing here\n", 404)
        except (StoreError, DamagedLog) as error:
            known = "NotFound" in type(error).__name__
            return PlainTextResponse(f"{error}\n", 404 if known else 400)

    def give_object(self, request: Request) -> Response:
        path = self.objects.find(request.path_params["digest"])
        return PeerFile(path, media_type="application/octet-stream")

    def give_log(self, request: Request) -> Response:
        container = request.path_params["container"]
        if not CONTAINER.fullmatch(container):
            raise FileNotFoundError
        try:
            found = here(self.data, container)
        except (DamagedLog, DamagedObject):
            found = None  # another may have it whole
        if found is None:
            raise FileNotFoundError
        return _of_blocks(found, request) if isinstance(found, Blocks) else PeerFile(found, media_type=TEXT)

    def give_kept_log(self, request: Request) -> Response:
        """By its digest, whoever's it is."""
        try:
            return _of_blocks(self.packed.find(request.path_params["digest"]), request)
        except DamagedObject:
            raise FileNotFoundError from None

    def give_progress(self, request: Request) -> Response:
        """Of the runs that are named, those that say how far they are."""
        asked = request.path_params["containers"].split(".")[:MOST_ASKED]
        if not all(CONTAINER.fullmatch(each) for each in asked):
            raise FileNotFoundError
        told = {each: program_output.progress(self.data / "runs" / each) for each in asked}
        said = {each: percent for each, percent in told.items() if percent is not None}
        return Response(json.dumps(said), media_type="application/json")

    def give_load(self, request: Request) -> Response:
        """How its machine did: ages instead of times, as the one who asks has another clock."""
        now = time.time()
        found = load.machine(self.data).all_series(now - min(request.path_params["span"], load.MONTH), LOAD_POINTS)
        ages = {name: [(round(now - at, 1), round(value, 2)) for at, value in points] for name, points in found.items()}
        return Response(json.dumps(ages), media_type="application/json")

    def give_rows(self, request: Request) -> Response:
        tree = self.workspaces.look(*_place(request))
        rows = [[row.path, row.kind.value, row.size, row.value] for row in tree.rows.values()]
        return Response(json.dumps({"changing": tree.changing, "rows": rows}), media_type="application/json")

    def give_file(self, request: Request) -> Response:
        name = text_of(unquote_to_bytes(request.scope["raw_path"].rpartition(b"/")[2]))
        file = self.workspaces.look(*_place(request)).open(name)
        pieces = iter(functools.partial(file.read, PIECE), b"")
        return StreamingResponse(pieces, media_type="application/octet-stream")

    def nudge(self, request: Request) -> Response:
        self.nudged()
        return PlainTextResponse("thanks\n", 202)


def _of_blocks(blocks: Blocks, request: Request) -> Response:
    """All of it, or the one part that is asked for."""
    size, asked = blocks.size, RANGE.fullmatch(request.headers.get("range", ""))
    start = int(asked[1]) if asked else 0
    end = min(int(asked[2]) + 1, size) if asked and asked[2] else size
    if asked and start >= end:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    headers = {"content-length": str(end - start), "accept-ranges": "bytes", "etag": f'"{blocks.path.name}"'}
    if asked:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    pieces = (blocks.read(at, min(PIECE, end - at)) for at in range(start, end, PIECE))
    return StreamingResponse(pieces, 206 if asked else 200, headers, TEXT)


def _place(request: Request) -> tuple[str, int]:
    project = request.path_params["project"]
    if not re.fullmatch(NAME, project):
        raise FileNotFoundError
    return project, request.path_params["number"]


def create_peer(name: str, data: Path, keys: Callable[[str], str], *, read_only: bool = False) -> Starlette:
    giver = Giver(name, data, keys)

    def route(path: str, answer: Callable[[Request], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            return await giver(request, answer)

        return Route(path, endpoint)

    return Starlette(
        routes=[
            route("/peer/objects/{digest}", giver.give_object),
            route("/peer/runs/{container}/log", giver.give_log),
            route("/peer/logs/{digest}", giver.give_kept_log),
            route("/peer/progress/{containers}", giver.give_progress),
            route("/peer/load/{span:int}", giver.give_load),
            route("/peer/rows/{project}/{number:int}", giver.give_rows),
            route("/peer/now/{project}/{number:int}/{path:path}", giver.give_file),
            route(NUDGE, giver.nudge),
            *PeerFiles(name, data, keys, read_only=read_only).routes(),
        ]
    )


def run_peer(name: str, data: Path, listening_on: socket.socket, *, read_only: bool = False) -> None:
    source = NodeSource(data)

    def key(node: str) -> str:
        try:
            found = source.look().snapshot.inventories.get(node)
        except (StateError, OSError, ValueError):
            return ""
        return found.key if found else ""

    app = create_peer(name, data, key, read_only=read_only)
    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_keep_alive=int(WAITS))
    uvicorn.Server(config).run(sockets=[listening_on])
