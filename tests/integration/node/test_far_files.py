"""R1310, R1320, R1340: the pool and files of another node, by the command on this one."""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peer.client.executions import FarNode
from peer.client.files import ONCE, ONCE_HEADER, FarShelf, shelf_path, signed_too
from peer.client.signed import Key, Peers
from runner import durable
from runner.files.shared_folder import ShelfError
from schema.execution import State
from schema.node import Inventory
from tests.integration.node.lab import Lab, stage
from tests.integration.node.test_far import until, winslowctl
from tests.integration.node.test_peers import Fleet

Labs = Callable[..., Lab]
LEAVES = (
    "os.makedirs('d/e'); open('d/e/1', 'w').write('one'); open('d/2', 'w').write('two'); open('t', 'w').write('old')"
)
SEES = "open('seen', 'w').write(open('t').read())"


@pytest.fixture
def fleet(lab: Labs) -> Iterator[Fleet]:
    """n1 runs stage one, n2 stage two; the command is n2's."""
    stages = stage("one", LEAVES, node="{labels: [n1]}") + stage("two", SEES, node="{labels: [n2]}")
    made = Fleet(lab(stages, lost_after="20s"))
    for name in ("n1", "n2"):
        made.start(name)
    made.lab.until(lambda _: len(made.lab.repository.fetch().inventories) == 2)
    until(made, lambda: winslowctl(made, "files", "ls", "pool:", "--node", "n1").returncode == 0)
    yield made
    made.close()


def told(fleet: Fleet, *arguments: str) -> str:
    said = winslowctl(fleet, *arguments)
    assert said.returncode == 0, said
    return said.stdout


def pool(fleet: Fleet) -> Path:
    return fleet.lab.folder / "n1" / "pool"


