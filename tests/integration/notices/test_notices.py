"""Notices as they reach somebody: a real node, real HTTP, and addresses that are never connected to."""

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from controller.notify.notifier import Notifier
from controller.notify.send import apart, forbidden
from flow.status.notices import Notice
from schema.execution import State
from schema.notify import Subject
from state.transport import credentials
from tests.browser.house import COMMAND, ROOT
from tests.integration.cli.command import Command
from tests.integration.node.lab import HANG, UNTIL_TOLD, Lab, stage
from tests.integration.node.test_peers import free_port
from tests.servers.doors import certificate

Labs = Callable[..., Lab]


class Inbox:
    """A service that takes notices, or sends them on to somewhere."""

    def __init__(self, redirect: str = "", status: int = 200, *, long: bool = False) -> None:
        self.got: list[dict[str, str]] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                inbox.got.append(json.loads(body))
                self.send_response(307 if redirect else status)
                if redirect:
                    self.send_header("location", redirect)
                self.end_headers()
                with suppress(OSError):
                    for _ in range(1500 if long else 0):  # more than a sender may take
                        self.wfile.write(bytes(1 << 20))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def until(self, count: int) -> list[str]:
        deadline = time.monotonic() + HANG
        while len(self.got) < count:
            assert time.monotonic() < deadline, self.got
            time.sleep(0.05)
        return [each["title"] for each in self.got]


@pytest.fixture
def inbox() -> Iterator[Callable[..., Inbox]]:
    made: list[Inbox] = []

    def make(redirect: str = "", status: int = 200, *, long: bool = False) -> Inbox:
        made.append(Inbox(redirect, status, long=long))
        return made[-1]

    yield make
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def targets(folder: Path, address: str, *, loopback: bool = False) -> Path:
    file = folder / "notify.yaml"
    file.write_text(f"loopback: {str(loopback).lower()}\ntargets:\n  ada: {address}\n")
    file.chmod(0o600)
    return file


def own_address() -> str:
    """An address of this machine that is not loopback, or nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def send(file: Path) -> str:
    return apart(file, json.dumps({"target": "ada", "subject": "failed", "title": "t", "text": "x"}))


def test_M12_a_long_answer_is_read_up_to_a_bound(inbox: Callable[..., Inbox], tmp_path: Path) -> None:
    box = inbox(long=True)
    assert "target 'ada' did not take it" in send(targets(tmp_path, f"json://127.0.0.1:{box.port}/", loopback=True))


def test_M12_R4_a_node_tells_what_it_committed_once(
    lab: Labs, inbox: Callable[..., Inbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = inbox()
    here = lab(stage("one") + "  - {name: look, when: manual}\n")
    file = targets(tmp_path, f"json://127.0.0.1:{box.port}/", loopback=True)
    monkeypatch.setenv("TEST_NOTIFY", str(file))
    here.edit({"projects/v/project.yaml": "pipeline: p\nnotify: [ada]\n"})
    node = here.node()
    here.ask("request: start")
    assert box.until(1) == ["v needs you"]
    here.until(lambda _: not list((here.folder / "n1" / "notices").rglob("*.json")))
    node.kill()
    here.node()
    here.ask("request: answer\nstage: look")
    here.until_reason("Done")
    assert box.until(2) == ["v needs you", "v is done"]


def test_M12_of_two_pages_and_a_wait_one_tells_that_the_last_node_was_lost(
    lab: Labs, inbox: Callable[..., Inbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after each of them was killed and began anew, with a node that came back and was lost again."""
    box = inbox()
    here = lab(stage("one", UNTIL_TOLD), lost_after="4s")
    here.edit({"winslow.yaml": "schema: 1\nlost_after: 4s\nnotify:\n  - {to: [ada], on: [node_lost]}\n"})
    file = targets(tmp_path, f"json://127.0.0.1:{box.port}/", loopback=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pages = [["web", "--address", f"127.0.0.1:{free_port()}", "--data", str(tmp_path / name)] for name in ("a", "b")]
    looking: list[subprocess.Popen[bytes]] = []

    def look() -> None:
        for each in looking:
            each.kill()
            each.wait()
        verbs = [*pages, ["wait", "v", "--for", "succeeded"]]
        commands = [[*COMMAND, *verb, "--repo", here.url, "--notify", str(file)] for verb in verbs]
        looking[:] = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for command in commands]

    def until_all_know(count: int) -> None:
        """Each of the three has found out whose it is to tell."""
        deadline = time.monotonic() + HANG
        while True:
            folders = [tmp_path / "a/web/notices", tmp_path / "b/web/notices", *tmp_path.glob("cache/*/*.notices")]
            known = [len(list((folder / "told").glob("*"))) for folder in folders]
            if known == [count] * 3:
                return
            assert time.monotonic() < deadline, known
            time.sleep(0.05)

    def lose_node() -> None:
        """Once it gives signs of life."""
        before = here.repository.fetch().heartbeats.get("n1")
        node = here.node()
        here.until(lambda _: here.repository.fetch().heartbeats.get("n1") != before)
        here.until(lambda view: any(each.state is State.RUNNING for each in view.executions))
        node.kill()

    here.ask("request: start")
    lose_node()
    look()
    try:
        until_all_know(1)
        assert box.until(1) == ["node n1 is lost"]
        look()
        lose_node()
        until_all_know(2)
        assert box.until(2) == ["node n1 is lost"] * 2
    finally:
        for each in looking:
            each.kill()
            each.wait()
        here.go()


