"""A node looks at its own sign of life as others see it: what does not arrive, and who else gives it (B1, F9)."""

from dataclasses import replace

import pytest

import controller.loop.heartbeat
import flow.node.sightings
from controller.journal.journal import Journal
from controller.journal.small_files import MemoryDisk
from controller.loop.heartbeat import HeartbeatWriter, NameTaken
from controller.loop.round import Controller
from flow.reconcile.stewardship import Stewardship
from runner.contract.fake import FakeRunner
from runner.contract.labels import Owner
from schema import layout
from schema.execution import Execution, State
from schema.node import Heartbeat
from state.contract.repository import Outcome, Unknown
from state.memory.memory_repository import MemoryRepository
from tests.simulation.cluster import BEAT, LOST_AFTER, Cluster, Machine
from tests.simulation.test_scenarios import LONG, ask, go, holder, pipeline, records, verbs, view, world

HOURS = pipeline("name: long, image: i, env: {FAKE_SECONDS: 1000}")
MANY = "\n".join(f"request: start # {number}" for number in range(2))


def hidden(patch: pytest.MonkeyPatch) -> None:
    """The server takes heartbeats, and shows none to anybody."""
    original = MemoryRepository.fetch
    patch.setattr(MemoryRepository, "fetch", lambda self: replace(original(self), heartbeats={}))
    patch.setattr(MemoryRepository, "heartbeat", lambda self, node: None)
    beat = MemoryRepository.beat

    def beaten(self: MemoryRepository, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        found = self.server.beats.get(heartbeat.node)
        return beat(self, heartbeat, expected=found[0] if found else None)

    patch.setattr(MemoryRepository, "beat", beaten)


def unanswered(patch: pytest.MonkeyPatch, of: str) -> None:
    """Pushes of one node's heartbeats never arrive."""
    beat = MemoryRepository.beat

    def beaten(self: MemoryRepository, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        return Unknown("no answer") if heartbeat.node == of else beat(self, heartbeat, expected=expected)

    patch.setattr(MemoryRepository, "beat", beaten)


def most_running(cluster: Cluster, seconds: float) -> int:
    most = 0
    for _ in range(int(seconds / 5)):
        go(cluster, 5)
        most = max(most, sum(c.running for m in cluster.machines for c in m.runner.containers().values()))
    return most


def test_B1_where_nobodys_heartbeats_are_seen_nobody_takes_another_ones_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(HOURS, nodes=2)
    go(cluster, 10)
    ask(cluster, "request: start\n")
    hidden(monkeypatch)
    assert most_running(cluster, 10 * LOST_AFTER) == 1
    assert "lose" not in verbs(cluster)
    assert "take-back" not in verbs(cluster)


def lose_though_unseen(patch: pytest.MonkeyPatch) -> None:
    def is_lost(self: Stewardship, id: str, record: Execution) -> bool:
        self.unseen = ""
        return original(self, id, record)

    original = Stewardship._is_lost
    patch.setattr(Stewardship, "_is_lost", is_lost)


def test_B1_the_variant_that_takes_over_though_it_is_not_seen_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(HOURS, nodes=2)
    cluster.checker._loss = lambda *_: None  # type: ignore[method-assign]  # it believes its own count of beats
    go(cluster, 10)
    ask(cluster, "request: start\n")
    hidden(monkeypatch)
    lose_though_unseen(monkeypatch)
    go(cluster, 10 * LOST_AFTER)
    assert "lose" in verbs(cluster)


def test_B1_a_node_whose_beats_never_arrive_takes_nothing_while_another_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unanswered(monkeypatch, "n1")
    cluster = world(LONG, nodes=2)
    for project in range(1, 4):
        cluster.edit({f"projects/v{project}/project.yaml": "pipeline: p\n"})
    go(cluster, 10)
    for project in range(4):
        cluster.edit({layout.request(f"v{project}", "0001-start.yaml"): "request: start\n"})
    go(cluster, 300)
    found = [e.claim.node for each in cluster.snapshot().projects.values() for e in each.executions]
    assert found == ["n0"] * 4


def test_B1_losing_and_taking_back_do_not_alternate(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(HOURS, nodes=2)
    cluster.edit({"pipelines/p.yaml": HOURS.replace("image: i", "image: i, retry: {when: []}")})
    ask(cluster, "request: start\n")
    go(cluster, 20)
    unanswered(monkeypatch, holder(cluster).name)
    go(cluster, 10 * LOST_AFTER)
    assert verbs(cluster).count("lose") == 1
    assert verbs(cluster).count("take-back") == 0
    assert view(cluster).executions[0].state is State.LOST


def test_B1_the_variant_that_takes_back_though_it_is_not_seen_alternates(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(HOURS, nodes=2)
    cluster.edit({"pipelines/p.yaml": HOURS.replace("image: i", "image: i, retry: {when: []}")})
    ask(cluster, "request: start\n")
    go(cluster, 20)
    unanswered(monkeypatch, holder(cluster).name)
    monkeypatch.setattr(HeartbeatWriter, "unseen", "")
    monkeypatch.setattr(flow.node.sightings, "_sign", lambda snapshot, node: snapshot.heartbeats.get(node))
    go(cluster, 10 * LOST_AFTER)
    assert verbs(cluster).count("take-back") > 1


def test_a_commit_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a node whose beats do not arrive, as long as it commits more often than it is given up."""
    cluster = world(pipeline(*(f"name: s{n}, image: i, env: {{FAKE_SECONDS: 40}}" for n in range(6))), nodes=1)
    unanswered(monkeypatch, "n0")
    ask(cluster, "request: start\n")
    watcher = cluster.observer
    seen = flow.node.sightings.Sightings()
    for second in range(0, 240, 5):
        go(cluster, 5)
        seen = flow.node.sightings.looked(seen, now=float(second), poll=5, snapshot=watcher.fetch(), watched=())
        assert seen.silence("n0") < LOST_AFTER


# -- two of one name -----------------------------------------------------------------------------------------------


def twin_of(cluster: Cluster, machine: Machine, *, copied: bool) -> Machine:
    """A second machine of that name, with a copy of its data folder or a new one."""
    disk = MemoryDisk()
    if copied:
        disk.files = dict(machine.disk.files)
    else:
        Journal(disk).install("another")
    incarnation = Journal(disk).incarnation() or ""
    runner = FakeRunner(Owner("sim", machine.name, incarnation), cluster.clock.now)
    other = replace(machine, disk=disk, runner=runner, controller=None, pending=None, launched=[], boot="other")
    cluster.machines.append(other)
    return other


def ended(cluster: Cluster, seconds: float) -> bool:
    try:
        go(cluster, seconds)
    except NameTaken:
        cluster.machines.pop()
        return True
    return False


def test_F9_a_copied_data_folder_beside_the_living_node_ends_and_touches_nothing() -> None:
    cluster = world(LONG)
    go(cluster, 3 * BEAT)
    twin_of(cluster, cluster.machines[0], copied=True)
    go(cluster, BEAT)  # with what the copy knows: as if it had only been restarted
    ask(cluster, "request: start\n")
    assert ended(cluster, 5 * BEAT)
    go(cluster, 120)
    assert records(cluster) == [("long", State.SUCCEEDED)]
    assert verbs(cluster).count("claim") == 1
    assert "reclaim" not in verbs(cluster)


@pytest.mark.parametrize("second", range(1, 10, 2))
def test_F9_a_copy_of_a_data_folder_judges_no_stage_that_runs_on_the_other_machine(second: int) -> None:
    cluster = world(HOURS)
    ask(cluster, "request: start\n")
    go(cluster, 40 + second)
    twin_of(cluster, cluster.machines[0], copied=True)
    assert ended(cluster, 5 * BEAT)
    go(cluster, 100)
    assert verbs(cluster).count("claim") == 1
    assert "fail" not in verbs(cluster)
    assert view(cluster).executions[0].state is State.RUNNING


def test_F9_the_variant_that_judges_at_once_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Controller, "_may_be_a_copy", lambda self, world: False)
    cluster = world(HOURS)
    ask(cluster, "request: start\n")
    go(cluster, 45)
    twin_of(cluster, cluster.machines[0], copied=True)
    go(cluster, 100)
    assert "fail" in verbs(cluster)


def test_F9_after_a_reboot_that_took_its_containers_it_waits_one_heartbeat_and_then_tells_so() -> None:
    cluster = world(HOURS)
    ask(cluster, "request: start\n")
    go(cluster, 40)
    machine = cluster.machines[0]
    machine.runner._boxes.clear()
    machine.boot, machine.controller, machine.pending = "2", None, None
    go(cluster, BEAT)
    assert "fail" not in verbs(cluster)
    go(cluster, 3 * BEAT)
    assert "fail" in verbs(cluster)


def test_F9_an_older_copy_waits_before_it_takes_the_place_of_a_node_that_is_gone() -> None:
    cluster = world(LONG)
    go(cluster, 2 * BEAT)
    copy = dict(cluster.machines[0].disk.files)
    go(cluster, 5 * BEAT)
    cluster.machines[0].disk.files = copy  # a disk restored from last night
    cluster.machines[0].controller = cluster.machines[0].pending = None
    ask(cluster, "request: start\n")
    go(cluster, BEAT)
    assert records(cluster) == []
    go(cluster, 4 * BEAT + 100)
    assert records(cluster) == [("long", State.SUCCEEDED)]


def test_F9_a_node_whose_place_was_taken_while_it_slept_stops_and_names_the_other() -> None:
    cluster = world(LONG)
    go(cluster, 2 * BEAT)
    sleeper = cluster.machines[0]
    twin_of(cluster, sleeper, copied=True)
    sleeper.next_turn = sleeper.asleep_until = cluster.clock.seconds + 10 * BEAT
    go(cluster, 15 * BEAT)
    assert "another process" in (sleeper.controller.halted or "")  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(10))
def test_F9_of_two_that_begin_in_the_same_second_one_has_the_name(seed: int) -> None:
    cluster = world(LONG)
    ask(cluster, "request: start\n")
    twin = twin_of(cluster, cluster.machines[0], copied=False)
    twin.next_turn = seed / 10
    taken = 0
    for _ in range(40):
        try:
            go(cluster, 5)
        except NameTaken:
            taken += 1
            cluster.machines = [
                m for m in cluster.machines if m.controller and m.controller.pulse.landed_at is not None
            ]
    assert taken == 1
    assert verbs(cluster).count("claim") == 1
    assert records(cluster) == [("long", State.SUCCEEDED)]


def test_F9_the_variant_that_does_not_look_at_its_own_beat_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller.loop.heartbeat.HeartbeatWriter, "_own", lambda self, found: True)
    cluster = world(LONG)
    go(cluster, 3 * BEAT)
    twin_of(cluster, cluster.machines[0], copied=True)
    ask(cluster, "request: start\n")
    go(cluster, 300)
    assert "reclaim" in verbs(cluster) or verbs(cluster).count("fail") > 0


def test_B1_a_node_whose_answers_are_always_lost_beats_no_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen to have landed has landed."""
    made: list[Heartbeat] = []
    beat = MemoryRepository.beat

    def beaten(self: MemoryRepository, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        made.append(heartbeat)
        beat(self, heartbeat, expected=expected)
        return Unknown("the answer was lost")

    monkeypatch.setattr(MemoryRepository, "beat", beaten)
    cluster = world(LONG)
    go(cluster, 20 * BEAT)
    assert len(made) <= 22
