"""T1: a fault in one project is that project's fault, wherever a round meets it."""

from dataclasses import replace

import pytest

from flow.boards import root_board as boards
from flow.boards.root_board import root_board
from flow.reconcile import commit_draft
from flow.reconcile.decide import decide
from flow.reconcile.held_claims import HeldClaims
from flow.reconcile.new_claims import NewClaims
from flow.reconcile.project_fault import ProjectFault, blamed_on, without
from flow.reconcile.stewardship import Stewardship
from flow.status import states
from flow.status.states import project_state
from tests.unit.controller.worlds import PIPELINE, OneNode, server
from tests.unit.flow.builders import Story, fleet, node, started
from tests.unit.flow.test_capacity import world

SEAMS = [
    (HeldClaims, "_tend", lambda args: args[1].order.project),
    (Stewardship, "_replies", lambda args: args[0]),
    (NewClaims, "_consider", lambda args: args[0].waiter.project),
    (commit_draft, "project_board", lambda args: args[1].id),
]


def broken(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, project_of: object) -> None:
    """From now on this fails for `bad`."""
    real = getattr(owner, name)

    def fails(*args: object, **named: object) -> object:
        if project_of(args[1:] if isinstance(owner, type) else args) == "bad":  # type: ignore[operator]
            raise KeyError("nobody thought of it")
        return real(*args, **named)

    monkeypatch.setattr(owner, name, fails)


@pytest.mark.parametrize(("owner", "name", "project_of"), SEAMS, ids=lambda each: each if isinstance(each, str) else "")
def test_T1_a_fault_in_one_project_leaves_the_round_to_all_others(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, project_of: object
) -> None:
    asked = {id: Story().pending({"request": "start"}) for id in ("bad", "good")}
    found = fleet(asked, node("n1", slots=4))
    here = world(found, "n1")
    running = {entry.container: entry for entry in decide(here).grants}
    here = replace(here, entries=running)
    assert {commit.event.project for commit in decide(here).commits} >= {"bad", "good"}
    broken(monkeypatch, owner, name, project_of)
    decision = decide(here)
    assert [id for id, _ in decision.faults] == ["bad"]
    assert "KeyError" in decision.faults[0][1]
    assert {commit.event.project for commit in decision.commits if commit.event.project} == {"good"}
    assert {entry.order.project for entry in decision.grants} <= {"good"}


def test_T1_a_fault_that_leaving_the_project_out_does_not_mend_ends_the_round() -> None:
    found = fleet({"v": Story()}, node("n1"))
    fault = fault_in("v")
    once = without(found, fault)
    assert once.projects["v"].damage == str(fault)
    for snapshot, each in ((once, fault), (found, fault_in("gone"))):
        with pytest.raises(ProjectFault):
            without(snapshot, each)


def test_T1_a_fault_in_very_many_projects_is_a_fault_of_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {f"v{number}": Story().pending({"request": "start"}) for number in range(3)}
    here = world(fleet(asked, node("n1")), "n1")
    broken(monkeypatch, Stewardship, "_replies", lambda args: "bad")
    assert [id for id, _ in decide(here).faults] == ["v0", "v1", "v2"]
    monkeypatch.setattr("flow.reconcile.decide.MOST_FAULTS", 2)
    with pytest.raises(ProjectFault):
        decide(here)


@pytest.mark.parametrize("name", ["steps_of", "stale", "graph_of"])
def test_T1_boards_and_lists_show_all_others_where_one_project_cannot_be_shown(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked = {id: Story().pending({"request": "start"}) for id in ("bad", "good")}
    found = fleet(asked, node("n1", slots=4))
    broken(monkeypatch, states, name, lambda args: getattr(args[0], "id", "bad"))
    board = root_board(found)
    assert "| good |" in board
    assert "| bad |" in board
    shown = [project_state(found, view) for view in found.projects.values()]
    assert {each.project for each in shown if each.state == "new"} >= {"good"}
    if name == "steps_of":
        assert shown[0].state == "invalid"
        assert "a fault in Winslow; report it: KeyError" in shown[0].text
        assert "a fault in Winslow; report it: KeyError" in board
    assert [commit.event.project for commit in decide(world(found, "n1")).commits if commit.event.project]


def test_T1_a_row_that_cannot_be_drawn_says_so_and_ends_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    found = fleet({id: started() for id in ("bad", "good")}, node("n1", slots=4))
    broken(monkeypatch, boards, "_named", lambda args: args[0].id)
    drawn = root_board(found).splitlines()
    assert any(line.startswith("| bad ") and "a fault in Winslow" in line for line in drawn)
    assert any(line.startswith("| ") and "good" in line and "fault" not in line for line in drawn)


def fault_in(project: str) -> ProjectFault:
    with pytest.raises(ProjectFault) as found, blamed_on(project):
        raise KeyError("nobody thought of it")
    return found.value


def test_T1_a_fault_is_told_once_and_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    it = OneNode(server(PIPELINE))
    said: list[str] = []
    it.controller.alarms.say = said.append
    with monkeypatch.context() as patch:
        broken(patch, Stewardship, "_replies", lambda args: "bad")
        it.ask(request="start")
        it.rounds(3)
        assert it.view.executions == ()
    [told] = said
    assert told.startswith("v: nothing is decided for this project, which is a fault in Winslow: KeyError")
    it.until(lambda: bool(it.view.executions))
    assert len(said) == 2
    assert said[1].startswith("over: v: nothing")
