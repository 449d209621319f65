"""T2: what is said of a node in each state, by every function whose words reach a surface: one value, said alike."""

from dataclasses import replace
from pathlib import Path

import pytest

from cli import sightings
from cli.doctor import _nodes
from cli.ps import condition
from flow.boards.root_board import root_board
from flow.model.snapshot import Judged, Snapshot
from flow.node.node_states import NodeState, judge, nobody_answers, rough, standing, unheard
from flow.reconcile.plan import plan
from flow.status.states import project_state
from schema.execution import State
from schema.node import Heartbeat, NodeAway
from schema.reasons import Wait
from tests.unit.flow.builders import Story, fleet, node, started

BEAT, NEXT = "1" * 40, "2" * 40
STOPPED = NodeAway(why="stopped", beat=BEAT, by="n1", since="2026-03-01 09:30 UTC")
SILENT = NodeAway(why="silent", beat=BEAT, by="n2", since="2026-03-01 09:30 UTC")


def lone(story: Story | None = None, *, drain: bool = False, schema: int = 1, **told: object) -> Snapshot:
    found = fleet(story or started(), node("n1", drain=drain, **told), schema=schema)
    return replace(found, heartbeats={"n1": BEAT})


def judged(state: NodeState, text: str) -> Snapshot:
    return replace(lone(), judged={"n1": Judged(state, text)})


CASES = {
    NodeState.READY: (lone(), Wait.ELECTION),
    NodeState.DRAINING: (lone(drain=True), Wait.DRAINING),
    NodeState.FULL: (lone(full="its disk is nearly full"), Wait.RESOURCES),
    NodeState.TOO_OLD: (lone(schema=2), Wait.NODE_TOO_OLD),
    NodeState.HALTED: (lone(halted="main went back"), Wait.NODE_OFFLINE),
    NodeState.STOPPED: (lone(away=STOPPED), Wait.NODE_OFFLINE),
    NodeState.SILENT: (lone(away=SILENT), Wait.NODE_OFFLINE),
    NodeState.UNSEEN: (judged(NodeState.UNSEEN, "none of its heartbeats is to be seen"), Wait.NODE_OFFLINE),
    NodeState.UNKNOWN: (judged(NodeState.UNKNOWN, "its last sign of life is 9 h old"), Wait.NODE_OFFLINE),
}


@pytest.mark.parametrize(("state", "found", "reason"), [(state, *case) for state, case in CASES.items()])
def test_T2_every_surface_says_the_same_of_a_node(state: NodeState, found: Snapshot, reason: Wait) -> None:
    now = standing(found, "n1")
    project = project_state(found, found.projects["v"])
    [planned] = plan(found)
    assert now.state is state
    assert f"| {now.why} |" in root_board(found)
    assert f"]{state}[" in condition(now.state, now.text)
    assert project.reason is reason
    if state is NodeState.READY:
        assert (planned.nodes, planned.waits) == (("n1",), "")
        return
    assert planned.nodes == ()
    assert " on n1" not in planned.waits
    assert planned.waits.startswith(f"{reason}: ")
    if reason is Wait.NODE_OFFLINE:
        assert now.why in project.text
        assert now.why in planned.waits
        assert bool(nobody_answers(found)) == (state in (NodeState.STOPPED, NodeState.SILENT, NodeState.UNKNOWN))


def test_T2_where_all_nodes_are_too_old_each_surface_says_so_and_names_the_upgrade() -> None:
    """Also of a request that nobody will answer, and beside a node that is away."""
    old = lone(schema=2)
    both = replace(fleet(started(), node("n1"), node("n2", away=SILENT), schema=2), heartbeats={"n1": BEAT, "n2": BEAT})
    why = "n1 too old: it reads schema 1, and winslow.yaml wants 2; upgrade Winslow there"
    waits = plan(old)[0].waits
    asked = lone(Story().pending({"request": "start"}), schema=2)
    assert nobody_answers(old) == f"no node can act: {why}"
    assert nobody_answers(both).startswith(f"no node can act: {why}, n2 silent")
    assert waits == f"NodeTooOld: {why.replace('n1 too', 'n1 is too')}"
    assert why in project_state(asked, asked.projects["v"]).text
    assert _nodes(old) == ("nodes", "fail", f"no node can act: {why}")
    assert _nodes(lone())[1] == "ok"


@pytest.mark.parametrize("told", [STOPPED, SILENT], ids=["stopped", "silent"])
def test_T2_another_heartbeat_voids_what_was_said_of_an_absence(told: NodeAway) -> None:
    found = lone(away=told)
    assert not standing(found, "n1").answers
    assert standing(replace(found, heartbeats={"n1": NEXT}), "n1").state is NodeState.READY
    assert not standing(replace(found, heartbeats={}), "n1").answers  # of the past, or removed


def test_T2_who_looks_judges_by_what_he_saw_himself() -> None:
    found = lone()
    heard = {"n1": Heartbeat(node="n1", incarnation="i", halted="main went back")}
    assert judge(found, {"n1": 599.0}, {}) == {}
    assert judge(found, {"n1": 660.0}, heard) == {"n1": Judged(NodeState.SILENT, "silent for 11 min")}
    assert judge(found, {"n1": 1.0}, heard) == {"n1": Judged(NodeState.HALTED, "main went back")}
    assert unheard(found, {"n1": 1800.0}) == {}  # a clock may be wrong by that
    assert unheard(found, {"n1": 9 * 3600.0})["n1"].state == NodeState.UNKNOWN


