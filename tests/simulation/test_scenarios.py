"""Single faults, told one by one: what happens is exactly this, not only nothing bad."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

import state.snapshot.project_folders
from flow.model.commits import Commit
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_world import HeldClaim
from flow.node.signs_of_life import SignsOfLife
from flow.project.replies import steps_of
from flow.reconcile.held_claims import HeldClaims
from runner.contract.spec import Spec
from schema import layout
from schema.execution import State
from state.contract.repository import Outcome, Unknown
from state.memory.memory_repository import MemoryRepository
from tests.simulation.cluster import LOST_AFTER, Cluster, Machine
from tests.simulation.faults import Weather
from tests.simulation.invariants import Violation

FINE = Weather(loss=0, crash=0, partition=0, outage=0, suspend=0, reboot=0, stale_main=0)


def pipeline(*stages: str) -> str:
    return "name: p\nstages:\n" + "".join(f"  - {{{stage}}}\n" for stage in stages)


def world(text: str, *, nodes: int = 1) -> Cluster:
    """Fine weather, one project, nobody who asks by himself."""
    cluster = Cluster(1, nodes=nodes, projects=1, weather=replace(FINE), requests=0)
    cluster.edit({"pipelines/p.yaml": text, "projects/v0/project.yaml": "pipeline: p\n"})
    return cluster


def ask(cluster: Cluster, text: str, number: int = 1) -> None:
    kind = text.split()[1]
    cluster.edit({layout.request("v0", f"{number:04d}-{kind}.yaml"): text})


def go(cluster: Cluster, seconds: float) -> None:
    cluster._until(cluster.clock.seconds + seconds, lambda: False)


def view(cluster: Cluster) -> ProjectView:
    return cluster.snapshot().projects["v0"]


def records(cluster: Cluster) -> list[tuple[str, State]]:
    return [(e.stage, e.state) for e in view(cluster).executions]


def verbs(cluster: Cluster) -> list[str]:
    return [commit.event.verb for commit in cluster.server.history(layout.STATE) if commit.event.verb != "join"]


def holder(cluster: Cluster, number: int = 1) -> Machine:
    record = view(cluster).execution(number)
    assert record is not None
    return next(machine for machine in cluster.machines if machine.name == record.claim.node)


Creates = Callable[[Spec], Sequence[str]]
LONG = pipeline("name: long, image: i, env: {FAKE_SECONDS: 40}")


def test_F1_eight_nodes_and_one_slot_make_one_claim() -> None:
    cluster = world(LONG, nodes=8)
    ask(cluster, "request: start\n")
    go(cluster, 120)
    assert verbs(cluster).count("claim") == 1
    assert sum(len(machine.runner._boxes) for machine in cluster.machines) == 0
    assert records(cluster) == [("long", State.SUCCEEDED)]


def answers_lost(patch: pytest.MonkeyPatch, verb: str, times: int, then: Callable[[], None] = lambda: None) -> None:
    """Of so many pushes with such a commit."""
    lost: list[str] = []

    def swap(self: MemoryRepository, base: Snapshot, commits: list[Commit], **more: Any) -> Outcome:
        outcome = original(self, base, commits, **more)
        if len(lost) < times and any(commit.event.verb == verb for commit in commits):
            lost.append(more["node"])
            then()
            return Unknown("the answer was lost")
        return outcome

    original = MemoryRepository.swap
    patch.setattr(MemoryRepository, "swap", swap)


def test_F2_a_claim_whose_answer_was_lost_runs_under_its_id_within_two_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(LONG)
    answers_lost(monkeypatch, "claim", 1)
    ask(cluster, "request: start\n")
    go(cluster, 20)
    [record] = view(cluster).executions
    assert (record.claim.epoch, record.state) == (1, State.RUNNING)


def test_F2_where_answers_are_always_lost_stages_run_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(LONG)

    def swap(self: MemoryRepository, base: Snapshot, commits: list[Commit], **more: Any) -> Outcome:
        original(self, base, commits, **more)
        return Unknown("the answer was lost")

    original = MemoryRepository.swap
    monkeypatch.setattr(MemoryRepository, "swap", swap)
    ask(cluster, "request: start\n")
    go(cluster, 120)
    assert records(cluster) == [("long", State.SUCCEEDED)]
    assert verbs(cluster).count("claim") == 1
    assert "reclaim" not in verbs(cluster)


def test_F2_after_a_sleep_longer_than_its_lease_a_claim_of_unknown_fate_gets_a_new_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = world(LONG)

    def sleep() -> None:
        cluster.machines[0].asleep_until = cluster.clock.seconds + 2 * LOST_AFTER

    answers_lost(monkeypatch, "claim", 1, sleep)
    ask(cluster, "request: start\n")
    go(cluster, 3 * LOST_AFTER)
    assert view(cluster).executions[0].claim.epoch == 2


def sleeping_before_the_start(cluster: Cluster) -> list[str]:
    """A node that sleeps between its claim and its start; the names of those that started something."""
    ask(cluster, "request: start\n")
    slept: list[str] = []
    started: list[str] = []
    for machine in cluster.machines:
        create, start = machine.runner.create, machine.runner.start

        def making(spec: Spec, machine: Machine = machine, create: Creates = create) -> Sequence[str]:
            said = create(spec)
            if not slept:
                slept.append(machine.name)
                machine.next_turn = machine.asleep_until = cluster.clock.seconds + 10 * LOST_AFTER
                go(cluster, 3 * LOST_AFTER)
            return said

        def starting(id: str, machine: Machine = machine, start: Callable[[str], None] = start) -> None:
            start(id)
            started.append(machine.name)

        machine.runner.create, machine.runner.start = making, starting  # type: ignore[method-assign]
    go(cluster, 200)
    assert slept
    return [name for name in started if name == slept[0]]


def test_F6_a_claim_that_was_given_up_while_its_node_slept_is_not_started() -> None:
    assert sleeping_before_the_start(world(LONG, nodes=2)) == []


def test_F6_the_variant_that_does_not_measure_its_lease_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeldClaim, "lease_lasts", lambda *_: True)
    with pytest.raises(Violation, match="started v0/1, which is superseded by then"):
        sleeping_before_the_start(world(LONG, nodes=2))


def test_F2_a_report_whose_answer_was_lost_stays_one_result(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(LONG)

    def swap(self: MemoryRepository, base: Snapshot, commits: list[Commit], **more: Any) -> Outcome:
        outcome = original(self, base, commits, **more)
        return Unknown("lost") if any(commit.event.verb == "succeed" for commit in commits) else outcome

    original = MemoryRepository.swap
    monkeypatch.setattr(MemoryRepository, "swap", swap)
    ask(cluster, "request: start\n")
    go(cluster, 120)
    assert verbs(cluster).count("succeed") == 1
    assert cluster._leftovers() == []


def cut_off(cluster: Cluster, seconds: float) -> Machine:
    """The holder's link is cut for a while, as soon as the stage runs."""
    ask(cluster, "request: start\n")
    go(cluster, 12)
    machine = holder(cluster)
    machine.link.cut = True
    go(cluster, seconds)
    return machine


