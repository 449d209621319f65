"""Questions among nodes: who asked is proved by a signature, and a download goes on where it was cut off."""

import socket
import threading
from pathlib import Path

import pytest

from peer.client.signed import Download, Key, PeerAway, PeerRequest, Peers, asker, object_path
from runner.store.errors import MissingObject
from schema.node import Inventory

PATH = object_path("blake3:" + "a" * 64)


def test_S9_only_the_node_itself_can_sign_and_only_for_this_question(tmp_path: Path) -> None:
    mine, other = Key(tmp_path / "mine"), Key(tmp_path / "other")
    known = {"n1": mine.public, "n2": other.public}
    header = mine.header("n1", "n9", PATH)

    def who(text: str, asked: str = "n9", path: str = PATH) -> str | None:
        return asker(text, asked, path, lambda node: known.get(node, ""))

    assert who(header) == "n1"
    assert who(header, asked="n8") is None
    assert who(header, path=PATH + "b") is None
    assert who(header.replace("n1", "n2")) is None
    assert who(header.replace("n1", "stranger")) is None
    for rubbish in ("", "Winslow", "Winslow n1 ???", "Bearer x y", "Winslow n1 " + "A" * 10_000):
        assert who(rubbish) is None


def test_the_key_is_kept_and_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "node" / "peer.key"
    assert Key(path).public == Key(path).public
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_node_without_address_or_key_cannot_be_asked(tmp_path: Path) -> None:
    peers = Peers("me", Key(tmp_path / "key"))
    peers.known = {
        "silent": Inventory(node="silent", incarnation="i"),
        "me": Inventory(node="me", incarnation="i", address="x:1"),
    }
    assert [peers.source(node) for node in ("silent", "me", "unknown")] == [None, None, None]
    assert Peers("me", None).source("silent") is None


class Server:
    """Answers each connection with the next of its answers, and notes what was asked for."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.asked = list(answers), list[str]()
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def _run(self) -> None:
        for answer in self.answers:
            connection, _ = self.socket.accept()
            self.asked.append(connection.recv(65536).decode())
            connection.sendall(answer)
            connection.close()


@pytest.fixture
def serve() -> type[Server]:
    return Server


def download(server: Server) -> Download:
    return Download(PeerRequest("n1", server.address, PATH, "Winslow me x"), lambda seconds: None)


def test_what_was_cut_off_goes_on_where_it_stopped(serve: type[Server]) -> None:
    server = serve(
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234",
        b"",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nContent-Range: bytes 5-9/10\r\n\r\n56789",
    )
    with download(server) as file:
        assert b"".join(iter(lambda: file.read(4), b"")) == b"0123456789"
    assert ["bytes=0-" in server.asked[0], "bytes=5-" in server.asked[2]] == [True, True]


def test_one_that_has_it_not_and_one_that_refuses_say_so(serve: type[Server]) -> None:
    with (
        pytest.raises(MissingObject, match="n1 has no blake3"),
        download(serve(b"HTTP/1.1 404 Not Found\r\n\r\n")) as file,
    ):
        file.read(1)
    with pytest.raises(PeerAway, match="401"), download(serve(b"HTTP/1.1 401 Unauthorized\r\n\r\n")) as file:
        file.read(1)


def test_one_that_never_answers_is_given_up(serve: type[Server]) -> None:
    with pytest.raises(PeerAway, match="does not answer"), download(serve(*[b""] * 5)) as file:
        file.read(1)
