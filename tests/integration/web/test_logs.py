"""The log of an execution as the page gives it: parts, search, the stream, the whole."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import uvicorn
from starlette.testclient import TestClient

from runner.logs import log_file
from runner.logs.archive import archive
from runner.store.packed import Packed
from schema.execution import State
from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab, stage
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

Labs = Callable[..., Lab]
LOG = "/projects/v/executions/1/log"
GO = "[time.sleep(0.02) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]; print('last words')"
TALK = f"print('hello', chr(27) + '[32mgreen' + chr(27) + '[0m', flush=True); {GO}"


def page_of(here: Lab) -> Page:
    data = here.folder / "n1"
    outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
    return Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data)


@pytest.fixture
def finished(lab: Labs) -> Iterator[tuple[Lab, TestClient, Path]]:
    here = lab(stage("one", "[print('line', n) for n in range(1, 2001)]"))
    here.node()
    here.ask("request: start")
    record = here.until_reason("Done").executions[0]
    with TestClient(create_app(page_of(here)), base_url="http://localhost") as client:
        here.until(lambda _: "s-succeeded" in client.get("/projects/v/1").text)
        yield here, client, here.folder / "n1" / "runs" / record.claim.container / "log"


def texts(page: str) -> list[str]:
    return [re.sub("<[^>]*>", "", each) for each in re.findall(r'<span class="tx">(.*?)</span></div>', page)]


def test_R1450_the_page_shows_the_end_with_the_events_and_pages_to_the_rest(
    finished: tuple[Lab, TestClient, Path],
) -> None:
    _, client, _ = finished
    text = client.get("/projects/v/1").text
    said = texts(text)
    assert said[-1] == "succeeded"
    assert said[-2] == "the program has ended with exit code 0"
    assert "line 2000" in said
    assert 'id="L2000"' in text
    earlier = re.search(r'href="(/projects/v/1\?before=\d+)"', text)
    assert earlier is not None
    assert "line 1600" in texts(client.get(earlier[1]).text)
    first = texts(client.get("/projects/v/1?from=0").text)
    assert first[0] == "claimed by n1"
    assert first.index("started") < first.index("line 1")
    assert 'id="L777"' in client.get("/projects/v/1?line=777").text


def test_R1450_a_search_says_where(finished: tuple[Lab, TestClient, Path]) -> None:
    _, client, _ = finished
    page = client.get(f"{LOG}/search?q=LINE+1234").text
    assert "?line=1234#L1234" in page
    assert texts(page) == [f"line {n}" for n in range(1232, 1237)]
    assert "No line shows this text" in client.get(f"{LOG}/search?q=LINE+1234&case=1&part=1").text


def test_R1450_the_whole_log_can_be_had_as_a_file(finished: tuple[Lab, TestClient, Path]) -> None:
    _, client, path = finished
    answer = client.get(f"{LOG}/raw")
    assert answer.content == path.read_bytes()
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''v-1-one.log")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_stream_of_what_has_ended_gives_the_end_and_closes(finished: tuple[Lab, TestClient, Path]) -> None:
    _, client, path = finished
    text = client.get(LOG, headers={"Last-Event-ID": f"{path.stat().st_size}-0"}).text
    assert "event: end" in text
    assert "line 2000" not in text, "it goes on where the browser stopped"
    assert "line 2000" in client.get(LOG).text
    assert "event: end" in client.get(LOG, headers={"Last-Event-ID": "999999999999-9"}).text


@pytest.mark.parametrize("path", ["9/log", "9/log/raw", "9/log/lines", "9/log/search?q=x", "9/log/number"])
def test_logs_that_are_not_there_are_not_found(finished: tuple[Lab, TestClient, Path], path: str) -> None:
    assert finished[1].get(f"/projects/v/executions/{path}").status_code == 404


@pytest.fixture
def served(lab: Labs) -> Iterator[tuple[Lab, str]]:
    """The page on a real port, beside a stage that waits for a word: the test client cannot stream."""
    here = lab(stage("one", TALK))
    here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    server = uvicorn.Server(uvicorn.Config(create_app(page_of(here)), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    here.until(lambda _: server.started)
    yield here, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


def test_M15_R1450_a_live_log_arrives_with_its_events_and_goes_on_after_a_break(served: tuple[Lab, str]) -> None:
    here, url = served
    ids: list[str] = []
    heard = ""
    with httpx2.stream("GET", url + LOG, timeout=45) as answer:
        for line in answer.iter_lines():
            heard += f"{line}\n"
            ids += [line[4:]] if line.startswith("id: ") else []
            if '<span class="f2">green</span>' in heard and "started" in heard and line == "":
                break
    assert heard.index("claimed by n1") < heard.index("started") < heard.index("hello")
    Path(f"{here.runs}.go").touch()
    rest = httpx2.get(url + LOG, headers={"Last-Event-ID": ids[-1]}, timeout=45).text
    assert "hello" not in rest
    assert rest.index("last words") < rest.index("the program has ended") < rest.index("succeeded")
    assert rest.rstrip().endswith("data: 1")


def test_S8_who_is_far_behind_is_told_what_was_left_out(served: tuple[Lab, str]) -> None:
    here, url = served
    record = here.view().executions[0]
    with (here.folder / "n1" / "runs" / record.claim.container / "log").open("a") as file:
        file.writelines(f"{log_file.stamp()} O {'x' * 100} {number}\n" for number in range(60_000))
    heard = ""
    with httpx2.stream("GET", f"{url}{LOG}?from=0-0", timeout=45) as answer:
        for line in answer.iter_lines():
            heard += line
            if f"{'x' * 100} 59999" in heard:
                break
    assert "bytes came faster than they could be shown" in heard
    assert len(heard) < 1_000_000


def test_R1450_an_archived_log_is_shown_as_it_was(finished: tuple[Lab, TestClient, Path]) -> None:
    here, client, path = finished
    size = path.stat().st_size
    asked = [
        f"{LOG}/raw", LOG, f"{LOG}/lines?line=777", f"{LOG}/lines?from=0", f"{LOG}/lines?before={size // 2}",
        f"{LOG}/number?at={size - 1}", f"{LOG}/search?q=LINE+1234&part=1",
        "/api/v1/projects/v/executions/1/log?offset=-100", "/api/v1/projects/v/executions/1/log?offset=300&limit=77",
    ]  # fmt: skip
    before = [client.get(place).content for place in asked]
    assert archive(path.parent, Packed(here.folder / "n1" / "store"))
    assert [client.get(place).content for place in asked] == before
    assert not path.exists()
    assert "line 2000" in texts(client.get("/projects/v/1").text)


def test_R1450_of_a_damaged_archive_the_page_shows_head_and_tail_and_says_why(
    finished: tuple[Lab, TestClient, Path],
) -> None:
    here, client, path = finished
    packed = Packed(here.folder / "n1" / "store")
    assert archive(path.parent, packed)
    for _, place in packed.all():
        place.write_bytes(b"nothing")
    text = client.get("/projects/v/1").text
    assert "is damaged" in text
    assert "line 2000" in texts(text)
