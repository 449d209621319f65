"""B4: what goes on while the engine does not say which containers there are, and what does not."""

import pytest

from flow.node.node_states import NodeState, standings
from runner.contract.errors import EngineUnavailable
from runner.contract.fake import FakeRunner
from schema.execution import State
from schema.reasons import End
from state.memory.memory_repository import MemoryRepository
from tests.unit.controller.worlds import OneNode, server

LONG = "name: p\nstages:\n  - {{name: a, image: i, env: {{FAKE_SECONDS: 6000}}{more}}}\n"


def away(patch: pytest.MonkeyPatch) -> None:
    def silent(self: FakeRunner) -> dict[str, object]:
        raise EngineUnavailable("no answer")

    patch.setattr(FakeRunner, "containers", silent)


def running(more: str = "") -> OneNode:
    it = OneNode(server(LONG.format(more=more)))
    it.ask(request="start")
    it.until(lambda: it.view.executions and it.record.state is State.RUNNING)
    return it


def beat(it: OneNode) -> str:
    return MemoryRepository(it.remote).fetch().heartbeats["n1"]


def test_B4_the_node_beats_and_keeps_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    it = running()
    with monkeypatch.context() as patch:
        away(patch)
        before = beat(it)
        it.rounds(30)
        assert beat(it) != before
        assert standings(MemoryRepository(it.remote).fetch())["n1"].state is NodeState.READY
        assert (it.record.state, len(it.view.executions)) == (State.RUNNING, 1)
    it.rounds(2)
    assert (it.record.state, len(it.view.executions)) == (State.RUNNING, 1)


def test_B3_a_node_that_starts_before_its_engine_judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    it = running()
    with monkeypatch.context() as patch:
        away(patch)
        it.restart()
        it.rounds(10)
        assert it.record.state is State.RUNNING
    it.rounds(2)
    assert (it.record.state, it.record.claim.epoch, len(it.view.executions)) == (State.RUNNING, 1, 1)


@pytest.mark.parametrize("restarted", [False, True])
def test_B4_an_abort_reaches_the_container_though_the_list_fails(
    monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    it = running()
    with monkeypatch.context() as patch:
        away(patch)
        if restarted:
            it.restart()
        it.ask(request="abort", execution=1)
        it.rounds(3)
    [found] = it.runner.containers().values()
    assert found.exited
    it.until(lambda: it.record.state is State.ABORTED, most=5)


def test_B4_so_does_a_timeout_but_no_silence_that_nobody_can_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    timed, idle = running(", timeout: 60s"), running(", idle_timeout: 60s")
    with monkeypatch.context() as patch:
        away(patch)
        for it in (timed, idle):
            it.rounds(20)
    assert [it.journal.entries[it.record.claim.container].stop for it in (timed, idle)] == [End.TIMEOUT, None]


def test_B4_nothing_new_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    it = OneNode(server(LONG.format(more="")))
    with monkeypatch.context() as patch:
        away(patch)
        it.ask(request="start")
        it.rounds(5)
        assert it.view.executions == ()
    it.until(lambda: bool(it.view.executions), most=3)
