"""One node, real git, real processes: what a person asks for happens, and survives what happens to the node."""

from collections.abc import Callable

import pytest

from controller.failpoints import NAMES
from flow.project.replies import steps_of
from schema.execution import State
from schema.reasons import End, Refusal
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage
from tests.integration.node.waiting import eventually

Make = Callable[..., Lab]
TWO = stage("one", "open('a', 'w').write('x')") + stage("two", "print(open('a').read())")
LONG = stage("long", "time.sleep(60)")


def accepted(lab: Lab) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in lab.view().executions:
        if record.state is State.SUCCEEDED:
            counts[record.stage] = counts.get(record.stage, 0) + 1
    return counts


def test_R1410_a_start_runs_every_stage_and_hands_on_the_workspace(lab: Make) -> None:
    here = lab(TWO)
    here.node()
    here.ask("request: start\n")
    view = here.until_reason("Done")
    assert [(e.stage, e.state, e.workspace.source) for e in view.executions] == [
        ("one", State.SUCCEEDED, None),
        ("two", State.SUCCEEDED, 1),
    ]
    assert "x" in (here.repository.read_text("projects/v/logs/0002-two.txt") or "")


@pytest.mark.parametrize("failpoint", [f"{name}:{count}" for name in NAMES for count in (1, 2)])
def test_F12_a_node_killed_at_a_failpoint_ends_every_stage_exactly_once(lab: Make, failpoint: str) -> None:
    here = lab(TWO)
    first = here.node(failpoint=failpoint)
    here.ask("request: start\n")
    assert first.died()
    here.node()
    here.until_reason("Done")
    assert accepted(here) == {"one": 1, "two": 1}


def test_F5_a_restarted_controller_adopts_what_runs(lab: Make) -> None:
    here = lab(stage("slow", "[(print(n, flush=True), time.sleep(0.05)) for n in range(40)]; raise SystemExit(3)"))
    first = here.node()
    here.ask("request: start\n")
    here.until_state(State.RUNNING)
    first.kill()
    here.node()
    view = here.until_state(State.FAILED)
    [record] = view.executions
    assert (record.reason, record.result and record.result.exit_code) == (End.EXIT_CODE, 3)
    assert here.ran() == ["slow"]
    log = here.repository.read_text("projects/v/logs/0001-slow.txt") or ""
    assert [line.split(" ")[2] for line in log.splitlines()] == [str(n) for n in range(40)]


def test_R1440_M7_an_abort_ends_the_stage_and_pauses(lab: Make) -> None:
    here = lab(LONG)
    here.node()
    here.ask("request: start\n")
    here.until_state(State.RUNNING)
    here.ask("request: abort\n")
    view = here.until_state(State.ABORTED)
    assert (view.executions[0].reason, view.replies[-1].execution) == (End.ABORTED, 1)
    assert steps_of(view).wait.reason == "Failed"  # type: ignore[union-attr]


def test_M7_an_abort_reaches_a_stage_over_a_restart(lab: Make) -> None:
    here = lab(LONG)
    first = here.node()
    here.ask("request: start\n")
    here.until_state(State.RUNNING)
    first.kill()
    here.ask("request: abort\n")
    here.node()
    here.until_state(State.ABORTED)


def test_a_stage_past_its_timeout_fails_with_that_reason(lab: Make) -> None:
    here = lab(stage("long", "time.sleep(60)", timeout="1s") + stage("never"))
    here.node()
    here.ask("request: start\n")
    view = here.until_state(State.FAILED)
    assert (view.executions[0].reason, view.executions[0].text) == (End.TIMEOUT, "ran longer than its timeout of 1 s")


def test_a_silent_stage_fails_by_its_idle_timeout(lab: Make) -> None:
    here = lab(stage("mute", "print('one', flush=True); time.sleep(60)", idle_timeout="1s"))
    here.node()
    here.ask("request: start\n")
    assert here.until_state(State.FAILED).executions[0].reason is End.NO_OUTPUT


def test_M11_a_missing_promised_artifact_is_a_failure(lab: Make) -> None:
    here = lab(stage("one", "open('a.csv', 'w')", artifacts="{paths: [a.csv, b.csv]}"))
    here.node()
    here.ask("request: start\n")
    record = here.until_state(State.FAILED).executions[0]
    assert (record.reason, "b.csv" in record.text) == (End.MISSING_ARTIFACT, True)


def test_an_image_that_is_not_there_is_a_clear_failure(lab: Make) -> None:
    here = lab("  - {name: one, image: nobody/nothing, command: [x]}\n")
    here.node()
    here.ask("request: start\n")
    record = here.until_state(State.FAILED).executions[0]
    assert record.reason is End.IMAGE_UNAVAILABLE
    assert "--images" in record.text