def test_F4_a_result_of_a_node_that_was_replaced_is_filed_as_superseded() -> None:
    cluster = world(LONG, nodes=3)
    machine = cut_off(cluster, 3 * LOST_AFTER)
    machine.link.cut = False
    go(cluster, 60)
    first, second = view(cluster).executions
    assert (first.state, second.state) == (State.SUPERSEDED, State.SUCCEEDED)
    assert first.result is not None
    assert cluster._leftovers() == []


def test_F4_a_result_of_a_lost_node_without_successor_is_accepted() -> None:
    text = pipeline("name: long, image: i, env: {FAKE_SECONDS: 40}, retry: {when: [infrastructure]}")
    cluster = world(text, nodes=2)
    machine = cut_off(cluster, 3 * LOST_AFTER)
    assert records(cluster) == [("long", State.LOST)]
    assert steps_of(view(cluster)).wait.reason == "NodeOffline"  # type: ignore[union-attr]
    machine.link.cut = False
    go(cluster, 30)
    [record] = view(cluster).executions
    assert (record.state, record.claim.epoch) == (State.SUCCEEDED, 2)


def test_F6_no_result_of_an_old_claim_is_accepted_after_a_long_sleep() -> None:
    cluster = world(pipeline("name: long, image: i, env: {FAKE_SECONDS: 400}"), nodes=2)
    ask(cluster, "request: start\n")
    go(cluster, 12)
    sleeper = holder(cluster)
    sleeper.asleep_until = cluster.clock.seconds + 3 * LOST_AFTER
    go(cluster, 3 * LOST_AFTER + 600)
    assert [state for _, state in records(cluster)] == [State.SUPERSEDED, State.SUCCEEDED]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_F7_wall_clocks_change_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def story() -> list[tuple[str, str, int | None]]:
        history = Cluster(seed).run().server.history(layout.STATE)
        return [(commit.event.verb, commit.event.project, commit.event.execution) for commit in history]

    right = story()
    hours = iter(range(10**9))
    monkeypatch.setattr(
        "flow.model.clock.VirtualClock.wall", lambda self: f"{1990 + next(hours) * 7 % 60}-01-01T00:00:00Z"
    )
    assert story() == right


