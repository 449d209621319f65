"""What stays open while somebody looks ends with the right to look: at a log-out, and at a removal by command."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn

from schema.access import Role
from schema.execution import State
from state.git.git_repository import GitRepository
from tests.browser.house import COMMAND, ROOT
from tests.integration.node.lab import HANG, Lab, stage
from webui.access.authenticator import Logins
from webui.access.sessions import Sessions
from webui.access.tokens import Tokens
from webui.access.users import Users
from webui.asgi import streams
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

WORDS = "correct horse battery"
LOG = "/projects/v/executions/1/log"
HTML = {"accept": "text/html"}


@pytest.fixture
def running(lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Lab, str, Logins]]:
    """The page on a real port, behind logins, beside a stage that prints once and goes on."""
    monkeypatch.setattr(streams, "STILL_THERE", 0.2)
    here = lab(stage("one", "print('hello', flush=True); time.sleep(600)"))
    here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    data = here.folder / "n1"
    own = data / "web"
    own.mkdir(parents=True, exist_ok=True)
    logins = Logins(Users(own), Tokens(own), Sessions(b"secret", 3600, own), lambda: None)
    for name in ("ada", "eve"):
        logins.users.put(name, f"{name}@example.org", name.title(), WORDS)
    outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
    page = Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data, logins=logins)
    server = uvicorn.Server(uvicorn.Config(create_app(page), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    here.until(lambda _: server.started)
    yield here, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", logins
    server.should_exit = True
    thread.join(30)


@contextmanager
def browser(url: str, name: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=HANG, headers=HTML) as made:
        form = {"name": name, "password": WORDS, "csrf_token": token(made.get("/login").text)}
        assert made.post("/login", data=form).status_code == 303
        yield made


def token(text: str) -> str:
    return text.split('name="csrf_token" value="')[1].split('"')[0]


def ends(client: httpx2.Client, loss: Callable[[], object]) -> None:
    """Both streams are open, and stay so until `loss`; then they end by themselves."""
    with ExitStack() as opened:
        log = opened.enter_context(client.stream("GET", LOG))
        events = opened.enter_context(client.stream("GET", "/events?seen=another"))
        heard, told = log.iter_lines(), events.iter_lines()
        assert next(line for line in heard if "hello" in line)
        assert next(line for line in told if line == "event: any")
        loss()
        rest = [*heard, *told]  # a stream that never ends is a timeout here
        assert not any(line.startswith("event: end") for line in rest), "the log itself has not ended"
    assert client.get("/events", follow_redirects=False).status_code in (303, 401)


def winslowctl(data: Path, *arguments: str) -> None:
    subprocess.run([*COMMAND, "--data", str(data), *arguments], cwd=ROOT, check=True, timeout=HANG, capture_output=True)


def test_S7_open_streams_end_at_a_log_out_and_with_a_user_or_a_token_that_is_removed(
    running: tuple[Lab, str, Logins],
) -> None:
    here, url, logins = running
    data = here.folder / "n1"
    with browser(url, "ada") as ada, browser(url, "ada") as elsewhere:
        form = {"csrf_token": token(ada.get("/projects/v").text)}
        ends(ada, lambda: ada.post("/logout", data=form))
        assert elsewhere.get("/projects/v").status_code == 200, "another log-in of hers goes on"
    with browser(url, "eve") as eve:
        ends(eve, lambda: winslowctl(data, "web", "users", "rm", "eve"))
    secret = logins.tokens.make("robot", "R <r@example.org>", Role.READER)
    program = {"authorization": f"Bearer {secret}", **HTML}
    with httpx2.Client(base_url=url, timeout=HANG, headers=program) as robot:
        ends(robot, lambda: winslowctl(data, "web", "tokens", "rm", "robot"))
