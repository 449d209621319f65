"""Exclusive stages on one node, in virtual time: how long they last, and what ends them."""

from collections.abc import Sequence

import pytest

from controller.journal.journal import Journal
from flow.model.commits import Commit
from flow.model.snapshot import Snapshot
from runner.contract.labels import Owner
from schema.execution import State
from schema.node import Heartbeat
from schema.reasons import End
from state.contract.errors import Unreachable
from state.contract.repository import Outcome, SignOfLife, Unknown
from state.memory.memory_repository import MemoryRepository, MemoryServer
from tests.unit.controller.worlds import OneNode, server

PIPELINE = "name: p\nstages:\n  - {name: a, image: i, exclusive: true, retry: {when: []}, env: {FAKE_SECONDS: 1000}}\n"
GIVE_UP, KILL, LOST = 90.0, 30.0, 180.0


class Way(MemoryRepository):
    """To the server, and its pushes to there; each can be cut."""

    cut = mute = False

    def fetch(self) -> Snapshot:
        if self.cut:
            raise Unreachable("away")
        return super().fetch()

    def swap(self, base: Snapshot, commits: Sequence[Commit], *, node: str, beat: SignOfLife | None = None) -> Outcome:
        return Unknown("no answer") if self.cut or self.mute else super().swap(base, commits, node=node, beat=beat)

    def beat(self, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        return Unknown("no answer") if self.cut or self.mute else super().beat(heartbeat, expected=expected)


class Lonely(OneNode):
    def __init__(self, remote: MemoryServer | None = None) -> None:
        self.ways: list[Way] = []
        super().__init__(remote or server(PIPELINE))

    def restart(self) -> None:
        super().restart()
        self.way = Way(self.remote)
        self.change(repository=self.way)
        self.controller.pulse.repository = self.controller.pushes.repository = self.way

    @property
    def runs(self) -> bool:
        return any(found.running for found in self.runner.containers().values())


@pytest.fixture
def node() -> Lonely:
    made = Lonely()
    made.ask(request="start")
    made.until(lambda: made.runs)
    return made


def test_F3_a_claim_says_its_times_and_comes_with_a_heartbeat(node: Lonely) -> None:
    lease = node.record.claim.lease
    assert (lease.lost_after, lease.give_up_after, lease.kill_within) == (LOST, GIVE_UP, KILL)
    _, heartbeat = node.remote.beats["n1"]
    assert heartbeat.claims == (node.record.claim.id,)


def test_F3_it_lasts_while_its_signs_of_life_are_seen(node: Lonely) -> None:
    node.until(lambda: node.record.state is State.SUCCEEDED, most=300)


@pytest.mark.parametrize("how", ["cut", "mute"])
def test_F3_it_is_ended_when_they_are_not_seen_for_so_long(node: Lonely, how: str) -> None:
    node.rounds(3)
    since = node.clock.seconds
    setattr(node.way, how, True)
    while node.runs:
        node.rounds(1)
    assert GIVE_UP - 25.0 < node.clock.seconds - since <= GIVE_UP + KILL
    setattr(node.way, how, False)
    node.until(lambda: node.record.state is State.FAILED)
    assert node.record.reason is End.INFRASTRUCTURE
    assert "for 90 s no sign of life" in node.record.text


def test_F3_what_lapsed_before_it_was_started_is_not_started(node: Lonely) -> None:
    other = Lonely()
    other.failpoint = lambda name: _sleep(other) if name == "before-create" else None
    other.ask(request="start")
    other.until(lambda: bool(other.view.executions) and other.record.state is State.FAILED)
    assert not other.runs
    assert other.record.times.started is None
    assert "for 90 s no sign of life" in other.record.text


def _sleep(node: Lonely) -> None:
    node.clock.seconds += GIVE_UP


def test_F3_an_end_in_time_counts_though_it_is_told_late(node: Lonely) -> None:
    node.rounds(3)
    node.way.cut = True
    [box] = node.runner._boxes.values()
    box.ends = node.clock.seconds + 10.0
    node.rounds(30)
    node.way.cut = False
    node.until(lambda: node.record.state is State.SUCCEEDED)


def test_F3_a_lost_one_is_not_taken_back(node: Lonely) -> None:
    node.rounds(3)
    _lose(node)
    node.until(lambda: len(node.view.executions) == 2)
    assert [each.state for each in node.view.executions] == [State.SUPERSEDED, State.CLAIMED]
    assert sum(found.running for found in node.runner.containers().values()) == 1


def _lose(node: Lonely) -> None:
    from flow.model.commits import StateEvent, Write
    from schema import layout

    record = node.record.model_copy(update={"state": State.LOST, "reason": End.NODE_LOST})
    repository = MemoryRepository(node.remote)
    write = Write(layout.execution("v", record.execution, record.slot), record)
    repository.swap(repository.fetch(), [Commit(StateEvent("lose", "v", record.execution), (write,))], node="n2")


def test_F3_signs_of_life_prolong_no_claim_that_does_not_stand_any_more(node: Lonely) -> None:
    """Who was given up has to end in time, however well its heartbeats are seen."""
    node.rounds(3)
    leases, [container] = node.controller.leases, list(node.controller.parts.journal.entries)
    now = node.clock.seconds
    assert leases.until(container) < now + GIVE_UP
    stood = node.way.fetch()
    _lose(node)
    leases.seen(node.way.fetch(), now)
    assert leases.until(container) < now + GIVE_UP
    leases.seen(stood, now)
    assert leases.until(container) == now + GIVE_UP


def test_F3_one_whose_journal_is_gone_is_ended_and_not_claimed_again(node: Lonely) -> None:
    for name in node.disk.names("claims"):
        node.disk.delete(f"claims/{name}")
    node.restart()
    node.until(lambda: node.record.state is State.FAILED)
    assert (node.record.claim.epoch, node.runs) == (1, False)


def test_F3_another_installation_of_its_machine_waits_until_it_has_surely_ended(node: Lonely) -> None:
    node.remote.beats = {}  # `winslowctl nodes rm`
    other = Lonely(node.remote)
    other.owner = Owner("test", "n1", "2" * 32)
    Journal(other.disk).install(other.owner.incarnation)
    other.restart()
    first = node.record
    other.rounds(int(LOST / 5.0) - 2)
    assert node.record == first
    other.rounds(5)
    assert node.view.executions[0].state in (State.LOST, State.SUPERSEDED)


def test_B1_a_node_whose_heartbeats_get_no_answer_for_long_knows_its_own() -> None:
    node = Lonely()
    node.rounds(3)
    node.way.mute = True
    node.rounds(100)
    assert node.controller.halted is None
    node.way.mute = False
    node.until(lambda: not node.controller.pulse.unseen)
    assert node.controller.halted is None