def test_F10_a_server_that_is_away_ten_minutes_costs_nothing() -> None:
    stages = [f"name: s{number}, image: i, env: {{FAKE_SECONDS: 30}}" for number in range(2)]
    cluster = world(pipeline(*stages), nodes=3)
    ask(cluster, "request: start\n")
    go(cluster, 12)
    cluster.network.down_until = cluster.clock.seconds + 600
    go(cluster, 700)
    assert records(cluster) == [("s0", State.SUCCEEDED), ("s1", State.SUCCEEDED)]
    assert not {"lose", "reclaim", "take-back"} & set(verbs(cluster))


def test_F11_a_rewound_branch_halts_every_node_and_stops_nothing() -> None:
    cluster = world(LONG, nodes=2)
    ask(cluster, "request: start\n")
    go(cluster, 12)
    cluster.server.rewind(layout.STATE, 1)
    before = cluster.server.refs[layout.STATE]
    go(cluster, 20)
    assert cluster.server.refs[layout.STATE] == before
    assert all(machine.controller and machine.controller.halted for machine in cluster.machines)
    assert sum(c.running for machine in cluster.machines for c in machine.runner.containers().values()) == 1


def test_F15_a_request_survives_the_death_of_every_node_right_after_its_reply() -> None:
    cluster = world(LONG, nodes=3)
    ask(cluster, "request: start\n")
    while not view(cluster).replies:
        go(cluster, 1)
    for machine in cluster.machines:
        machine.runner.machine_reboot()
        cluster._crashed(machine)
    go(cluster, 400)
    assert records(cluster)[-1] == ("long", State.SUCCEEDED)
    assert [reply.seq for reply in view(cluster).replies] == [1]


def test_F15_a_project_restored_within_its_grace_time_lost_nothing() -> None:
    cluster = world(pipeline("name: a, image: i", "name: b, image: i, env: {FAKE_SECONDS: 5}"))
    ask(cluster, "request: start\nthen: pause\n")
    go(cluster, 30)
    text = cluster.observer.read_main("projects/v0/project.yaml")
    assert text is not None
    cluster.edit({"projects/v0/": None})
    go(cluster, 20)
    assert view(cluster).tombstone is not None
    cluster.edit({"projects/v0/project.yaml": text})
    go(cluster, 20)
    assert view(cluster).tombstone is None
    ask(cluster, "request: resume\n", 2)
    go(cluster, 40)
    assert records(cluster) == [("a", State.SUCCEEDED), ("b", State.SUCCEEDED)]


def test_R1250_a_project_made_anew_goes_on_with_the_numbers() -> None:
    cluster = world(pipeline("name: a, image: i"))
    ask(cluster, "request: start\n")
    go(cluster, 20)
    cluster.edit({"projects/v0/": None}, "away\n\nWinslow-Delete: now\n")
    go(cluster, 40)
    cluster.edit({"projects/v0/project.yaml": "pipeline: p\n"})
    ask(cluster, "request: start\n", 7)
    go(cluster, 40)
    [record] = view(cluster).executions
    assert (record.execution, record.state, view(cluster).replies[0].seq) == (2, State.SUCCEEDED, 2)


def test_R1250_requests_that_a_deleted_project_left_behind_are_not_answered_again() -> None:
    cluster = world(pipeline("name: a, image: i"))
    ask(cluster, "request: start\n")
    go(cluster, 20)
    cluster.edit({"projects/v0/project.yaml": None}, "away\n\nWinslow-Delete: now\n")
    go(cluster, 60)
    assert view(cluster).left == ("0001-start",), "it is still there, and its reply was purged"
    go(cluster, 600)
    assert verbs(cluster).count("purge") == 1
    assert not view(cluster).replies


