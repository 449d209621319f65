"""A front before git's own http backend that gives any answer that a test wants: in this process, without nginx."""

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the front itself. `status` 0 closes the connection without one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"<html><body><h1>Not git</h1></body></html>\n"


@dataclass(slots=True)
class Asked:
    """A rule may change the body that is passed on."""

    method: str
    path: str
    push: bool
    body: bytes


Rule = Callable[[Asked], Answer | None]


class Front:
    """`rule` answers a request in the backend's place, or passes it on with None; `change` changes what that says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rule: Rule = lambda asked: None
        self.change: Callable[[Asked, bytes], bytes] = lambda asked, body: body
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, repository: Path) -> str:
        return f"http://127.0.0.1:{self.port}/{repository.relative_to(self.root)}"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Tests look at `asked`."""

        def _answer(self) -> None:
            body = self._body()
            asked = Asked(self.command, self.path, "receive-pack" in self.path, body)
            front.asked.append(asked)
            found = front.rule(asked)
            if found is None:
                found = self._backend(asked)
            if not found.status:
                self.close_connection = True
                return
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)

        def _backend(self, asked: Asked) -> Answer:
            path, _, query = asked.path.partition("?")
            given = {
                "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(front.root), "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": asked.method, "REMOTE_USER": "node",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(asked.body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }  # fmt: skip
            done = subprocess.run(
                ["git", "http-backend"], input=asked.body, env=given, capture_output=True, check=False
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n") if b": " in line)
            status = int(headers.pop("Status", "200").split()[0])
            return Answer(status, headers, front.change(asked, body))

        do_GET = do_POST = _answer

    return Handler