def test_a_pool_path_that_is_not_there_names_the_input(lab: Make) -> None:
    here = lab(stage("one"))
    here.edit({"pipelines/p.yaml": "name: p\ninputs: {video: {type: file}}\nstages:\n" + stage("one")})
    here.node()
    here.ask("request: start\ninputs: {video: a/b.mp4}\n")
    record = here.until_state(State.FAILED).executions[0]
    assert (record.reason, record.text.startswith("video: no file 'a/b.mp4' in the pool")) == (End.INVALID_INPUT, True)


def test_S9_a_pool_path_that_leads_out_is_refused(lab: Make) -> None:
    here = lab(stage("one"))
    here.edit({"pipelines/p.yaml": "name: p\ninputs: {video: {type: file}}\nstages:\n" + stage("one")})
    (here.folder / "n1" / "pool").mkdir(parents=True)
    (here.folder / "n1" / "pool" / "lnk").symlink_to("/etc")
    here.node()
    here.ask("request: start\ninputs: {video: ../../etc/passwd}\n")
    here.ask("request: start\ninputs: {video: lnk/passwd}\n")
    view = here.until_state(State.FAILED)
    assert view.replies[0].reason is Refusal.INVALID_INPUT
    assert "leads out of the pool" in view.executions[0].text


def test_F10_M4_a_stage_ends_while_git_is_away_and_its_result_arrives_later(lab: Make) -> None:
    here = lab(stage("one", UNTIL_TOLD))
    here.node()
    here.ask("request: start\n")
    here.until_state(State.RUNNING)
    here.take_away()
    here.go()
    outbox = here.folder / "n1" / "node" / "outbox"
    deadline_guard(lambda: any(outbox.glob("*.json")))
    here.bring_back()
    here.until_reason("Done")
    assert here.ran() == ["one"]


def test_F11_a_rewound_remote_halts_the_node(lab: Make) -> None:
    import pygit2

    here = lab(TWO)
    node = here.node()
    here.ask("request: start\n")
    here.until_reason("Done")
    repo = pygit2.Repository(str(here.remote))
    ref = repo.references["refs/heads/winslow/state"]
    old = repo[repo[ref.target].parents[0].parents[0].id]  # type: ignore[attr-defined]
    repo.references.create("refs/heads/winslow/state", old.id, force=True)
    log = here.folder / "n1.log"
    deadline_guard(lambda: "went back" in log.read_text())
    here.ask("request: start\n")
    assert repo.references["refs/heads/winslow/state"].target == old.id
    assert node.child.poll() is None


def test_F9_a_second_node_of_one_name_refuses_to_start(lab: Make) -> None:
    here = lab(TWO)
    here.node("n1")
    deadline_guard(lambda: "n1" in here.repository.fetch().heartbeats)
    (here.folder / "twin").mkdir()
    twin = here.node_in("n1", "twin")
    assert twin.child.wait(60) == 1
    assert "choose another --name" in (here.folder / "twin.log").read_text()


def test_M3_kill_nine_any_number_of_times(lab: Make) -> None:
    here = lab(stage("a", "time.sleep(0.3)") + stage("b", "time.sleep(0.3)") + stage("c", "time.sleep(0.3)"))
    here.ask("request: start\n")
    import time

    for _ in range(8):
        node = here.node()
        time.sleep(0.7)
        node.kill()
    here.node()
    here.until_reason("Done")
    assert accepted(here) == {"a": 1, "b": 1, "c": 1}


def test_R1250_a_deleted_project_leaves_nothing_on_the_node(lab: Make) -> None:
    here = lab(LONG)
    here.node()
    here.ask("request: start\n")
    here.until_state(State.RUNNING)
    here.edit({"projects/v/": None}, "delete v\n\nWinslow-Delete: now\n")
    here.until(lambda view: view.tombstone is not None and view.tombstone.state == "purged")
    data = here.folder / "n1"
    deadline_guard(lambda: not list((data / "projects").glob("*")) and not list((data / "runs").glob("*")))


def test_two_nodes_share_the_work_and_a_dead_one_is_replaced(lab: Make) -> None:
    here = lab(stage("a", "time.sleep(0.2)"), lost_after="3s")
    first, second = here.node("n1"), here.node("n2")
    here.ask("request: start\n")
    view = here.until(lambda view: bool(view.executions))
    holder = view.executions[0].claim.node
    (first if holder == "n1" else second).kill()
    here.until_reason("Done")
    assert accepted(here) == {"a": 1}


def deadline_guard(condition: Callable[[], bool]) -> None:
    assert eventually(condition), "never happened"