def test_R1250_a_project_restored_after_its_purge_does_not_do_again_what_was_asked_before() -> None:
    cluster = world(pipeline("name: a, image: i"))
    ask(cluster, "request: start\n")
    go(cluster, 20)
    project = "pipeline: p\n"
    cluster.edit({"projects/v0/project.yaml": None}, "away\n\nWinslow-Delete: now\n")
    go(cluster, 120)
    assert view(cluster).tombstone.state == "purged"  # type: ignore[union-attr]
    cluster.edit({"projects/v0/project.yaml": project}, "back")
    go(cluster, 60)
    assert not view(cluster).unanswered
    assert not view(cluster).replies
    assert not view(cluster).executions
    cluster.edit({"projects/v0/requests/0077-start.yaml": "request: start\n"}, "again")
    go(cluster, 60)
    assert [e.execution for e in view(cluster).executions] == [2]


def test_more_than_five_deletions_at_once_wait_for_a_confirmation() -> None:
    cluster = Cluster(1, nodes=1, projects=7, weather=replace(FINE), requests=0)
    for number in range(7):
        cluster.edit({f"projects/v{number}/requests/0001-start.yaml": "request: start\n"})
    go(cluster, 60)
    cluster.edit({f"projects/v{number}/": None for number in range(7)})
    go(cluster, 40)
    assert not any(each.tombstone for each in cluster.snapshot().projects.values())
    cluster.edit({"README.md": "x"}, "yes\n\nWinslow-Confirm-Deletions: yes\n")
    go(cluster, 40)
    assert all(each.tombstone for each in cluster.snapshot().projects.values())


