"""Who is told of what a push changed, also where its answer is lost or the node dies: of each thing once."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from controller.loop.round import Controller
from flow.model.commits import Commit
from flow.model.snapshot import Snapshot
from flow.status.notices import of_change
from state.contract.repository import Landed, Outcome, Unknown
from tests.simulation.cluster import LOST_AFTER, Cluster, Machine
from tests.simulation.faults import Crash, FlakyRepository
from tests.simulation.test_scenarios import FINE, LONG, ask, go, holder, pipeline, verbs

NOTIFY = f"schema: 1\nlost_after: {LOST_AFTER:g}s\nnotify: [{{to: [ada], on: [failed, node_lost]}}]\n"
FAILS = pipeline("name: a, image: i, env: {FAKE_EXIT: 3}")


class Listening(Cluster):
    """Nodes that tell; `told` is what was sent, by key as a node's own notes hold it."""

    def __init__(self, text: str, nodes: int = 1) -> None:
        self.told: list[tuple[str, str]] = []
        self.known: set[tuple[str, str]] = set()
        super().__init__(1, nodes=nodes, projects=1, weather=replace(FINE), requests=0)
        self.person.obliging = True
        self.edit({"pipelines/p.yaml": text, "projects/v0/project.yaml": "pipeline: p\n", "winslow.yaml": NOTIFY})

    def _boot(self, machine: Machine) -> Controller:
        controller = super()._boot(machine)

        def changed(before: Snapshot, after: Snapshot, commits: Iterable[Commit]) -> None:
            for notice in of_change(before, after, [commit.event.project for commit in commits]):
                if (machine.name, notice.key) not in self.known:
                    self.known.add((machine.name, notice.key))
                    self.told.append((machine.name, notice.title))

        controller.parts = replace(controller.parts, changed=changed)
        return controller


def test_M12_R4_a_lost_node_is_told_though_its_stage_is_taken_over_in_the_same_push() -> None:
    cluster = Listening(LONG, nodes=2)
    ask(cluster, "request: start\n")
    go(cluster, 20)
    lost = holder(cluster)
    lost.link.cut = True
    go(cluster, 4 * LOST_AFTER)
    [other] = {machine.name for machine in cluster.machines} - {lost.name}
    assert verbs(cluster).count("lose") == 1
    assert cluster.told == [(other, f"node {lost.name} is lost")]


def _kills(outcome: Outcome) -> Outcome:
    raise Crash("after-push")


def _is_lost(outcome: Outcome) -> Outcome:
    return Unknown("the answer was lost")


@pytest.mark.parametrize("what", [_is_lost, _kills])
@pytest.mark.parametrize("landed", [True, False])
def test_M12_a_failure_is_told_whatever_becomes_of_the_push_that_says_so(
    monkeypatch: pytest.MonkeyPatch, what: Callable[[Outcome], Outcome], landed: bool
) -> None:
    cluster = Listening(FAILS)
    ask(cluster, "request: start\n")
    inner, left = FlakyRepository.swap, [1]

    def swap(self: FlakyRepository, base: Snapshot, commits: list[Commit], *, node: str) -> Outcome:
        hit = left and any(commit.event.verb == "fail" for commit in commits) and left.pop()
        outcome = inner(self, base, commits, node=node) if landed or not hit else Landed("")
        return what(outcome) if hit else outcome

    monkeypatch.setattr(FlakyRepository, "swap", swap)
    go(cluster, 120)
    assert not left
    assert verbs(cluster).count("fail") == 1
    assert cluster.told == [("n0", "v0 failed")]


def test_M12_a_kill_before_anybody_was_told_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The push has landed and was heard of; what follows it did not happen."""
    cluster = Listening(FAILS)
    ask(cluster, "request: start\n")
    inner, left = Controller._changed, [1]

    def changed(self: Controller, before: Snapshot, after: Snapshot, commits: list[Commit]) -> None:
        if left and any(commit.event.verb == "fail" for commit in commits) and left.pop():
            raise Crash("before telling")
        inner(self, before, after, commits)

    monkeypatch.setattr(Controller, "_changed", changed)
    go(cluster, 120)
    assert cluster.told == [("n0", "v0 failed")]
