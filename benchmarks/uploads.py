"""Uploads and downloads through the page, beside a plain PUT (written through as well) and GET of the same server."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.measure import spread, timed
from state.git.git_repository import GitRepository
from state.server.setup import init

PIECE = 64 << 20
SERVER = """
import os, sys
from pathlib import Path
import uvicorn
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from webui.asgi.app import create_app
from webui.source.outbox import Outbox
from webui.site import Page
from webui.source.view_source import OwnSource
from state.git.git_repository import GitRepository

url, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

class Large(FileResponse):
    chunk_size = 1 << 20

async def plain(request: Request) -> Response:
    path = folder / "plain"
    if request.method == "GET":
        return Large(path)
    with path.open("wb") as file:
        async for piece in request.stream():
            await run_sync(file.write, piece)
        await run_sync(os.fsync, file.fileno())
    return Response(status_code=204)

source = OwnSource(GitRepository(url, folder / "view.git"), 3600)
outbox = Outbox(folder / "outbox", lambda: GitRepository(url, folder / "own.git"), push=False)
page = Page(source, outbox, lambda: "a <a@b>", b"secret", folder)
app = Starlette(routes=[Route("/plain", plain, methods=["GET", "PUT"]), Mount("/", create_app(page))])
uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
"""


def measure(rounds: int, megabytes: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("WINSLOW_BENCH")) as name:
        folder = Path(name)
        init(folder / "state.git", bare=True, files={"winslow.yaml": "schema: 1\n"}, author="a <a@b>")
        GitRepository(str(folder / "state.git"), folder / "view.git").fetch()
        port = _free_port()
        command = [sys.executable, "-c", SERVER, str(folder / "state.git"), name, str(port)]
        server = subprocess.Popen(command)
        try:
            _wait(port)
            return _Bench(folder, port, server.pid, megabytes).measure(rounds)
        finally:
            server.kill()
            server.wait()


class _Bench:
    def __init__(self, folder: Path, port: int, pid: int, megabytes: int) -> None:
        self.folder, self.port, self.megabytes = folder, port, megabytes
        self.process, self.most, self.number = psutil.Process(pid), 0, 0
        self.content = os.urandom(1 << 20) * 64

    def measure(self, rounds: int) -> dict[str, object]:
        took: dict[str, list[float]] = {"upload": [], "put": [], "download": [], "get": []}
        for _ in range(rounds):
            took["put"].append(timed(self._put))
            took["upload"].append(timed(self._upload))
            took["get"].append(timed(lambda: self._get("/plain")))
            took["download"].append(timed(lambda: self._get("/raw/pool/film")))
        median = {name: spread(values)["median"] for name, values in took.items()}
        return {
            "megabytes": self.megabytes,
            **{name: spread(values) for name, values in took.items()},
            "upload_to_put": {"ratio": round(median["upload"] / median["put"], 2), "goal": 2.0},
            "download_to_get": {"ratio": round(median["download"] / median["get"], 2), "goal": 2.0},
            "rss": {"megabytes": round(self.most / 2**20), "goal": 100},
        }

    def _looked(self) -> None:
        self.most = max(self.most, self.process.memory_info().rss)

    def _pieces(self) -> Iterator[bytes]:
        left = self.megabytes << 20
        while left:
            piece = self.content[: min(left, PIECE)]
            left -= len(piece)
            self._looked()
            yield piece

    def _put(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("PUT", "/plain", body=self._pieces(), headers={"content-length": str(self.megabytes << 20)})
        assert connection.getresponse().status == 204

    def _upload(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        told = f"where {b64encode(b'pool:film').decode()},replace {b64encode(b'true').decode()}"
        head = {"Tus-Resumable": "1.0.0"}
        connection.request("POST", "/uploads", headers={**head, "Upload-Length": str(self.megabytes << 20),
                                                        "Upload-Metadata": told})  # fmt: skip
        answer = connection.getresponse()
        answer.read()
        where, offset = str(answer.getheader("location")), 0
        for piece in self._pieces():
            kind = "application/offset+octet-stream"
            headers = {**head, "Upload-Offset": str(offset), "Content-Type": kind}
            connection.request("PATCH", where, body=piece, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204, answer.status
            offset += len(piece)

    def _get(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        while answer.read(1 << 20):
            self._looked()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not start")
