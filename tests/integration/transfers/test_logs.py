"""Full logs of a node that is away, or has lost everything: from a bucket, a shared store, a node that shares it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from runner.store.packed import Packed
from schema.execution import Execution, State
from state.git.git_repository import GitRepository
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage
from tests.integration.node.test_peers import free_port
from tests.integration.node.waiting import eventually
from tests.integration.transfers.fleet import Fleet
from tests.integration.transfers.server import BUCKET, Server
from webui.asgi.app import create_app
from webui.logs import logbook
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

Fleets = Callable[..., Fleet]
LINES = "[print('line', n, 'x' * 30) for n in range(5000)]"
LOG = "/projects/v/executions/1/log"
URL = f"s3://{BUCKET}/p"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a page that was just started."""
    monkeypatch.setattr(logbook, "_away", {})
    monkeypatch.setattr(logbook, "_asked", {})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "s3")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def fleets(lab: Callable[..., Lab]) -> Iterator[Fleets]:
    made: list[Fleet] = []

    def make(*options: str, **environment: str) -> Fleet:
        made.append(Fleet(lab(stage("one", LINES, node="{labels: [n1]}"), lost_after="8s"), list(options), environment))
        return made[-1]

    yield make
    for each in made:
        each.close()


def ran(fleet: Fleet, number: int = 1) -> tuple[Execution, str]:
    """A record, and its log, which is as old as if nobody had written to it for long."""
    fleet.lab.ask("request: start\nstage: one\n")
    record = fleet.lab.until_state(State.SUCCEEDED, number).execution(number)
    assert record
    log = fleet.lab.folder / "n1" / "runs" / record.claim.container / "log"
    text = log.read_text()
    os.utime(log, (0, 0))
    return record, text


def nudge(fleet: Fleet, name: str) -> None:
    fleet.lab.edit({"projects/v/project.yaml": f"pipeline: p\nname: {name}\n"})


def digest_of(record: Execution) -> str:
    assert record.log
    assert record.log.digest
    return record.log.digest


def sent(server: Server, record: Execution) -> Path:
    name = digest_of(record).removeprefix("blake3:")
    return server.folder / BUCKET / "p" / "packed" / name[:2] / name[2:]


def log(fleet: Fleet, node: str, what: str = "v/1") -> list[str]:
    """Its lines by the command, on the machine of that node."""
    data = fleet.lab.folder / node
    said = Command().run("--repo", str(fleet.lab.remote), "--data", str(data), "logs", what)
    assert said.code == 0, said
    return [line for line in said.out.splitlines() if not line.startswith("-- ")]


def page(fleet: Fleet, node: str) -> TestClient:
    data = fleet.lab.folder / node
    outbox = Outbox(data.with_suffix(".outbox"), lambda: GitRepository(str(fleet.lab.remote), data.with_suffix(".git")))
    made = Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data)
    return TestClient(create_app(made), base_url="http://localhost")


def test_R1450_M11_the_log_of_a_node_that_has_lost_everything_comes_from_the_bucket(
    fleets: Fleets, server: Server
) -> None:
    fleet = fleets("--bucket", URL, **server.environment)
    fleet.start("n1", failpoint="log-sent")
    record, text = ran(fleet)
    nudge(fleet, "archive it")
    fleet.died("n1")
    fleet.start("n1")
    assert eventually(lambda: sent(server, record).is_file())
    assert sent(server, record).stat().st_size < len(text) / 5
    fleet.end("n1", kill=True)
    shutil.rmtree(fleet.lab.folder / "n1")
    fleet.start("n2")
    fleet.lab.until(lambda _: "n2" in fleet.lab.repository.fetch().inventories)
    with page(fleet, "n2") as client:
        assert eventually(lambda: client.get("/projects/v/1").status_code == 200)
        assert eventually(lambda: client.get(f"{LOG}/raw").text == text)
        assert "2500" in client.get(f"{LOG}/search?q=line+2500+").text
        assert 'id="L2500"' in client.get("/projects/v/1?line=2500").text
        answer = client.get("/api/v1/projects/v/executions/1/log?offset=100&limit=500")
        assert answer.text == text[100:600]
        assert answer.headers["x-log-size"] == str(len(text))
    assert log(fleet, "n2") == text.splitlines()
    packed = Packed(fleet.lab.folder / "n2" / "store")
    assert packed.whole(digest_of(record))
    fleet.lab.edit({"projects/v/": None}, "delete v\n\nWinslow-Delete: now\n")
    assert eventually(lambda: not list(packed.folder.glob("*/*")))


