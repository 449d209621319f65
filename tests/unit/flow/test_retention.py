"""What may go from a node's disk, and what never does."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.reconcile.retention import MOST_PRESSURE, Drop, OnDisk, Rules, asked_for, drops, needed, rules_of
from flow.reconcile.retention_reasons import kept
from schema.execution import State
from schema.reasons import End
from schema.retention import Retention
from tests.unit.flow.builders import Story, fleet, started

STAGES = """
name: p
stages:
  - {name: one, image: i, discardable: true}
  - {name: two, image: i}
  - {name: three, image: i}
"""


def everything(story: Story, held: frozenset[tuple[str, int]] = frozenset()) -> OnDisk:
    numbers = frozenset(e.execution for e in story.view.executions)
    return OnDisk({"v": numbers}, {"v": frozenset(e.claim.container for e in story.view.executions)}, held)


def found(story: Story, pressure: int = 0, **settings: object) -> tuple[Drop, ...]:
    return drops(fleet(story, **settings), everything(story), pressure)


def numbers(story: Story, pressure: int = 0, what: str = "workspace", **retention: int) -> list[int]:
    return [d.execution for d in found(story, pressure, retention=retention) if d.what == what]


def repeated(times: int, **project: object) -> Story:
    """`detect` done so many times, in a chain of its own each."""
    story = Story(**project)
    for _ in range(times):
        assert story.ask(request="start", stage="detect").accepted
        story.ran()
    return story


def test_the_newest_successes_of_a_stage_stay() -> None:
    assert numbers(repeated(5), keep_succeeded=2) == [1, 2, 3]
    assert numbers(repeated(5)) == []


def test_failures_are_counted_for_themselves() -> None:
    story = repeated(2)
    for _ in range(3):
        story.ask(request="start", stage="detect")
        story.ran(State.FAILED, End.TIMEOUT)
    assert numbers(story, keep_failed=1, keep_succeeded=1) == [1, 3, 4]
    assert numbers(story, keep_failed=0) == [3, 4]  # the newest execution stays whatever it came to


def test_a_project_says_it_for_itself_and_pins() -> None:
    story = repeated(5, retention={"keep_succeeded": 1}, pin=[2])
    assert numbers(story, keep_succeeded=9) == [1, 3, 4]


def test_what_a_project_leaves_out_is_as_everywhere() -> None:
    assert rules_of(Retention(keep_succeeded=3, keep_logs=4), Retention(keep_succeeded=2)) == Rules(2, 10, 4)


def test_discardable_goes_once_a_later_stage_succeeded_and_is_not_built_on() -> None:
    story = started(STAGES)
    story.ran()
    assert numbers(story) == []
    story.ran(State.FAILED, End.EXIT_CODE)
    assert numbers(story) == []
    story.ask(request="resume", stage="two")
    story.ran()
    assert [(d.execution, d.why) for d in found(story)] == [(1, "discardable, and two succeeded")]


def test_what_a_stage_would_be_redone_on_stays() -> None:
    story = started(STAGES.replace(", discardable: true", ""))
    story.ran()
    story.ran()
    story.ask(request="start", stage="one")
    story.ran()
    assert numbers(story, keep_succeeded=1) == []  # 2 was built on 1
    story.ran()
    assert numbers(story, keep_succeeded=1) == [1, 2]


def test_what_a_request_names_stays_until_it_is_answered() -> None:
    story = repeated(5)
    story.pending({"request": "start", "workspace": {"from": 2}})
    assert numbers(story, keep_succeeded=1) == [1, 3, 4]


def test_nothing_goes_where_requests_are_still_to_be_read() -> None:
    story = repeated(5)
    story.view = replace(story.view, withheld=("0099-pause.yaml",))
    assert numbers(story, keep_succeeded=1) == []


def test_what_the_journal_speaks_of_stays() -> None:
    story = repeated(3)
    snapshot = fleet(story, retention={"keep_succeeded": 1})
    assert [d.execution for d in drops(snapshot, everything(story, frozenset({("v", 1)})))] == [2]


def test_only_what_is_here_goes() -> None:
    snapshot = fleet(repeated(3), retention={"keep_succeeded": 1})
    assert drops(snapshot, OnDisk({}, {})) == ()


def test_a_full_disk_takes_more_in_a_stated_order() -> None:
    story = repeated(3)
    for _ in range(2):
        story.ask(request="start", stage="detect")
        story.ran(State.FAILED, End.TIMEOUT)
    story.ask(request="start", stage="detect")
    story.ran()
    assert [numbers(story, level) for level in range(4)] == [[], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert [numbers(story, level, "log") for level in range(4)] == [[], [], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]


WISHES = st.sampled_from(["start", "redo", "from", "pause", "resume", "succeed", "fail", "skip", "lose"])


@settings(deadline=None)
@given(st.lists(WISHES, max_size=25), st.integers(0, MOST_PRESSURE), st.data())
def test_never_drops_the_base_of_anything_the_fold_may_still_want(
    acts: list[str], pressure: int, data: st.DataObject
) -> None:
    story = started(STAGES)
    for act in acts:
        _do(story, act, data)
    gone = {d.execution for d in found(story, pressure, retention={"keep_succeeded": 1, "keep_failed": 0})}
    assert not gone & needed(story.view)
    _wants_none_of(story, gone)
    story.ask(request="resume")
    _wants_none_of(story, gone)


def _wants_none_of(story: Story, gone: set[int]) -> None:
    slot = story.steps.run
    assert slot is None or slot.source not in gone
    assert all(e.execution not in gone and e.workspace.source not in gone for e in story.steps.active)


def _do(story: Story, act: str, data: st.DataObject) -> None:
    stage = data.draw(st.sampled_from(["one", "two", "three"]))
    if act in ("succeed", "fail", "lose"):
        if story.steps.run:
            endings = {"succeed": State.SUCCEEDED, "fail": State.FAILED, "lose": State.LOST}
            story.ran(endings[act], End.EXIT_CODE if act == "fail" else None)
    elif act == "from":
        number = data.draw(st.integers(1, max(1, story.view.last_execution)))
        story.ask(request="start", workspace={"from": number})
    elif act in ("redo", "skip"):
        story.ask(request="resume" if act == "redo" else "skip", stage=stage)
    else:
        story.ask(request=act)


@pytest.mark.parametrize("pressure", range(4))
def test_the_newest_execution_stays_under_every_pressure(pressure: int) -> None:
    story = repeated(2)
    assert 2 not in {d.execution for d in found(story, pressure, retention={"keep_succeeded": 1})}


def test_runs_of_a_claim_that_went_on_under_another_container_go_once_it_has_ended() -> None:
    story = started(STAGES)
    story.ran(State.RUNNING)
    before, now = "f" * 32, f"{1:032x}"
    disk = OnDisk({}, {"v": frozenset({before, now})}, runs={"v": {before: 1, now: 1}})
    assert drops(fleet(story), disk) == (), "it runs"
    story.now(1, state=State.SUCCEEDED)
    assert drops(fleet(story), replace(disk, held=frozenset({("v", 1)}))) == (), "the journal speaks of it"
    [drop] = drops(fleet(story), disk)
    assert (drop.what, drop.container, drop.execution) == ("log", before, 1)
    unknown = replace(disk, runs={"v": {"e" * 32: 2}})
    assert drops(fleet(story), unknown) == (), "newer than what this node has seen"


D = [f"blake3:{number:064x}" for number in range(3)]


def test_R1340_contents_that_a_stage_may_still_begin_with_are_asked_for() -> None:
    """By a request that waits, by the chain it opened, and by a redo, which puts the same in again."""
    story = started(STAGES)
    story.ran()
    wish = {"request": "start", "stage": "one", "workspace": {"from": 1, "add": {"mask": D[0]}}}
    story.pending(wish)
    assert asked_for(fleet(story)) == {D[0]}
    story.pending()
    story.ask(**wish)
    assert asked_for(fleet(story)) == {D[0]}
    record = story.ran()
    story.now(record.execution, workspace=record.workspace.model_copy(update={"add": {"mask": D[0]}}))
    story.ask(request="start", stage="two")
    story.ran()
    assert asked_for(fleet(story)) == {D[0]}
    story.ask(request="start", stage="one", workspace={"from": 1, "add": {"mask": D[1]}})
    record = story.ran()
    story.now(record.execution, workspace=record.workspace.model_copy(update={"add": {"mask": D[1]}}))
    assert asked_for(fleet(story)) == {D[1]}


def test_nobody_knows_what_requests_that_were_not_read_ask_for() -> None:
    story = started(STAGES)
    story.view = replace(story.view, withheld=("0100-start.yaml",))
    assert asked_for(fleet(story)) is None


def stays(story: Story, pressure: int = 0, held: frozenset[tuple[str, int]] = frozenset()) -> dict[int, str]:
    """Why each workspace that does not go stays."""
    disk, snapshot = everything(story, held), fleet(story)
    gone = drops(snapshot, disk, pressure)
    found = kept(snapshot, disk, gone, pressure)
    assert not {(each.execution, each.what) for each in found} & {(each.execution, each.what) for each in gone}
    assert len(found) + len(gone) == 2 * len(story.view.executions)
    return {each.execution: each.why for each in found if each.what == "workspace"}


def test_what_may_not_go_says_why() -> None:
    story = repeated(4, pin=[2])
    assert stays(story, MOST_PRESSURE) == {2: "it is pinned in project.yaml", 4: "its chain goes on from it"}
    assert stays(story, MOST_PRESSURE, frozenset({("v", 1)}))[1].startswith("its end is not told yet")
    assert stays(repeated(2))[1] == "of the newest 10 succeeded of detect"
    running = started()
    running.ran(State.RUNNING)
    assert stays(running, MOST_PRESSURE) == {1: "it is running"}
    asked = repeated(3)
    asked.pending({"request": "start", "workspace": {"from": 1}})
    assert "names it" in stays(asked, MOST_PRESSURE)[1]


def test_of_a_project_of_which_nothing_goes_the_project_says_why() -> None:
    story = repeated(3)
    story.view = replace(story.view, damage="winslow/state: broken")
    assert set(stays(story, MOST_PRESSURE).values()) == {
        "what the repository says of its project is damaged or flagged; `winslowctl doctor` says how"
    }


@pytest.mark.parametrize("pressure", range(MOST_PRESSURE + 1))
def test_nothing_is_both_dropped_and_kept(pressure: int) -> None:
    for story in (repeated(5, retention={"keep_succeeded": 1}), repeated(3, pin=[1])):
        stays(story, pressure)