def test_B1_a_node_whose_heartbeats_nobody_sees_is_not_ready() -> None:
    found = replace(fleet(started(), node("n1"), node("n2")), heartbeats={"n2": BEAT})
    said = judge(found, {"n1": 0.0, "n2": 0.0}, {})
    assert {name: each.state for name, each in said.items()} == {"n1": NodeState.UNSEEN}
    now = standing(replace(found, judged=said), "n1")
    assert (now.takes, now.answers) == (False, True)
    assert "winslowctl doctor" in now.why
    assert judge(found, {"n1": 660.0}, {})["n1"].text.startswith("silent for 11 min, and none of its heartbeats")
    assert judge(found, {"n2": 0.0}, {}) == {}, "it joined since the last look"
    assert judge(replace(lone(), heartbeats={}), {"n1": 0.0}, {}) == {}, "it is alone, and takes work"


def test_an_offline_reason_names_the_node_how_long_and_the_remedy() -> None:
    story = started()
    story.ran()
    story.ask(request="answer", inputs={"keep": True})
    found = replace(fleet(story, node("n1"), node("n2")), heartbeats={"n1": BEAT, "n2": NEXT})
    found = replace(found, judged=judge(found, {"n1": 660.0}, {}))
    now = project_state(found, found.projects["v"])
    assert (now.state, now.reason, now.could) == ("queued", Wait.NODE_OFFLINE, ("n1",))
    assert now.text == "its files are only on n1, silent for 11 min; start it, or redo v --stage detect"


@pytest.mark.parametrize(
    ("state", "helps"),
    [
        (NodeState.SILENT, "start it"),
        (NodeState.STOPPED, "start it"),
        (NodeState.UNSEEN, "`winslowctl doctor` there says why"),
        (NodeState.HALTED, "`winslowctl recover` there says what was lost"),
        (NodeState.UNKNOWN, "look again in a moment"),
    ],
)
def test_T2_the_reason_ends_with_what_brings_that_node_back(state: NodeState, helps: str) -> None:
    """One that runs is not told to be started."""
    found = CASES[state][0]
    for told in (project_state(found, found.projects["v"]).text, plan(found)[0].waits):
        assert told.endswith(f"; {helps}")


def test_T2_of_several_nodes_each_gets_its_own_remedy() -> None:
    found = replace(fleet(started(), node("n1"), node("n2")), heartbeats={"n1": BEAT, "n2": NEXT})
    hidden = {"n1": Judged(NodeState.UNSEEN, "hidden"), "n2": Judged(NodeState.SILENT, "silent for 9 min")}
    text = project_state(replace(found, judged=hidden), found.projects["v"]).text
    assert text.endswith("; n1: `winslowctl doctor` there says why; start n2")
    silent = {name: Judged(NodeState.SILENT, "silent for 9 min") for name in ("n1", "n2")}
    assert project_state(replace(found, judged=silent), found.projects["v"]).text.endswith("; start one of them")


def test_a_dead_node_gives_no_files_to_others() -> None:
    story = started()
    story.ran()
    story.ask(request="answer", inputs={"keep": True})
    found = fleet(story, node("n1", address="n1:8485"), node("n2", key="k"))
    assert project_state(found, found.projects["v"]).text == "for n1, n2; n1 has the files, n2 can fetch them from n1"
    found = replace(found, judged=judge(found, {"n1": 660.0}, {}))
    assert project_state(found, found.projects["v"]).reason is Wait.NODE_OFFLINE


def test_what_runs_on_a_node_that_went_silent_is_said_to() -> None:
    story = started()
    story.ran(State.RUNNING)
    found = lone(story, away=SILENT)
    now = project_state(found, found.projects["v"])
    assert (now.state, now.reason) == ("running", Wait.NODE_OFFLINE)
    assert now.text == "its node n1 is silent since 2026-03-01 09:30 UTC, as n2 saw"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(6, "6 s"), (47, "40 s"), (380, "6 min"), (9000, "2 h"), (90_000, "1 day"), (200_000, "2 days")],
)
def test_a_silence_is_told_as_people_do(seconds: float, said: str) -> None:
    assert rough(seconds) == said


class Client:
    """A clone whose heartbeats a test changes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def heartbeat(self, node: str) -> Heartbeat:
        return Heartbeat(node=node, incarnation="i")


def test_T2_a_command_that_looks_again_sees_that_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(sightings.time, "clock_gettime", lambda clock: now[0])
    client, found = Client(tmp_path), lone()

    def look(seconds: float, beat: str) -> NodeState:
        now[0] += seconds
        seen = sightings.judged(client, replace(found, heartbeats={"n1": beat}))  # type: ignore[arg-type]
        return standing(seen, "n1").state

    assert look(0, BEAT) is NodeState.READY
    assert look(599, BEAT) is NodeState.READY
    assert look(2, BEAT) is NodeState.SILENT
    assert look(1, NEXT) is NodeState.READY
    assert look(601, NEXT) is NodeState.SILENT
    (tmp_path / sightings.FILE).write_text('{"boot": "another", "nodes": {}}')
    assert look(1, NEXT) is NodeState.READY  # this machine was booted: its clock began anew