def test_R1450_the_command_waits_for_the_bucket_and_says_so_if_that_has_it_not(fleets: Fleets, server: Server) -> None:
    fleet = fleets("--bucket", URL, **server.environment)
    fleet.start("n1")
    (record, text), (second, another) = ran(fleet), ran(fleet, 2)
    nudge(fleet, "archive them")
    assert eventually(lambda: sent(server, record).is_file() and sent(server, second).is_file())
    fleet.end("n1", kill=True)
    fleet.start("n2")
    fleet.lab.until(lambda _: "n2" in fleet.lab.repository.fetch().inventories)
    assert log(fleet, "n2") == text.splitlines()
    for path in (server.folder / BUCKET / "p" / "packed").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    server.restart()
    data = fleet.lab.folder / "n2"
    said = Command().run("--repo", str(fleet.lab.remote), "--data", str(data), "logs", "v/2")
    assert "the bucket has not got it" in said.err
    assert "this is what the repository has of its log" in said.err
    assert another.splitlines()[0] in said.out
    assert "bytes left out" in said.out
    assert "is not that" in fleet.told("n2"), "what is damaged is named"


def test_R1450_M11_while_the_bucket_is_away_logs_are_archived_and_stages_run(fleets: Fleets, server: Server) -> None:
    """They are sent when it is back: then again something is new, so nobody waits for the end of a rest."""
    fleet = fleets("--bucket", URL, **server.environment)
    fleet.start("n1")
    record, text = ran(fleet)
    server.kill()
    nudge(fleet, "archive it")
    assert eventually(lambda: "sending a log" in fleet.told("n1"))
    assert Packed(fleet.lab.folder / "n1" / "store").whole(digest_of(record))
    assert log(fleet, "n1") == text.splitlines()
    server.start()
    ran(fleet, 2)
    assert eventually(lambda: sent(server, record).is_file())
    assert fleet.told("n1").count("sending a log") == 1


def test_R1450_M11_logs_in_a_store_that_nodes_share_are_read_by_all_and_go_in_time(
    fleets: Fleets, tmp_path: Path
) -> None:
    shared = tmp_path / "nas"
    shared.mkdir()
    ports = {name: f"127.0.0.1:{free_port()}" for name in ("n1", "n2", "n3")}
    fleet = fleets()

    def start(name: str, *more: str) -> None:
        fleet.start(name, "--peer", ports[name], "--listen", ports[name], *more)

    start("n1", "--store", str(shared))
    record, text = ran(fleet)
    _, second = ran(fleet, 2)
    packed = Packed(shared)
    nudge(fleet, "archive them")
    assert eventually(lambda: len(list(packed.all())) == 2)
    fleet.end("n1", kill=True)
    start("n2", "--store", str(shared))
    start("n3")
    fleet.lab.until(lambda _: len(fleet.lab.repository.fetch().inventories) == 3)
    assert log(fleet, "n2") == text.splitlines()
    assert eventually(lambda: log(fleet, "n3") == text.splitlines()), "n2 shares the store with the node that is away"
    with page(fleet, "n3") as client:
        assert eventually(lambda: client.get(f"{LOG}/raw").text == text)
        assert "As n2 has it" in client.get("/projects/v/1").text
    start("n1", "--store", str(shared))
    fleet.lab.edit({"projects/v/project.yaml": "pipeline: p\nretention: {keep_logs: 1}\n"})
    assert eventually(lambda: not packed.has(digest_of(record)))
    assert log(fleet, "n2", "v/2") == second.splitlines()
    fleet.lab.edit({"projects/v/": None}, "delete v\n\nWinslow-Delete: now\n")
    assert eventually(lambda: not list(packed.folder.glob("*/*")))