def test_M6_a_stage_of_five_days_is_never_ended_by_housekeeping(monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.simulation.cluster as module

    monkeypatch.setattr(module, "POLL", 120.0)
    cluster = world(pipeline("name: long, image: i, env: {FAKE_SECONDS: 432000}"), nodes=2)
    cluster.edit({"winslow.yaml": "schema: 1\nlost_after: 20m\n"})
    ask(cluster, "request: start\n")
    for _ in range(10):
        go(cluster, 44_000)
        cluster._crashed(cluster.machines[0])
        cluster._crashed(cluster.machines[1])
    assert records(cluster) == [("long", State.SUCCEEDED)]


def test_M7_an_abort_ends_a_stage_that_ignores_term_after_the_grace() -> None:
    cluster = world(pipeline("name: long, image: i, grace: 7s, env: {FAKE_SECONDS: 4000, FAKE_IGNORE_TERM: 1}"))
    ask(cluster, "request: start\n")
    go(cluster, 15)
    ask(cluster, "request: abort\n", 2)
    go(cluster, 7 + 4 * 5)
    [record] = view(cluster).executions
    assert (record.state, str(record.reason)) == (State.ABORTED, "Aborted")
    assert view(cluster).replies[-1].execution == 1


def test_a_retry_waits_for_its_back_off() -> None:
    text = pipeline("name: bad, image: i, env: {FAKE_EXIT: 1}, retry: {max: 1, when: [exit_code], backoff: 60s}")
    cluster = world(text)
    ask(cluster, "request: start\n")
    go(cluster, 50)
    assert len(view(cluster).executions) == 1
    go(cluster, 60)
    assert [execution.attempt for execution in view(cluster).executions] == [1, 2]


def test_a_node_that_drains_takes_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = world(LONG, nodes=2)
    cluster.edit({"nodes/n0.yaml": "drain: true\n"})
    ask(cluster, "request: start\n")
    go(cluster, 80)
    [record] = view(cluster).executions
    assert (record.claim.node, record.state) == ("n1", State.SUCCEEDED)


def test_an_older_node_leaves_a_newer_repository_alone() -> None:
    cluster = world(LONG)
    cluster.edit({"winslow.yaml": "schema: 2\n"})
    ask(cluster, "request: start\n")
    go(cluster, 40)
    assert view(cluster).executions == ()


def test_the_engine_being_away_is_not_the_end_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.contract.errors import EngineUnavailable
    from runner.contract.fake import FakeRunner

    cluster = world(LONG)
    ask(cluster, "request: start\n")
    go(cluster, 12)

    def away(self: FakeRunner) -> dict[str, object]:
        raise EngineUnavailable("no engine")

    with monkeypatch.context() as patch:
        patch.setattr(FakeRunner, "containers", away)
        patch.setattr(Cluster, "_leftovers", lambda self: [])
        patch.setattr(Cluster, "_running", lambda self: iter(()))
        go(cluster, 20)
    go(cluster, 60)
    assert records(cluster) == [("long", State.SUCCEEDED)]


def test_a_record_that_does_not_parse_stops_nothing() -> None:
    cluster = world(LONG)
    ask(cluster, "request: start\n")
    go(cluster, 12)
    server = cluster.server
    path = layout.execution("v0", 1, "long")
    good = cluster.observer.read_text(path)
    assert good is not None
    tip = server.refs[layout.STATE]
    _write(cluster, path, "version: 1\nexecution: [\n")
    go(cluster, 10)
    assert sum(c.running for c in cluster.machines[0].runner.containers().values()) == 1
    assert any(path in problem.text for problem in cluster.snapshot().problems)
    _write(cluster, path, good)
    go(cluster, 60)
    assert records(cluster) == [("long", State.SUCCEEDED)]
    assert server.is_ancestor(tip, server.refs[layout.STATE])


def _write(cluster: Cluster, path: str, text: str) -> None:
    """Somebody's hand in the controllers' branch. The checker does not read this commit."""
    from flow.model.commits import StateEvent, Write

    cluster.checker.look()
    base = cluster.snapshot()
    commit = Commit(StateEvent("meddle", "v0"), (Write(path, text),))
    MemoryRepository(cluster.server).swap(base, [commit], node="nobody")
    cluster.checker.read = len(cluster.server.history(layout.STATE))


TWO = pipeline("name: a, image: i, env: {FAKE_SECONDS: 15}", "name: b, image: i, env: {FAKE_SECONDS: 5}")


def test_R1130_a_deleted_pipeline_does_not_stop_its_projects() -> None:
    cluster = world(TWO)
    ask(cluster, "request: start\n")
    go(cluster, 10)
    cluster.edit({"pipelines/p.yaml": None})
    go(cluster, 60)
    assert records(cluster) == [("a", State.SUCCEEDED), ("b", State.SUCCEEDED)]
    ask(cluster, "request: start\nstage: b\n", 2)
    go(cluster, 30)
    assert records(cluster)[2:] == [("b", State.SUCCEEDED)]


def test_R1120_a_changed_pipeline_takes_effect_with_the_next_start() -> None:
    cluster = world(TWO)
    ask(cluster, "request: start\n")
    go(cluster, 10)
    cluster.edit({"pipelines/p.yaml": pipeline("name: a, image: i", "name: c, image: i")})
    go(cluster, 60)
    assert [stage for stage, _ in records(cluster)] == ["a", "b"]
    ask(cluster, "request: start\nstage: a\n", 2)
    go(cluster, 40)
    assert [stage for stage, _ in records(cluster)] == ["a", "b", "a", "c"]


def test_R1110_a_broken_pipeline_changes_nothing_and_is_reported() -> None:
    cluster = world(TWO)
    cluster.edit({"pipelines/p.yaml": "name: p\nstages: [\n"})
    ask(cluster, "request: start\n")
    go(cluster, 60)
    assert records(cluster) == [("a", State.SUCCEEDED), ("b", State.SUCCEEDED)]
    assert any(problem.text.startswith("pipelines/p.yaml:") for problem in cluster.snapshot().problems)


def test_R1240_a_project_that_moves_to_another_pipeline_finishes_its_chain_first() -> None:
    cluster = world(TWO)
    cluster.edit({"pipelines/q.yaml": "name: q\nstages: [{name: only, image: i}]\n"})
    ask(cluster, "request: start\n")
    go(cluster, 10)
    cluster.edit({"projects/v0/project.yaml": "pipeline: q\nname: Renamed\ntags: [x]\n"})
    go(cluster, 60)
    ask(cluster, "request: start\n", 2)
    go(cluster, 30)
    assert [stage for stage, _ in records(cluster)] == ["a", "b", "only"]


def test_a_request_for_what_is_not_there_is_rejected_with_a_reason() -> None:
    cluster = world(TWO)
    cluster.edit({"projects/v0/project.yaml": "pipeline: nowhere\n"})
    ask(cluster, "request: start\n")
    go(cluster, 20)
    [reply] = view(cluster).replies
    assert (reply.verdict, str(reply.reason)) == ("rejected", "UnknownPipeline")


def test_F15_a_late_merge_of_an_earlier_number_is_later() -> None:
    cluster = world(TWO)
    ask(cluster, "request: start\n", 5)
    go(cluster, 10)
    ask(cluster, "request: pause\n", 2)
    go(cluster, 40)
    assert [(reply.seq, reply.kind) for reply in view(cluster).replies] == [(1, "start"), (2, "pause")]
    assert steps_of(view(cluster)).wait.reason == "PauseRequested"  # type: ignore[union-attr]


def test_F16_nothing_is_claimed_while_requests_wait_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many requests only some are answered in a round. A pause among the others landed before any claim."""
    monkeypatch.setattr(state.snapshot.project_folders, "AT_ONCE", 2)
    cluster = world(LONG, nodes=2)
    wishes = ["start", "resume", "resume", "resume", "pause"]
    cluster.edit(
        {layout.request("v0", f"{n:04d}-{wish}.yaml"): f"request: {wish}\n" for n, wish in enumerate(wishes, 1)}
    )
    go(cluster, 60)
    assert [reply.kind for reply in view(cluster).replies] == wishes
    assert "claim" not in verbs(cluster)
    ask(cluster, "request: resume\n", 6)
    go(cluster, 90)
    assert records(cluster) == [("long", State.SUCCEEDED)]


def test_F16_an_abort_behind_many_requests_reaches_its_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state.snapshot.project_folders, "AT_ONCE", 2)
    cluster = world(LONG)
    ask(cluster, "request: start\n")
    go(cluster, 20)
    wishes = ["resume", "resume", "abort", "resume", "pause"]
    cluster.edit(
        {layout.request("v0", f"{n:04d}-{wish}.yaml"): f"request: {wish}\n" for n, wish in enumerate(wishes, 2)}
    )
    go(cluster, 60)
    assert [reply.kind for reply in view(cluster).replies] == ["start", *wishes]
    assert records(cluster) == [("long", State.ABORTED)]


def given_up_while_it_beats(cluster: Cluster) -> tuple[list[str], str]:
    """A node is cut off for long before it starts what it claimed. It is given up by a push that was decided before its
    next heartbeat arrived, and lands after that. What is started then, and what the record says at that moment.
    """
    ask(cluster, "request: start\n")
    started: list[str] = []
    runner = cluster.machines[0].runner
    create, start = runner.create, runner.start
    slow = [True]

    def making(spec: Spec) -> Sequence[str]:
        if slow:
            raise OSError(errno.ENOSPC, "no room for an image")
        return create(spec)

    def starting(id: str) -> None:
        started.append(str(view(cluster).executions[0].state))
        start(id)

    runner.create, runner.start = making, starting  # type: ignore[method-assign]
    first, second = cluster.machines
    second.link.cut = True
    go(cluster, 12)
    second.link.cut, first.link.cut = False, True
    while second.controller is None or second.controller.seen.silence("n0") < LOST_AFTER - 6:
        go(cluster, 5)
    for each in cluster.machines:
        each.pending = None
    cluster.clock.seconds = cluster.now["now"] = cluster.clock.seconds + 10
    assert second.controller
    given_up = second.controller.observe()  # and only later it acts on that
    first.link.cut = False
    slow.clear()
    assert first.controller
    first.controller.round()
    second.controller.step(given_up)
    cluster.clock.seconds = cluster.now["now"] = cluster.clock.seconds + 5
    first.controller.parts.workshop.launch(first.controller.parts.journal.entries[only_claim(first)])
    return started, str(view(cluster).executions[0].state)


def only_claim(machine: Machine) -> str:
    assert machine.controller
    [container] = machine.controller.parts.journal.entries
    return container


def test_F6_a_heartbeat_does_not_revive_a_lease_that_was_over() -> None:
    """Only a commit does, and then the push by which others give it up is refused."""
    started, state = given_up_while_it_beats(world(LONG, nodes=2))
    assert started == ["preparing"]
    assert state == "preparing"


def test_F6_the_variant_in_which_a_heartbeat_revives_it_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def prolong(self: SignsOfLife, sent: float | None, now: float, lost_after: float) -> bool:
        return self.latest is not None and now - self.latest < lost_after

    monkeypatch.setattr(SignsOfLife, "prolong", prolong)
    monkeypatch.setattr(HeldClaims, "_renew", lambda *_: None)
    cluster = world(LONG, nodes=2)
    with pytest.raises(Violation, match="n0 started v0/1, which is superseded by then"):
        given_up_while_it_beats(cluster)
