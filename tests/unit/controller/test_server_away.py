"""F10: what pushes met while a server was away makes none wait once it is back."""

import pytest

from schema.execution import State
from state.contract.errors import Unreachable
from state.contract.repository import Rejected, Rejection
from state.memory.memory_repository import MemoryRepository
from tests.unit.controller.worlds import OneNode, server

LONG = "name: p\nstages:\n  - {name: a, image: i, env: {FAKE_SECONDS: 6000}}\n"
ABSENT = Rejected(Rejection.CREDENTIALS, "the server has no such repository")


def unreachable(self: MemoryRepository) -> object:
    raise Unreachable("no answer")


@pytest.mark.parametrize("fetches_fail", [True, False])
def test_F10_a_node_gives_signs_of_life_as_soon_as_its_server_is_back(
    fetches_fail: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where fetches went on, the refusal stands for a minute: whoever asks too often is shut out by some servers."""
    it = OneNode(server(LONG))
    it.ask(request="start")
    it.until(lambda: it.view.executions and it.record.state is State.RUNNING)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryRepository, "beat", lambda self, heartbeat, *, expected: ABSENT)
        it.rounds(4)
        if fetches_fail:
            patch.setattr(MemoryRepository, "fetch", unreachable)
            it.rounds(1)
    before = MemoryRepository(it.remote).fetch().heartbeats["n1"]
    it.rounds(4)
    assert (MemoryRepository(it.remote).fetch().heartbeats["n1"] != before) is fetches_fail
