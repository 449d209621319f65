"""Deleting, restoring and making anew, told one by one: what goes from a node's disk, and when."""

from dataclasses import replace
from itertools import pairwise

import pytest

from schema.execution import State
from tests.simulation.cluster import Cluster, Machine
from tests.simulation.data import SimulatedTrees
from tests.simulation.test_scenarios import FINE, ask, go, pipeline, verbs, view

PROJECT = {"projects/v0/project.yaml": "pipeline: p\n"}
NOW = "away\n\nWinslow-Delete: now\n"
ONE = pipeline("name: a, image: i")


def world(nodes: int = 1, projects: int = 1, settings: str = "") -> Cluster:
    cluster = Cluster(1, nodes=nodes, projects=projects, weather=replace(FINE), requests=0)
    cluster.person.obliging = True  # so nobody puts files in by himself
    cluster.edit({"pipelines/p.yaml": ONE, "winslow.yaml": f"schema: 1\nlost_after: 60s\n{settings}", **PROJECT})
    go(cluster, 20)
    return cluster


def put(cluster: Cluster, name: str = "secret", machine: int = 0) -> None:
    cluster.machines[machine].data.put("v0", name, cluster.checker.generation("v0"))


def delete(cluster: Cluster, message: str = NOW) -> None:
    cluster.edit({"projects/v0/": None}, message)


def names(machine: Machine) -> set[str]:
    return {name for name, _ in machine.data.files.get("v0", ())}


def stone(cluster: Cluster) -> tuple[int, str]:
    found = view(cluster).tombstone
    assert found
    return found.generation, found.state


def off(machine: Machine, until: float) -> None:
    machine.asleep_until = machine.next_turn = until


def test_R1250_a_project_of_which_nothing_was_asked_is_deleted_with_its_files() -> None:
    cluster = world()
    put(cluster)
    delete(cluster)
    go(cluster, 40)
    assert not cluster.machines[0].data.projects()
    cluster.edit(PROJECT)
    go(cluster, 20)
    assert stone(cluster) == (1, "purged")
    assert not names(cluster.machines[0])


def test_R1250_its_deletion_is_found_by_a_node_that_was_off_meanwhile() -> None:
    cluster = world()
    put(cluster)
    cluster._crashed(cluster.machines[0])
    delete(cluster)
    go(cluster, 40)
    assert not cluster.machines[0].data.projects()


@pytest.mark.parametrize("runs", [0, 1])
def test_R1250_the_files_of_a_second_generation_go_as_well(runs: int) -> None:
    cluster = world()
    for generation in (1, 2):
        if generation == 1 + runs:  # with no execution in the other one
            ask(cluster, "request: start\n", generation)
            go(cluster, 30)
        put(cluster)
        delete(cluster)
        go(cluster, 40)
        assert not cluster.machines[0].data.projects()
        assert stone(cluster) == (generation, "purged")
        cluster.edit(PROJECT)
        go(cluster, 20)


def test_R1250_what_a_new_project_has_is_not_deleted_with_the_old_one() -> None:
    """By a node that was away while it was deleted, purged and made anew."""
    cluster = world(nodes=2, settings="delete_after: 60s\n")
    late = cluster.machines[1]
    cluster.edit({"projects/v0/project.yaml": "pipeline: p\nnode: n1\n"})
    ask(cluster, "request: start\n")
    go(cluster, 30)
    put(cluster, "old", 1)
    cluster._crashed(late)
    off(late, cluster.clock.seconds + 300)
    delete(cluster, "away")
    go(cluster, 200)
    assert stone(cluster) == (1, "purged")
    cluster.edit({"projects/v0/project.yaml": "pipeline: p\nnode: n1\n"})
    go(cluster, 120)
    assert names(late) == set()
    assert late.data.aside, "and what it had is kept for its grace time"
    put(cluster, "new", 1)
    ask(cluster, "request: start\n", 2)
    go(cluster, 200)
    assert view(cluster).executions[0].state is State.SUCCEEDED
    assert (names(late), late.data.aside, late.data.workspaces) == ({"new"}, {}, {("v0", 2)})


def test_F15_the_grace_time_of_a_second_deletion_is_its_own() -> None:
    """A node that looks only now and then has not counted on."""
    cluster = world(nodes=2, settings="delete_after: 100s\n")
    rare = cluster.machines[1]
    ask(cluster, "request: start\n")
    go(cluster, 30)
    put(cluster, machine=1)
    delete(cluster, "away")
    go(cluster, 70)
    off(rare, cluster.clock.seconds + 30)
    cluster.edit(PROJECT)
    go(cluster, 20)
    delete(cluster, "away again")
    go(cluster, 80)
    assert names(rare) == {"secret"}
    go(cluster, 80)
    assert not names(rare)


