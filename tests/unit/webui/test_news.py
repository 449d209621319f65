"""What open pages are told to fetch anew."""

from dataclasses import replace

from flow.model.snapshot import Judged, ProblemOrigin, Snapshot, SnapshotProblem
from flow.node.node_states import NodeState
from tests.unit.flow.builders import fleet, node, started
from webui.asgi.streams import changed
from webui.source.view_source import Look


def look(snapshot: Snapshot) -> Look:
    return Look(snapshot, 0.0)


def test_R2_a_changed_project_is_told_by_its_name_and_one_that_came_as_a_change_of_the_list() -> None:
    before = fleet({"v": started(), "w": started()}, node("n1"))
    after = replace(before, projects={**before.projects, "v": replace(before.projects["v"], last_comment=1)})
    assert changed(look(after), look(before)) == ["project-v", "any"]
    more = replace(before, projects={**before.projects, "x": before.projects["v"]})
    assert changed(look(more), look(before)) == ["project-x", "list", "any"]
    assert changed(look(before), None) == ["all", "any"]


def test_N5_files_without_effect_change_the_list() -> None:
    before = fleet({"v": started()}, node("n1"))
    problem = SnapshotProblem("pipelines/p.yaml:1:1: what", ProblemOrigin.MAIN)
    assert changed(look(replace(before, problems=(problem,))), look(before)) == ["list", "any"]


def test_T2_a_node_in_another_state_changes_what_all_projects_say() -> None:
    before = fleet({"v": started()}, node("n1"))
    silent = replace(before, judged={"n1": Judged(NodeState.SILENT, "silent for 11 min")})
    longer = replace(before, judged={"n1": Judged(NodeState.SILENT, "silent for 12 min")})
    assert changed(look(silent), look(before)) == ["all", "any"]
    assert changed(look(longer), look(silent)) == ["any"]
