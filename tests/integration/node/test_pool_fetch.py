"""T5: a file that only another node's pool has arrives by digest where the stage has to run, and goes for room."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peer.client.pool_fetch import NotFetched, PoolFetch
from peer.client.signed import Key, Peers
from runner.store import digests
from schema.execution import State
from schema.file_input import FileInput
from schema.node import Inventory
from tests.integration.node.lab import Lab, stage
from tests.integration.node.test_far import until, winslowctl
from tests.integration.node.test_peers import Fleet

Labs = Callable[..., Lab]
READS = "open('seen', 'w').write(str(os.path.getsize(os.environ['INPUT_VIDEO'])))"
ON_N2 = stage("one", READS, node="{labels: [n2]}")
CLIP = os.urandom(3 << 20)


@pytest.fixture
def fleet(lab: Labs) -> Iterator[Fleet]:
    """The stage runs on n2 only."""
    made = Fleet(lab(ON_N2, lost_after="20s"))
    for name in ("n1", "n2"):
        made.start(name)
    made.lab.until(lambda _: len(made.lab.repository.fetch().inventories) == 2)
    until(made, lambda: winslowctl(made, "files", "ls", "pool:", "--node", "n1").returncode == 0)
    yield made
    made.close()


def pool(fleet: Fleet, node: str) -> Path:
    return fleet.lab.folder / node / "pool"


def fetching(fleet: Fleet) -> PoolFetch:
    data = fleet.lab.folder / "n2"
    peers = Peers("n2", Key(data / "node" / "peer.key"))
    peers.known = {"n1": Inventory(node="n1", incarnation="i", address=fleet.addresses["n1"])}
    return PoolFetch(data, data / "pool", peers)


def test_T5_a_file_of_another_pool_arrives_by_digest_and_is_dropped_only_while_it_is_what_came(fleet: Fleet) -> None:
    (pool(fleet, "n1") / "day").mkdir(parents=True)
    (pool(fleet, "n1") / "day" / "a.mp4").write_bytes(CLIP)
    here = fetching(fleet)
    told: list[tuple[int, int]] = []
    assert here.holder("day/nothing.mp4") == ""
    assert not here.bring("day/nothing.mp4", lambda *_: None)
    assert here.bring("day/a.mp4", lambda what, done, size: told.append((done, size)))
    came = pool(fleet, "n2") / "day" / "a.mp4"
    assert digests.of_file(came) == digests.of_file(pool(fleet, "n1") / "day" / "a.mp4")
    assert told[-1] == (3 << 20, 3 << 20)
    assert [path.name for path in came.parent.iterdir()] == ["a.mp4"]
    assert here.drop({"day/a.mp4"}) == []
    assert here.drop(()) == ["day/a.mp4"]
    assert not came.exists()
    here.bring("day/a.mp4", lambda *_: None)
    came.write_bytes(b"somebody's own")
    assert here.drop(()) == []
    assert came.read_bytes() == b"somebody's own"


def test_T5_what_is_another_file_by_the_time_it_came_is_not_taken(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pool(fleet, "n1") / "a.mp4").write_bytes(CLIP)
    wrong = f"blake3:{hashlib.sha256(b'').hexdigest()}"
    monkeypatch.setattr("peer.client.files.FarShelf.digest", lambda self, path: wrong)
    with pytest.raises(NotFetched, match="changed on n1 while it was fetched"):
        fetching(fleet).bring("a.mp4", lambda *_: None)
    assert not list(pool(fleet, "n2").iterdir())


def test_T5_a_stage_that_must_run_elsewhere_gets_the_file_of_the_node_that_has_it(fleet: Fleet) -> None:
    (pool(fleet, "n1") / "a.mp4").write_bytes(CLIP)
    text = f"name: p\nenv: {{RUNS: {fleet.lab.runs}}}\ninputs: {{video: {{type: file}}}}\nstages:\n{ON_N2}"
    fleet.lab.edit({"pipelines/p.yaml": text, "projects/v/project.yaml": "pipeline: p\ninputs: {video: a.mp4}\n"})
    fleet.lab.ask("request: start")
    view = fleet.lab.until_reason("Done")
    [run] = view.executions
    assert (run.state, run.claim.node) == (State.SUCCEEDED, "n2")
    video = pool(fleet, "n1") / "a.mp4"
    assert run.inputs["video"] == FileInput(path="a.mp4", digest=digests.of_file(video), bytes=len(CLIP))
    assert (pool(fleet, "n2") / "a.mp4").read_bytes() == CLIP