def test_F15_a_later_haste_counts() -> None:
    cluster = world(settings="delete_after: 10d\n")
    ask(cluster, "request: start\n")
    go(cluster, 30)
    delete(cluster, "away")
    go(cluster, 20)
    cluster.edit(PROJECT)
    delete(cluster)
    go(cluster, 60)
    assert stone(cluster) == (1, "purged")
    assert not cluster.machines[0].data.projects()


def test_F15_a_second_generation_that_is_restored_goes_on_with_its_numbers() -> None:
    cluster = world(settings="delete_after: 60s\n")
    ask(cluster, "request: start\n")
    go(cluster, 30)
    delete(cluster)
    go(cluster, 40)
    cluster.edit(PROJECT)
    ask(cluster, "request: pause\n", 2)
    go(cluster, 20)
    put(cluster)
    delete(cluster, "away")
    go(cluster, 30)
    assert stone(cluster) == (2, "deleting")
    cluster.edit(PROJECT)
    go(cluster, 200)
    assert stone(cluster) == (1, "purged")
    assert names(cluster.machines[0]) == {"secret"}
    ask(cluster, "request: start\n", 3)
    go(cluster, 40)
    assert [(e.execution, e.state) for e in view(cluster).executions] == [(2, State.SUCCEEDED)]


def test_more_than_five_that_were_made_anew_wait_for_a_confirmation_too() -> None:
    cluster = world(projects=7)
    folders: dict[str, str | None] = {f"projects/v{number}/": None for number in range(7)}
    for folder in folders:
        cluster.edit({folder: None}, NOW)
        go(cluster, 30)
    cluster.edit({f"{folder}project.yaml": "pipeline: p\n" for folder in folders})
    go(cluster, 30)
    cluster.edit(folders, "a bad merge")
    go(cluster, 60)
    assert stone(cluster) == (1, "purged")
    cluster.edit({"README.md": "x"}, "yes\n\nWinslow-Confirm-Deletions: yes\n")
    go(cluster, 60)
    assert stone(cluster)[0] == 2


def test_a_disk_that_lets_nothing_go_stops_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world()
    machine = cluster.machines[0]
    assert machine.controller
    said: list[str] = []
    machine.controller.alarms.say = said.append
    put(cluster)
    tries = []

    def wipe(self: SimulatedTrees, project: str, last_execution: int, *, files: bool) -> None:
        tries.append(cluster.clock.seconds)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(SimulatedTrees, "wipe", wipe)
        delete(cluster)
        go(cluster, 30)
        beats = cluster.server.beats["n0"][0]
        go(cluster, 150)
    assert cluster.server.beats["n0"][0] != beats
    assert "purge" in verbs(cluster)
    [text] = said
    assert "files of the deleted project v0 stay" in text
    assert min(later - earlier for earlier, later in pairwise(tries)) >= 60
    go(cluster, 100)
    assert not machine.data.projects()


def test_absence_without_a_past_deletes_nothing() -> None:
    cluster = world()
    cluster.machines[0].data.put("stranger", "f", 0)
    cluster.edit({"projects/stranger/requests/0001-start.yaml": "request: start\n"})
    go(cluster, 60)
    assert "stranger" not in cluster.snapshot().projects
    assert "stranger" in cluster.machines[0].data.files


def test_F15_a_node_that_slept_since_it_saw_a_deletion_stops_nothing_that_was_restored_meanwhile() -> None:
    """Seed 282 of `movers`, as it was."""
    cluster = world(2, settings="delete_after: 10m\n")
    cluster.edit({"pipelines/p.yaml": pipeline("name: a, image: i, env: {FAKE_SECONDS: 500}, node: {name: n1}")})
    ask(cluster, "request: start\n")
    go(cluster, 40)
    delete(cluster, "away")
    [holder] = [machine for machine in cluster.machines if machine.name == "n1"]
    off(holder, cluster.clock.seconds + 300)
    go(cluster, 30)  # the other one writes the tombstone
    assert stone(cluster) == (1, "deleting")
    assert holder.controller
    holder.pending = holder.controller.observe()
    cluster.edit(PROJECT)
    go(cluster, 300)
    assert view(cluster).executions[-1].state is State.RUNNING


def test_R1250_a_late_clean_up_leaves_the_files_of_a_project_that_was_made_anew_while_the_engine_was_away() -> None:
    cluster = world()
    put(cluster, "old")
    cluster.weather.engine = 1.0
    delete(cluster)
    go(cluster, 40)
    assert stone(cluster) == (1, "purged")
    cluster.edit(PROJECT)
    go(cluster, 20)
    put(cluster, "new")
    cluster.weather.engine = 0.0
    go(cluster, 60)
    assert names(cluster.machines[0]) == {"new"}
