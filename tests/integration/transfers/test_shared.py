"""Two nodes whose store is one directory; and a node whose store is gone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.store.workspaces import Workspaces
from schema.execution import End, State
from tests.integration.node.lab import Lab, stage
from tests.integration.transfers.fleet import Fleet

MAKES = "os.mkdir('a'); [open('a/' + str(n), 'wb').write(os.urandom(20000)) for n in range(20)]"
CHANGES = "open('a/7', 'a').write('more'); os.remove('a/8')"
Fleets = Callable[..., Fleet]


@pytest.fixture
def fleets(lab: Callable[..., Lab]) -> Iterator[Fleets]:
    made: list[Fleet] = []

    def make(*options: str) -> Fleet:
        stages = stage("one", MAKES, node="{labels: [n1]}") + stage("two", CHANGES, node="{prefer: [n2]}")
        made.append(Fleet(lab(stages, lost_after="8s"), list(options)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_M11_nodes_that_share_a_directory_build_on_each_other(fleets: Fleets, tmp_path: Path) -> None:
    shared = tmp_path / "nas"
    shared.mkdir()
    fleet = fleets("--store", str(shared))
    for name in ("n1", "n2"):
        fleet.start(name)
    fleet.lab.ask("request: start")
    view = fleet.lab.until_reason("Done")
    one, two = view.executions
    assert one.claim.node == "n1"
    assert one.result
    assert two.result
    assert one.result.store == two.result.store == (shared / "id").read_text()
    after = Workspaces(fleet.lab.folder / two.claim.node).look("v", 2)
    assert {row.path for row in after.files()} == {f"a/{n}" for n in range(20) if n != 8}
    assert "fetched" not in fleet.told("n2")
    before = sum(path.is_file() for path in (shared / "objects").rglob("*"))
    store = Workspaces(fleet.lab.folder / "n1")
    store.delete("v", 1)
    assert store.collect() == 0
    assert sum(path.is_file() for path in (shared / "objects").rglob("*")) == before


def test_a_shared_store_that_is_not_mounted_is_not_taken_for_a_new_one(fleets: Fleets, tmp_path: Path) -> None:
    shared = tmp_path / "nas"
    shared.mkdir()
    fleet = fleets("--store", str(shared))
    fleet.start("n1")
    fleet.lab.until(lambda _: "n1" in fleet.lab.repository.fetch().inventories and (shared / "id").exists())
    fleet.end("n1")
    shared.rename(tmp_path / "away")
    shared.mkdir()
    fleet.start("n1")
    assert fleet.refused("n1") == 1
    assert "is it mounted?" in fleet.told("n1")
    assert not list(shared.iterdir())


def test_M11_what_a_lost_disk_held_is_named_and_who_needs_it_fails_with_that_reason(fleets: Fleets) -> None:
    fleet = fleets()
    fleet.start("n1")
    fleet.lab.ask("request: start\nthen: pause")
    fleet.lab.until_reason("PauseRequested")
    fleet.end("n1")
    shutil.rmtree(fleet.lab.folder / "n1" / "store")
    fleet.start("n1")
    fleet.lab.until(lambda _: "no longer has: v/1" in fleet.told("n1"))
    fleet.lab.ask("request: resume")
    record = fleet.lab.until_state(State.FAILED, 2).execution(2)
    assert record
    assert record.reason is End.INVALID_INPUT
    assert "n1 ran it" in record.text
    fleet.lab.ask("request: start\nstage: one")
    fleet.lab.until(lambda view: view.executions[-1].state is State.SUCCEEDED and view.executions[-1].execution > 2)
