"""Boards among many nodes: how often they change, and that they say what is."""

from itertools import pairwise

import pytest

from controller.loop.round import Controller
from flow.boards.project_board import project_board
from flow.boards.root_board import root_board
from flow.model.snapshot import Snapshot
from flow.node.node_world import World
from flow.reconcile import stewardship
from schema import layout
from state.contract.repository import Outcome
from tests.simulation.cluster import Cluster
from tests.simulation.test_scenarios import ask, go, pipeline, world

SHORT = pipeline(*(f"name: s{number}, image: i, env: {{FAKE_SECONDS: 9}}" for number in range(40)))


def changes(cluster: Cluster) -> int:
    """How often the root board was written, and never with the same content."""
    commits = cluster.server.history(layout.STATE)
    texts = [w.content for commit in commits for w in commit.writes if w.path == layout.ROOT_BOARD]
    assert all(before != after for before, after in pairwise(texts))
    return len(texts)


def test_six_busy_nodes_change_the_root_board_at_most_once_a_minute() -> None:
    cluster = world(SHORT, nodes=6)
    files = {f"projects/v{number}/project.yaml": "pipeline: p\n" for number in range(6)}
    files |= {f"projects/v{number}/requests/0001-start.yaml": "request: start\n" for number in range(6)}
    cluster.edit(dict(files))
    go(cluster, 400)
    assert len(cluster.server.history(layout.STATE)) > 150, "they are busy"
    assert 4 <= changes(cluster) <= 400 / 60 + 1


def test_at_rest_every_board_says_what_is_and_no_more_commits_are_made() -> None:
    cluster = world(SHORT, nodes=3)
    ask(cluster, "request: start\nstage: s38\n")
    go(cluster, 200)
    snapshot, before = cluster.snapshot(), len(cluster.server.history(layout.STATE))
    assert snapshot.board == root_board(snapshot)
    assert cluster.server.text(layout.STATE, layout.board("v0")) == project_board(snapshot, snapshot.projects["v0"])
    go(cluster, 600)
    assert len(cluster.server.history(layout.STATE)) == before


def test_a_deleted_project_is_shown_as_such_and_then_not_at_all() -> None:
    cluster = world(SHORT)
    cluster.edit({"winslow.yaml": "schema: 1\ndelete_after: 300s\n"})
    ask(cluster, "request: start\nstage: s39\n")
    go(cluster, 60)
    cluster.edit({"projects/v0/": None})
    go(cluster, 100)
    assert "deleted by" in (cluster.server.text(layout.STATE, layout.board("v0")) or "")
    assert "## Being deleted (1)" in cluster.snapshot().board
    go(cluster, 600)
    assert cluster.server.text(layout.STATE, layout.board("v0")) is None
    assert "No projects yet." in cluster.snapshot().board


def test_nodes_of_two_versions_do_not_draw_over_each_other_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    turn: list[str] = []

    def step(self: Controller, world: World) -> Outcome | None:
        turn[:] = [world.me.node]
        return original(self, world)

    original = Controller.step
    monkeypatch.setattr(Controller, "step", step)
    monkeypatch.setattr(stewardship, "root_board", lambda snapshot: f"{root_board(snapshot)} by {turn[0]}")
    cluster = world(SHORT, nodes=2)
    ask(cluster, "request: start\nstage: s39\n")
    go(cluster, 900)
    assert 2 <= changes(cluster) <= 6
    before = changes(cluster)
    go(cluster, 3600)
    assert changes(cluster) == before
    ask(cluster, "request: start\nstage: s39\n", 2)
    go(cluster, 300)
    assert changes(cluster) > before


def test_a_file_that_does_not_parse_is_on_the_board_with_its_place_until_it_is_mended() -> None:
    cluster = world(SHORT, nodes=2)
    go(cluster, 100)
    cluster.edit({"pipelines/q.yaml": "name: q\nstages:\n  - {name: a, imagee: i}\n"})
    go(cluster, 100)
    assert "## Files without effect" in cluster.snapshot().board
    assert "pipelines/q.yaml:3:15:" in cluster.snapshot().board
    cluster.edit({"pipelines/q.yaml": None})
    go(cluster, 100)
    assert "do not parse" not in cluster.snapshot().board


def test_at_rest_nobody_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among ten thousand projects a drawing takes longer than all else in a round."""
    cluster = world(SHORT, nodes=2)
    ask(cluster, "request: start\nstage: s39\n")
    go(cluster, 300)
    drawn: list[Snapshot] = []
    monkeypatch.setattr(stewardship, "root_board", lambda snapshot: drawn.append(snapshot) or root_board(snapshot))
    go(cluster, 300)
    assert drawn == []
    cluster.edit({"projects/v1/project.yaml": "pipeline: p\n"})
    go(cluster, 100)
    assert drawn
    assert "## Not started (1)" in cluster.snapshot().board
