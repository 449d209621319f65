"""Two nodes that share a bucket and nothing else, a stage of each; everything between them dies once."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flow.model.snapshot import ProjectView
from runner.store import digests
from runner.store.workspaces import Workspaces
from schema.execution import State
from schema.file_input import FileInput
from tests.integration.cli.command import Command
from tests.integration.cli.conftest import command  # noqa: F401
from tests.integration.node.lab import Lab, stage
from tests.integration.transfers.fleet import Fleet
from tests.integration.transfers.server import BUCKET, ID, SECRET, Server

Labs = Callable[..., Lab]
MAKES = (
    "os.makedirs('a/b'); [open('a/b/' + str(n), 'wb').write(os.urandom(20000)) for n in range(40)]; "
    "open('big', 'wb').write(os.urandom(20000000)); os.chmod('big', 0o755); os.symlink('big', 'link')"
)
CHANGES = "open('a/b/7', 'a').write('more'); os.remove('a/b/8')"
URL = f"s3://{BUCKET}/p"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "s3")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def fleet(lab: Labs, server: Server) -> Iterator[Fleet]:
    stages = stage("one", MAKES, node="{labels: [n1]}") + stage("two", CHANGES, node="{labels: [n2]}")
    made = Fleet(lab(stages, lost_after="8s"), ["--bucket", URL], server.environment)
    yield made
    made.close()


def agree(fleet: Fleet, view: ProjectView) -> None:
    """What the second node has is what the first one left, but for what it changed."""
    good = [made for made in view.executions if made.state is State.SUCCEEDED]
    assert [made.claim.node for made in good] == ["n1", "n2"]
    there, here = (Workspaces(fleet.lab.folder / name) for name in ("n1", "n2"))
    before, after = there.look("v", good[0].execution), here.look("v", good[1].execution)
    assert {row.path for row in before.files()} - {row.path for row in after.files()} == {"a/b/8"}
    assert after.read("big", 1 << 26) == before.read("big", 1 << 26)


def test_M11_a_stage_on_another_node_gets_its_files_from_the_bucket(fleet: Fleet, server: Server) -> None:
    fleet.start("n1")
    fleet.lab.ask("request: start\nthen: pause")
    view = fleet.lab.until_reason("PauseRequested")
    result = view.executions[0].result
    assert result
    assert result.bucket == URL
    assert result.manifest
    assert server.path(result.manifest).is_file()
    fleet.end("n1")
    fleet.start("n2")
    fleet.lab.ask("request: resume")
    agree(fleet, fleet.lab.until_reason("Done"))
    assert f"from {URL}" in fleet.told("n2") or f"workspace: {URL}" in fleet.told("n2")
    for name in ("n1", "n2"):
        assert SECRET not in fleet.told(name)
    assert ID not in fleet.told("n1")


def test_M11_a_result_waits_for_the_bucket_and_is_not_lost(fleet: Fleet, server: Server) -> None:
    server.kill()
    fleet.start("n1")
    fleet.start("n2")
    fleet.lab.ask("request: start")
    fleet.lab.until(lambda _: "waits here until it is in the bucket" in fleet.told("n1"))
    assert fleet.lab.view().executions[0].state.active
    fleet.end("n1", kill=True)
    fleet.start("n1")
    server.start()
    agree(fleet, fleet.lab.until_reason("Done"))
    assert fleet.lab.ran() == ["one", "two"]


@pytest.mark.parametrize("at", [1, 17, 41])
def test_M11_a_node_killed_while_it_sends_sends_the_rest(fleet: Fleet, server: Server, at: int) -> None:
    fleet.start("n1", failpoint=f"object-sent:{at}")
    fleet.start("n2")
    fleet.lab.ask("request: start")
    fleet.died("n1")
    assert fleet.lab.view().executions[0].state.active
    fleet.start("n1")
    agree(fleet, fleet.lab.until_reason("Done"))
    assert fleet.lab.ran() == ["one", "two"]


def test_M11_a_node_killed_while_it_fetches_fetches_the_rest(fleet: Fleet) -> None:
    fleet.start("n1")
    fleet.start("n2", failpoint="object-came:20")
    fleet.lab.ask("request: start")
    fleet.died("n2")
    fleet.start("n2")
    agree(fleet, fleet.lab.until_reason("Done"))


def test_M11_the_server_killed_while_it_is_sent_to(fleet: Fleet, server: Server) -> None:
    fleet.start("n1")
    fleet.start("n2")
    fleet.lab.ask("request: start")
    fleet.lab.until(lambda _: len(server.objects()) > 5)
    server.restart()
    agree(fleet, fleet.lab.until_reason("Done"))
    assert fleet.lab.ran() == ["one", "two"]


def test_M11_what_is_damaged_in_the_bucket_comes_from_the_node_and_is_mended(fleet: Fleet, server: Server) -> None:
    from tests.integration.node.test_peers import free_port

    ports = {name: f"127.0.0.1:{free_port()}" for name in ("n1", "n2")}
    fleet.start("n1", "--peer", ports["n1"], "--listen", ports["n1"])
    fleet.lab.ask("request: start\nthen: pause")
    view = fleet.lab.until_reason("PauseRequested")
    assert view.executions[0].result
    rows = list(Workspaces(fleet.lab.folder / "n1").look("v", 1).files())
    big = next(row for row in rows if row.path == "big").value
    small = next(row for row in rows if row.path == "a/b/7").value
    good = server.path(big).read_bytes()
    server.path(big).write_bytes(bytes(len(good)))
    server.path(small).unlink()
    server.restart()
    fleet.start("n2", "--peer", ports["n2"], "--listen", ports["n2"])
    fleet.lab.ask("request: resume")
    agree(fleet, fleet.lab.until_reason("Done"))
    assert f"asked for {big}" in fleet.told("n2")
    assert server.path(big).read_bytes() == good
    assert server.path(small).is_file()


def test_what_nobody_has_whole_fails_the_stage_by_name(fleet: Fleet, server: Server) -> None:
    fleet.start("n1")
    fleet.lab.ask("request: start\nthen: pause")
    fleet.lab.until_reason("PauseRequested")
    big = next(row for row in Workspaces(fleet.lab.folder / "n1").look("v", 1).files() if row.path == "big").value
    server.path(big).write_bytes(b"rotten")
    server.restart()
    fleet.start("n2")
    fleet.lab.ask("request: resume")
    record = fleet.lab.until_state(State.FAILED, 2).execution(2)
    assert record
    assert big in (record.text or "")
    assert "damaged" in (record.text or "")


def test_R1320_M11_what_a_person_puts_in_is_in_the_bucket_before_the_request(
    fleet: Fleet,
    server: Server,
    tmp_path: Path,
    command: Callable[[Lab], Command],  # noqa: F811
) -> None:
    """The node that ran it is off when the next stage begins elsewhere."""
    fleet.start("n1")
    fleet.lab.ask("request: start\nthen: pause")
    fleet.lab.until_reason("PauseRequested")
    ctl = command(fleet.lab)
    (tmp_path / "mine").write_text("mine")
    said = ctl("files", "put", str(tmp_path / "mine"), "v/1/a/b/7")
    asked = re.findall(r"winslowctl (.*)", said)[0].split()
    digest = next(part.partition("=")[2] for part in asked if part.startswith("a/b/7="))
    assert server.path(digest).read_text() == "mine"
    fleet.end("n1")
    fleet.start("n2")
    ctl(*asked)
    view = fleet.lab.until_reason("Done")
    assert view.executions[-1].claim.node == "n2"
    assert Workspaces(fleet.lab.folder / "n2").look("v", view.executions[-1].execution).read("a/b/7", 99) == b"minemore"


def test_M11_a_list_of_files_of_which_nothing_can_be_read_comes_from_the_bucket_and_cleaning_up_goes_on(
    fleet: Fleet,
) -> None:
    fleet.start("n1")
    for number in (1, 2):
        fleet.lab.ask("request: start\nstage: one\nthen: pause\n")
        fleet.lab.until_state(State.SUCCEEDED, number)
    store = Workspaces(fleet.lab.folder / "n1")
    old = next(row for row in store.look("v", 1).files() if row.path == "big").value
    damaged = store.result("v", 2)
    assert damaged
    path = store.objects.find(damaged)
    path.write_bytes(bytes(path.stat().st_size))
    fleet.lab.edit({"projects/v/project.yaml": "pipeline: p\nretention: {keep_succeeded: 1}\n"})
    fleet.lab.until(lambda _: "is whole again" in fleet.told("n1"))
    assert fleet.told("n1").count("v/2: its list of files cannot be read") == 1
    fleet.lab.until(lambda _: not store.objects.has(old))
    assert store.look("v", 2).read("a/b/7", 1 << 20)


def test_T5_a_stage_that_must_run_elsewhere_gets_the_file_of_a_pool_by_the_bucket(fleet: Fleet, server: Server) -> None:
    """The stage runs on n2, the file is in the pool of n1, and neither answers the other."""
    reads = "open('seen', 'w').write(str(os.path.getsize(os.environ['INPUT_VIDEO'])))"
    lab, clip = fleet.lab, os.urandom(3 << 20)
    one = stage("one", reads, node="{labels: [n2]}")
    text = f"name: p\nenv: {{RUNS: {lab.runs}}}\ninputs: {{video: {{type: file}}}}\nstages:\n{one}"
    (lab.folder / "n1" / "pool").mkdir(parents=True)
    (lab.folder / "n1" / "pool" / "a.mp4").write_bytes(clip)
    lab.edit({"pipelines/p.yaml": text, "projects/v/project.yaml": "pipeline: p\ninputs: {video: a.mp4}\n"})
    for name in ("n1", "n2"):
        fleet.start(name)
    lab.until(lambda _: len(lab.repository.fetch().inventories) == 2)
    lab.ask("request: start")
    [run] = lab.until_reason("Done").executions
    digest = digests.of_bytes(clip)
    assert (run.state, run.claim.node) == (State.SUCCEEDED, "n2")
    assert run.inputs["video"] == FileInput(path="a.mp4", digest=digest, bytes=len(clip))
    assert server.path(digest).read_bytes() == clip == (lab.folder / "n2" / "pool" / "a.mp4").read_bytes()
    lab.until(lambda _: not lab.repository.fetch().inventories["n1"].lends)
