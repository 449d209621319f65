"""yaml-language-server as an editor talks to it: documents are opened, what it says of each is waited for."""

import json
import subprocess
import threading
from pathlib import Path
from queue import Queue
from typing import Any

HANG = 120.0


class LanguageServer:
    """`settings` are those of an editor below `yaml`. `uri` of a document says which of them hold for it."""

    def __init__(self, program: Path, settings: dict[str, Any]) -> None:
        self.settings, self._last = settings, 0
        self._said: dict[str, Queue[list[dict[str, Any]]]] = {}
        self._answers: dict[int, Queue[Any]] = {}
        self.process = subprocess.Popen(
            [str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self._listen, daemon=True).start()
        can = {"workspace": {"configuration": True}, "textDocument": {"hover": {"contentFormat": ["plaintext"]}}}
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": can})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": settings}})

    def problems(self, uri: str, text: str) -> list[str]:
        """What an editor underlines once the document is opened."""
        self._said[uri] = Queue()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return [each["message"] for each in self._said[uri].get(timeout=HANG)]

    def hover(self, uri: str, line: int, column: int) -> str:
        """What is shown beside a word; places count from 0."""
        where = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
        found = self.ask("textDocument/hover", where)
        return json.dumps(found["contents"]) if found else ""

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        self._last += 1
        answer = self._answers[self._last] = Queue()
        self._send({"id": self._last, "method": method, "params": parameters})
        return answer.get(timeout=HANG)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def _tell(self, method: str, parameters: dict[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _listen(self) -> None:
        out = self.process.stdout
        assert out
        while line := out.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                line = out.readline()
            self._take(json.loads(out.read(length)))

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            said = message["params"]
            if said["uri"] in self._said:
                self._said[said["uri"]].put(said["diagnostics"])
        elif message.get("method") == "workspace/configuration":
            asked = [each.get("section", "") for each in message["params"]["items"]]
            self._send({"id": message["id"], "result": [self.settings if each == "yaml" else {} for each in asked]})
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": None})
        elif "id" in message and "method" not in message:
            self._answers[message["id"]].put(message.get("result"))
