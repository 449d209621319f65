"""Commits of `winslow/state` that no controller made: seen by every node, used by none, settled by a person (S12)."""

import pytest

import state.memory.memory_server
from flow.model.commits import StateEvent
from flow.project.replies import steps_of
from schema import layout
from schema.execution import Execution, Result, State
from schema.reasons import Wait
from tests.simulation.cluster import Cluster
from tests.simulation.test_scenarios import ask, go, holder, pipeline, verbs, view, world

TWO = pipeline("name: one, image: i, env: {FAKE_SECONDS: 60}", "name: two, image: i")


def stranger(cluster: Cluster, record: Execution, *, node: str = "", verb: str = "edit") -> str:
    """Somebody's commit that puts a record in its place."""
    server = cluster.server
    path = layout.execution("v0", record.execution, record.stage)
    tip = server.refs[layout.STATE]
    wanted = server.commits[tip].wanted
    made = server.commit(tip, {path: record}, event=StateEvent(verb), node=node, wanted=wanted, author="Mallory <m@x>")
    server.refs[layout.STATE] = made.oid
    cluster.checker.forged.add(made.oid)
    return made.oid


def running() -> tuple[Cluster, Execution]:
    cluster = world(TWO, nodes=2)
    ask(cluster, "request: start\n")
    go(cluster, 20)
    return cluster, view(cluster).executions[0]


def succeeded(record: Execution) -> Execution:
    return record.model_copy(update={"state": State.SUCCEEDED, "result": Result(exit_code=0)})


def test_S12_a_forged_result_is_flagged_by_a_node_and_nothing_follows_from_it() -> None:
    cluster, record = running()
    oid = stranger(cluster, succeeded(record))
    go(cluster, 200)
    [flag] = view(cluster).flags
    assert flag.commit == oid
    assert view(cluster).unwritten == ()
    assert verbs(cluster).count("flag") == 1
    assert [e.stage for e in view(cluster).executions] == ["one"]
    assert any(oid[:12] in problem.text for problem in cluster.snapshot().problems)


def test_S12_the_program_runs_on_and_its_own_end_waits() -> None:
    cluster, record = running()
    stranger(cluster, succeeded(record))
    go(cluster, 200)
    assert view(cluster).executions[0].state is State.RUNNING  # as its holder wrote last
    assert list(holder(cluster).controller.parts.journal.outbox)  # type: ignore[union-attr]


def test_S12_a_record_that_begins_with_its_end_is_nobodys_result() -> None:
    cluster, record = running()
    forged = succeeded(record).model_copy(update={"execution": 2, "stage": "two"})
    stranger(cluster, forged)
    go(cluster, 200)
    assert view(cluster).execution(2).state is State.FAILED  # type: ignore[union-attr]
    assert steps_of(view(cluster)).run is None


def test_S12_an_end_by_another_node_is_flagged() -> None:
    cluster, record = running()
    other = next(m.name for m in cluster.machines if m.name != record.claim.node)
    stranger(cluster, succeeded(record), node=other, verb="succeed")
    go(cluster, 30)
    assert "holds" in view(cluster).flags[0].text


def test_S12_a_loss_that_somebody_made_up_starts_nothing() -> None:
    cluster, record = running()
    stranger(cluster, record.model_copy(update={"state": State.ABORTED}))
    go(cluster, 100)
    assert verbs(cluster).count("claim") == 1


def test_S12_what_a_person_reverted_goes_on() -> None:
    cluster, record = running()
    oid = stranger(cluster, succeeded(record))
    go(cluster, 100)
    settle(cluster, oid, record)
    go(cluster, 100)
    assert view(cluster).flags == ()
    assert [e.state for e in view(cluster).executions] == [State.SUCCEEDED, State.SUCCEEDED]
    assert steps_of(view(cluster)).wait.reason is Wait.DONE  # type: ignore[union-attr]


def test_S12_what_a_person_accepted_counts() -> None:
    cluster, record = running()
    oid = stranger(cluster, succeeded(record))
    go(cluster, 30)
    settle(cluster, oid, None)
    cluster.checker.stopping = lambda *_: None  # type: ignore[method-assign]  # by the word of a person
    go(cluster, 100)
    assert [e.state for e in view(cluster).executions] == [State.SUCCEEDED, State.SUCCEEDED]
    assert cluster._leftovers() == []


def test_S12_a_flag_that_is_only_removed_comes_back() -> None:
    cluster, record = running()
    oid = stranger(cluster, succeeded(record))
    go(cluster, 30)
    settle(cluster, oid, None, verb="edit")
    go(cluster, 60)
    assert [flag.commit for flag in view(cluster).flags] == [oid]


def settle(cluster: Cluster, oid: str, record: Execution | None, verb: str = "settle") -> None:
    server = cluster.server
    files: dict[str, Execution | None] = {layout.flag("v0", oid): None}
    if record:
        files[layout.execution("v0", record.execution, record.stage)] = record
    tip = server.refs[layout.STATE]
    made = server.commit(tip, files, event=StateEvent(verb), wanted=server.commits[tip].wanted)  # type: ignore[arg-type]
    server.refs[layout.STATE] = made.oid
    cluster.checker.forged.add(made.oid)


def test_S12_the_variant_that_does_not_replay_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests above say is due to the replay alone."""
    monkeypatch.setattr(state.memory.memory_server, "replay", lambda line, known, commits: {})
    cluster, record = running()
    stranger(cluster, succeeded(record))
    cluster.checker.stopping = cluster.checker.started = lambda *_: None  # type: ignore[method-assign]
    go(cluster, 100)
    assert [e.stage for e in view(cluster).executions] == ["one", "two"]
