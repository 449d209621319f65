"""Who is told of what: on a change only, of what it is, and by which rule."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from flow.model.snapshot import Judged, Snapshot
from flow.node.node_states import NodeState
from flow.node.node_world import HeldClaim, LaunchOrder, ObservedContainer
from flow.status.notices import of_change, of_the_last, of_timeouts
from schema.execution import State
from schema.node import NodeAway
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started

ONE = "name: p\nstages:\n  - {name: only, image: i%s}\n"
RULE = {"to": ["chat"], "on": ["needs_person", "failed", "done", "node_lost", "timeout"]}


def now(story: Story, **settings: object) -> Snapshot:
    return fleet(story, node("n1"), **{"notify": [RULE], **settings})


def told(before: Snapshot, after: Snapshot) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.subject, each.title, each.to) for each in of_change(before, after, ["v", "v", "", "gone"])]


def test_M12_whoever_asked_is_told_that_a_project_needs_a_person() -> None:
    story = started()
    before = now(story)
    story.ran()
    assert told(before, now(story)) == [("needs_person", "v needs you", ("chat",))]


def test_M12_a_branch_that_asks_while_another_runs_is_told_once() -> None:
    text = "name: p\nstages: [{name: cut, image: i}, {name: ok, when: manual}, {name: more, image: i, needs: []}]\n"
    story = started(text)
    story.ran(State.RUNNING, of="more")
    story.ran(State.RUNNING)
    before = now(story)
    story.now(2, state=State.SUCCEEDED)
    asked = now(story)
    assert told(before, asked) == [("needs_person", "v needs you", ("chat",))]
    assert told(asked, now(story)) == []


@pytest.mark.parametrize(
    ("state", "subject", "title"),
    [(State.SUCCEEDED, "done", "Ulm is done"), (State.FAILED, "failed", "Ulm failed")],
)
def test_M12_the_end_of_a_project_is_told(state: State, subject: str, title: str) -> None:
    story = started(ONE % "", name="Ulm")
    before = now(story)
    story.ran(state)
    assert told(before, now(story)) == [(subject, title, ("chat",))]


def test_M12_what_did_not_change_is_not_told_again() -> None:
    story = started(ONE % "")
    story.ran(State.FAILED)
    assert told(now(story), now(story)) == []


def test_M12_a_failure_that_is_tried_again_is_not_told() -> None:
    story = started(ONE % ", retry: {max: 2, when: [exit_code]}")
    before = now(story)
    story.ran(State.FAILED, End.EXIT_CODE)
    assert story.steps.run
    assert told(before, now(story)) == []


def silent(found: Snapshot) -> Snapshot:
    told = NodeAway(why="silent", beat="1" * 40, by="n2", since="2026-03-01 09:30 UTC")
    return replace(found, inventories={"n1": found.inventories["n1"].model_copy(update={"away": told})})


def test_M12_a_lost_node_is_told_once_with_what_it_ran() -> None:
    story = started(ONE % "")
    story.ran(State.RUNNING)
    before = now(story)
    story.now(1, state=State.LOST, reason=End.NODE_LOST)
    [notice] = [each for each in of_change(before, silent(now(story)), ["v"]) if each.subject == "node_lost"]
    assert (notice.title, notice.path, notice.to) == ("node n1 is lost", "/nodes/n1", ("chat",))
    assert notice.text == "It gave no sign of life since 2026-03-01 09:30 UTC, as n2 saw. It ran v/1 only."
    assert of_change(silent(now(story)), silent(now(story)), ["v"]) == []


def test_M12_an_idle_node_that_is_lost_is_told_too() -> None:
    story = started(ONE % "")
    [notice] = of_change(now(story), silent(now(story)), [])
    assert (notice.subject, notice.text.endswith("It ran nothing.")) == ("node_lost", True)


@pytest.mark.parametrize(
    ("project", "rules", "to"),
    [
        ({"notify": ["ada"]}, [RULE], ("ada", "chat")),
        ({"notify": ["chat"]}, [RULE], ("chat",)),
        ({}, [{**RULE, "tags": ["drone"]}], ()),
        ({"tags": ["drone"]}, [{**RULE, "tags": ["drone"]}], ("chat",)),
        ({}, [{"to": ["chat"], "on": ["failed"]}], ()),
        ({}, [], ()),
    ],
)
def test_M12_rules_and_projects_say_who(project: dict[str, Any], rules: list[object], to: tuple[str, ...]) -> None:
    story = started(ONE % "", **project)
    before = now(story, notify=rules)
    story.ran()
    assert tuple(name for _, _, names in told(before, now(story, notify=rules)) for name in names) == to


@pytest.mark.parametrize(("used", "mark"), [(49, None), (50, 50), (79, 50), (81, 80), (99, 90)])
def test_M12_half_and_more_of_a_timeout_is_told_by_the_node_that_runs_it(used: float, mark: int | None) -> None:
    story = started(ONE % ", timeout: 100s")
    order = LaunchOrder(project="v", execution=1, stage="only", image="i", timeout=100.0)
    entry = HeldClaim(claim="1" * 32, container="1" * 32, order=order)
    world: Any = SimpleNamespace(
        snapshot=now(story),
        now=1000.0,
        entries={"1" * 32: entry},
        containers={"1" * 32: ObservedContainer("1" * 32, running=True, started=1000.0 - used)},
    )
    found = of_timeouts(world)
    assert [each.title for each in found] == ([f"v has used {mark} % of its time"] if mark else [])
    assert [each.key for each in found] == [each.key for each in of_timeouts(world)]


def test_M12_that_the_last_node_was_lost_is_told_by_who_finds_it_so() -> None:
    story = started()
    story.ran(State.RUNNING)
    silent = {"n1": Judged(NodeState.SILENT, "silent for 11 min")}
    alone = replace(now(story), heartbeats={"n1": "b" * 40})
    [lost] = of_the_last(replace(alone, judged=silent))
    notice = lost.notice
    assert (lost.node, lost.beat) == ("n1", "b" * 40)
    assert (notice.title, notice.to, notice.path) == ("node n1 is lost", ("chat",), "/nodes/n1")
    assert notice.text == "It is silent for 11 min, and no other node answers. It ran v/1 detect."
    later = replace(alone, judged={"n1": Judged(NodeState.SILENT, "silent for 12 min")})
    assert [each.notice.key for each in of_the_last(later)] == [notice.key]
    written = NodeAway(why="silent", beat="b" * 40, by="n2", since="2026-03-01 09:30 UTC")
    inventory = alone.inventories["n1"].model_copy(update={"away": written})
    told_by_another = replace(alone, judged=silent, inventories={"n1": inventory})
    assert of_the_last(alone) == of_the_last(told_by_another) == ()
    stopped = inventory.model_copy(update={"away": written.model_copy(update={"why": "stopped"})})
    assert of_the_last(replace(alone, inventories={"n1": stopped})) == ()
    assert of_the_last(replace(fleet(story, node("n1"), node("n2"), notify=[RULE]), judged=silent)) == ()
