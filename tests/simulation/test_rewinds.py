"""F11: a branch that went back halts also who never saw what was lost; where it is put back, all go on."""

import pytest

from controller.loop.halts import Halts
from schema import layout
from schema.execution import State
from tests.simulation.cluster import LOST_AFTER, Cluster
from tests.simulation.test_scenarios import LONG, ask, go, holder, pipeline, records, verbs, world


def rewound_beside_one_that_was_away() -> Cluster:
    """The claim of a running stage is lost; one node never saw it."""
    cluster = world(pipeline("name: long, image: i, env: {FAKE_SECONDS: 200}"), nodes=2)
    go(cluster, 30)
    away = cluster.machines[1]
    away.link.cut = True
    ask(cluster, "request: start\n")
    go(cluster, 55)
    assert holder(cluster) is not away
    while "claim" in verbs(cluster):
        lost = cluster.server.rewind(layout.STATE, 1)
        cluster.lost_tip = getattr(cluster, "lost_tip", lost)  # type: ignore[attr-defined]
    go(cluster, 12)
    away.link.cut = False
    return cluster


def running(cluster: Cluster) -> int:
    return sum(c.running for machine in cluster.machines for c in machine.runner.containers().values())


def test_F11_who_never_saw_the_lost_commits_halts_with_those_that_did() -> None:
    cluster = rewound_beside_one_that_was_away()
    before = cluster.server.refs[layout.STATE]
    go(cluster, 2 * LOST_AFTER)
    assert cluster.server.refs[layout.STATE] == before
    assert all(machine.controller and machine.controller.halted for machine in cluster.machines)
    assert running(cluster) == 1


def test_F11_once_it_is_put_back_all_go_on() -> None:
    cluster = rewound_beside_one_that_was_away()
    cluster.checker.look = lambda: None  # type: ignore[method-assign]  # it reads a history that only grows
    go(cluster, 20)
    cluster.server.refs[layout.STATE] = cluster.lost_tip  # type: ignore[attr-defined]
    go(cluster, 300)
    assert not any(machine.controller and machine.controller.halted for machine in cluster.machines)
    assert records(cluster) == [("long", State.SUCCEEDED)]


def test_F11_the_variant_that_does_not_listen_starts_the_stage_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Halts, "losses", lambda *_: iter(()))
    cluster = rewound_beside_one_that_was_away()
    cluster.checker.look = cluster.checker.started = lambda *_: None  # type: ignore[assignment, method-assign]
    go(cluster, 30)
    assert running(cluster) == 2


def test_F11_a_main_that_was_forced_back_is_told_as_that() -> None:
    cluster = world(LONG, nodes=2)
    ask(cluster, "request: start\n")
    go(cluster, 20)
    cluster.server.rewind(layout.MAIN, 1)
    go(cluster, 60)
    assert all("main went back" in ((m.controller and m.controller.halted) or "") for m in cluster.machines)