def test_R1310_R1320_R1340_the_pool_of_another_node_is_filled_listed_read_and_emptied(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.mp4").write_bytes(os.urandom(3 << 20))
    (tmp_path / "day" / "b é.txt").write_text("b")
    told(fleet, "files", "put", str(tmp_path / "day"), "pool:in/", "--node", "n1")
    assert (pool(fleet) / "in" / "day" / "a.mp4").read_bytes() == (tmp_path / "day" / "a.mp4").read_bytes()
    listed = json.loads(told(fleet, "files", "ls", "pool:in/day", "--node", "n1", "-o", "json"))
    assert [(row["path"], row["bytes"]) for row in listed] == [("in/day/a.mp4", 3 << 20), ("in/day/b é.txt", 1)]
    assert json.loads(told(fleet, "files", "du", "pool:", "--node", "n1", "-o", "json"))[0]["files"] == 2
    assert not list((fleet.lab.folder / "n2" / "pool").iterdir())
    [row] = json.loads(told(fleet, "files", "ls", "pool:in/day/a.mp4", "-o", "json"))
    assert (row["path"], row["nodes"]) == ("in/day/a.mp4", ["n1"])  # of every pool, with where it lies
    again = winslowctl(fleet, "files", "put", str(tmp_path / "day" / "a.mp4"), "pool:in/day/", "--node", "n1")
    assert again.returncode == 1
    assert "there already" in again.stderr
    told(fleet, "files", "get", "pool:in", "--node", "n1", "--to", str(tmp_path / "got"))
    assert (tmp_path / "got" / "day" / "a.mp4").read_bytes() == (tmp_path / "day" / "a.mp4").read_bytes()
    told(fleet, "files", "rm", "pool:in/day/a.mp4", "--node", "n1", "--yes")
    assert [path.name for path in (pool(fleet) / "in" / "day").iterdir()] == ["b é.txt"]
    told(fleet, "files", "put", str(tmp_path / "day" / "b é.txt"), "v:notes/", "--node", "n1")
    assert (fleet.lab.folder / "n1" / "projects" / "v" / "files" / "notes" / "b é.txt").read_text() == "b"


def test_R1310_a_file_is_put_into_the_pools_of_all_nodes_and_who_did_not_take_it_is_named(
    fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(os.urandom(1 << 20))
    said = told(fleet, "files", "put", str(tmp_path / "a.mp4"), "pool:in/", "--all-nodes")
    assert [line.split()[1:] for line in said.splitlines()] == [["n1", "pool:in/a.mp4"], ["n2", "pool:in/a.mp4"]]
    for name in ("n1", "n2"):
        lies = fleet.lab.folder / name / "pool" / "in" / "a.mp4"
        assert lies.read_bytes() == (tmp_path / "a.mp4").read_bytes()
    again = told(fleet, "files", "put", str(tmp_path / "a.mp4"), "pool:in/", "--all-nodes")
    assert again == said
    (fleet.lab.folder / "n1" / "pool" / "in" / "a.mp4").write_text("another")
    refused = winslowctl(fleet, "files", "put", str(tmp_path / "a.mp4"), "pool:in/", "--all-nodes")
    assert refused.returncode == 1
    assert "not on all nodes: n1: " in refused.stderr
    assert "there already" in refused.stderr
    assert refused.stdout.split()[1] == "n2"
    wrong = winslowctl(fleet, "files", "put", str(tmp_path / "a.mp4"), "v:in/", "--all-nodes")
    assert (wrong.returncode, "for the pool alone" in wrong.stderr) == (2, True)


def test_R1320_M11_a_file_that_is_put_in_for_an_execution_of_another_node_reaches_the_next_stage(
    fleet: Fleet, tmp_path: Path
) -> None:
    fleet.lab.ask("request: start\nthen: pause")
    fleet.lab.until_reason("PauseRequested")
    (tmp_path / "mine").write_text("new")
    said = told(fleet, "files", "put", str(tmp_path / "mine"), "v/1/t")
    told(fleet, *re.findall(r"winslowctl (.*)", said)[0].split())
    view = fleet.lab.until_reason("Done")
    assert [(each.state, each.claim.node) for each in view.executions] == [
        (State.SUCCEEDED, "n1"), (State.SUCCEEDED, "n2")
    ]  # fmt: skip
    for what, words in (("v/2/seen", "new"), ("v/1/t", "old")):
        told(fleet, "files", "get", what, "--to", str(tmp_path / "got"))
        assert (tmp_path / "got").read_text() == words
    told(fleet, "files", "get", "v/1/d", "--to", str(tmp_path / "d"))
    assert {str(p.relative_to(tmp_path / "d")) for p in (tmp_path / "d").rglob("*") if p.is_file()} == {"2", "e/1"}
    listed = json.loads(told(fleet, "files", "ls", "v/1/d", "-o", "json"))
    assert [row["path"] for row in listed] == ["d/2", "d/e/1"]
    whence = json.loads(told(fleet, "provenance", str(tmp_path / "d" / "e" / "1"), "-o", "json"))
    assert (whence["project"], whence["execution"], whence["as"]) == ("v", 1, "d/e/1")


def test_M11_what_a_person_put_in_on_this_machine_is_fetched_from_it(fleet: Fleet, tmp_path: Path) -> None:
    """The content lies where the page or the command of that machine put it, which no record says."""
    fleet.lab.ask("request: start\nthen: pause")
    fleet.lab.until_reason("PauseRequested")
    from runner.store.workspaces import Workspaces

    (tmp_path / "mine").write_text("from the third")
    fleet.start("n3")
    fleet.lab.until(lambda _: len(fleet.lab.repository.fetch().inventories) == 3)
    added = Workspaces(fleet.lab.folder / "n3").add_file(tmp_path / "mine")
    fleet.lab.ask(f"request: resume\nworkspace: {{from: 1, add: {{t: '{added.digest}'}}}}")
    fleet.lab.until_reason("Done")
    told(fleet, "files", "get", "v/2/seen", "--to", str(tmp_path / "got"))
    assert (tmp_path / "got").read_text() == "from the third"


def test_a_content_that_nobody_has_is_named(fleet: Fleet) -> None:
    fleet.lab.ask("request: start\nthen: pause")
    fleet.lab.until_reason("PauseRequested")
    fleet.lab.ask(f"request: resume\nworkspace: {{from: 1, add: {{t: 'blake3:{'0' * 64}'}}}}")
    view = fleet.lab.until_reason("Failed")
    text = view.executions[-1].text or ""
    assert "put it in again" in text
    assert "0000" in text


# -- below the command -------------------------------------------------------------------------------------------------


def shelf(fleet: Fleet, tmp_path: Path, name: str = "pool:") -> FarShelf:
    peers = Peers("n2", Key(fleet.lab.folder / "n2" / "node" / "peer.key"))
    peers.known = {"n1": Inventory(node="n1", incarnation="i", address=fleet.addresses["n1"])}
    return FarShelf(FarNode(peers, "n1"), name, tmp_path / "uploads")


def test_F24_an_upload_to_another_node_goes_on_and_is_invisible_until_it_is_whole(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peer.client.files.SENT", 1 << 20)
    source = tmp_path / "film"
    source.write_bytes(os.urandom(5 << 20))

    class Killed(Exception):
        pass

    def killed(done: int, size: int) -> None:
        if done >= 3 << 20:
            raise Killed

    with pytest.raises(Killed):
        shelf(fleet, tmp_path).put(source, "film", progress=killed)
    assert winslowctl(fleet, "files", "ls", "pool:", "--node", "n1", "-o", "json").stdout.strip() == "[]"
    fleet.end("n1")
    fleet.start("n1")
    until(fleet, lambda: winslowctl(fleet, "files", "ls", "pool:", "--node", "n1").returncode == 0)
    seen: list[int] = []
    shelf(fleet, tmp_path).put(source, "film", progress=lambda done, size: seen.append(done))
    assert seen[0] > 2 << 20
    assert (pool(fleet) / "film").read_bytes() == source.read_bytes()
    assert not list((tmp_path / "uploads").iterdir())


def test_F24_what_came_otherwise_than_promised_is_refused(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "film"
    source.write_bytes(b"x" * 1000)
    monkeypatch.setattr("runner.store.digests.of_file", lambda path: "blake3:" + "1" * 64)
    with pytest.raises(ShelfError, match="the file changed meanwhile"):
        shelf(fleet, tmp_path).put(source, "film")
    assert not [path for path in pool(fleet).iterdir() if not path.name.endswith(".part")]


def test_S9_S11_strangers_replays_and_paths_that_lead_out_change_nothing(fleet: Fleet, tmp_path: Path) -> None:
    (pool(fleet) / "keep").write_text("keep")
    key = Key(fleet.lab.folder / "n2" / "node" / "peer.key")
    address = fleet.addresses["n1"]
    path = shelf_path("file", "pool:keep")

    def ask(method: str, path: str, header: str, once: str = "") -> tuple[int, str]:
        headers = {"Authorization": header, **({ONCE_HEADER: once} if once else {})}
        question = urllib.request.Request(f"http://{address}{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(question, timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    word = ask("GET", ONCE, key.header("n2", "n1", ONCE))[1]
    more = signed_too({ONCE_HEADER: word})
    for header, once in (
        ("", word),
        (key.header("n2", "n1", path), word),
        (key.header("n2", "n1", path, "DELETE", signed_too({})), ""),
        (key.header("n2", "n1", path, "DELETE", signed_too({ONCE_HEADER: "made up"})), "made up"),
        (Key(tmp_path / "stranger").header("n2", "n1", path, "DELETE", more), word),
    ):
        assert ask("DELETE", path, header, once)[0] == 401
    good = key.header("n2", "n1", path, "DELETE", more)
    assert ask("DELETE", path, good, word)[0] == 204
    (pool(fleet) / "keep").write_text("again")
    assert ask("DELETE", path, good, word)[0] == 401
    assert (pool(fleet) / "keep").read_text() == "again"
    far = shelf(fleet, tmp_path)
    for bad in ("../node/peer.key", "/etc/passwd", "a/../../x", "x\0y"):
        with pytest.raises(ShelfError):
            list(far.items(bad))
        with pytest.raises(ShelfError):
            far.remove(bad)
        with pytest.raises(ShelfError):
            far.put(fleet.lab.folder / "n1.log", bad)
    assert durable.read(fleet.lab.folder / "n1" / "view.json")


# -- inputs ------------------------------------------------------------------------------------------------------------


def test_M8_a_stage_that_reads_the_pool_runs_where_the_file_is(lab: Labs) -> None:
    """Of nodes without `--peer`: of others one may fetch the file where its holder is slow to take the stage."""
    here = lab(stage("one"), lost_after="20s")
    text = f"name: p\nenv: {{RUNS: {here.runs}}}\ninputs: {{video: {{type: file}}}}\nstages:\n{stage('one')}"
    here.edit({"pipelines/p.yaml": text})
    for name in ("n1", "n2", "n3"):
        (here.folder / name / "pool").mkdir(parents=True)
        here.node(name)
    here.until(lambda _: len(here.repository.fetch().inventories) == 3)
    for number in range(4):
        (here.folder / "n3" / "pool" / f"{number}.mp4").write_text("film")
        here.ask(f"request: start\ninputs: {{video: {number}.mp4}}")
        view = here.until(lambda view, n=number: len([e for e in view.executions if e.state.ended]) == n + 1)  # type: ignore[misc]
        assert (view.executions[-1].claim.node, view.executions[-1].state) == ("n3", State.SUCCEEDED)
    here.ask("request: start\ninputs: {video: nowhere.mp4}")
    view = here.until_reason("Failed")
    assert "no file 'nowhere.mp4' in the pool of this node" in view.executions[-1].text


# -- a bad disk --------------------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_M11_an_object_that_the_disk_damaged_is_found_named_and_fetched_anew_from_another_holder(
    lab: Labs, tmp_path: Path
) -> None:
    stages = stage("one", "open('t', 'wb').write(b'x' * 50000)", node="{labels: [n1]}")
    stages += stage("two", "open('seen', 'w').write(str(set(open('t', 'rb').read())))", node="{labels: [n2]}")
    stages += stage("three", "open('size', 'w').write(str(set(open('t', 'rb').read())))", node="{labels: [n1]}")
    fleet = Fleet(lab(stages, lost_after="20s"))
    try:
        for name in ("n1", "n2"):
            fleet.start(name)
        fleet.lab.ask("request: start\nthen: pause\nstage: one")
        fleet.lab.until_reason("PauseRequested")
        fleet.lab.ask("request: resume\nthen: pause")
        fleet.lab.until(lambda view: len([e for e in view.executions if e.state is State.SUCCEEDED]) == 2)
        assert "nothing is damaged" in told(fleet, "files", "check")
        from runner.store.workspaces import Workspaces

        first = Workspaces(fleet.lab.folder / "n1")
        flip(first.objects.find(first.look("v", 1).row("t").value))
        checked = winslowctl(fleet, "--data", str(fleet.lab.folder / "n1"), "files", "check")
        assert checked.returncode == 1
        assert "v/1/t" in checked.stdout
        fleet.lab.ask("request: start\nstage: two\nthen: pause\nworkspace: {from: 1}")
        fleet.lab.until(lambda view: len([e for e in view.executions if e.state.ended]) == 3)
        view = fleet.lab.view()
        assert view.executions[-1].state is State.SUCCEEDED
        fleet.lab.ask("request: start\nstage: three\nthen: pause\nworkspace: {from: 1}")
        view = fleet.lab.until(lambda view: len([e for e in view.executions if e.state.ended]) == 4)
        assert (view.executions[-1].claim.node, view.executions[-1].state) == ("n1", State.SUCCEEDED)
        assert first.look("v", 4).read("size", 100) == b"{120}"
    finally:
        fleet.close()