def test_M12_an_address_that_hangs_or_is_dead_holds_up_nobody(inbox: Callable[..., Inbox], tmp_path: Path) -> None:
    alive, ill = inbox(), inbox(status=500)
    with socket.socket() as hanging, socket.socket() as dead:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        dead.bind(("127.0.0.1", 0))  # nobody listens
        ports = [hanging.getsockname()[1], dead.getsockname()[1], ill.port, alive.port]
        file = targets(tmp_path, str([f"json://127.0.0.1:{port}/" for port in ports]), loopback=True)
        notifier = Notifier(tmp_path / "notices", file, lambda text: None)
        titles = ["first", "second", "third"]
        notifier.put(Notice(title, Subject.FAILED, title, "look", ("ada",)) for title in titles)
        assert alive.until(3) == titles
        assert set(ill.until(1)) == {"first"}  # it is tried again later, and nothing before it


@pytest.mark.parametrize(
    ("status", "why"),
    [(500, "error=500"), (401, "error=401"), (307, "error=307 (it redirects, which is not")],
)
def test_M12_the_command_passes_on_why_an_address_took_nothing(
    inbox: Callable[..., Inbox], tmp_path: Path, status: int, why: str
) -> None:
    box = inbox(status=status)
    file = targets(tmp_path, f"json://127.0.0.1:{box.port}/secret-path", loopback=True)
    said = Command()("notify", "ada", "--file", str(file), code=1)
    assert "target 'ada' did not take it: " in said
    assert why in said
    assert "secret-path" not in said


def test_B7_a_service_whose_certificate_git_or_python_trusts_takes_notices(
    inbox: Callable[..., Inbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*credentials.BY_REQUESTS, *credentials.AUTHORITIES, "GIT_SSL_CAINFO"):
        monkeypatch.delenv(name, raising=False)
    box, file = inbox(), certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, tmp_path / "key.pem")
    box.server.socket = context.wrap_socket(box.server.socket, server_side=True)
    told = targets(tmp_path, f"jsons://127.0.0.1:{box.port}/", loopback=True)
    assert Command().run("notify", "ada", "--file", str(told)).code == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert Command().run("notify", "ada", "--file", str(told)).code == 0
    assert len(box.until(1)) == 1


def test_M12_the_command_says_that_an_address_is_forbidden(inbox: Callable[..., Inbox], tmp_path: Path) -> None:
    said = Command()("notify", "ada", "--file", str(targets(tmp_path, f"json://127.0.0.1:{inbox().port}/")), code=1)
    assert "an address on this machine or link-local: not connected" in said


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1.2.3"])
def test_S10_an_address_on_this_machine_is_never_connected_to(
    inbox: Callable[..., Inbox], tmp_path: Path, address: str
) -> None:
    box = inbox()
    said = send(targets(tmp_path, f"json://{address}:{box.port}/secret-path"))
    assert "did not take it" in said
    assert "secret-path" not in said
    assert not box.got


def test_S10_a_redirect_to_this_machine_is_never_followed(inbox: Callable[..., Inbox], tmp_path: Path) -> None:
    if not (address := own_address()):
        pytest.skip("this machine has no address but loopback")
    inside = inbox()
    outside = inbox(f"http://127.0.0.1:{inside.port}/")
    said = send(targets(tmp_path, f"json://{address}:{outside.port}/?method=post"))
    assert outside.got, said
    assert not inside.got


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", True), ("224.0.0.1", True), ("10.1.2.3", False), ("192.168.0.7", False), ("8.8.8.8", False),
    ],
)  # fmt: skip
def test_S10_what_is_of_this_machine_or_of_a_link(host: str, refused: bool) -> None:
    assert forbidden(host) is refused


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("targets: {ada: json://h}\n", 0o644, "chmod 600"),
        ("targets: [", 0o600, "notify.yaml:2"),
        ("ada: x\n", 0o600, "a mapping `targets`"),
        ("targets: {bob: json://h}\n", 0o600, "no target 'ada'"),
        ("targets: {ada: 'nonsense://s3cret'}\n", 0o600, "does not understand"),
    ],
)
def test_a_file_that_is_no_good_is_said_without_its_secrets(tmp_path: Path, content: str, mode: int, said: str) -> None:
    file = tmp_path / "notify.yaml"
    file.write_text(content)
    file.chmod(mode)
    shown = Command()("notify", "ada", "--file", str(file), code=1)
    assert said in shown
    assert "s3cret" not in shown
