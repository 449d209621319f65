"""L3, L4, M13: the order of what waits: fair, without starvation, without idle places, and the same for everybody."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.model.snapshot import ProjectView, Snapshot
from flow.order import ledger as ledgers
from flow.order.ledger import Ledger, ledger
from flow.order.shares import shares
from flow.order.waiting import order
from flow.project.active import open_views
from flow.reconcile.decide import decide
from flow.reconcile.plan import plan
from flow.status.states import project_state
from schema.execution import AskedRecord, Execution, State, Times
from schema.reasons import Wait
from tests.unit.flow.builders import Node, Story, fleet, node, started
from tests.unit.flow.test_capacity import world

ONE = "name: p\nstages:\n  - {{name: one, image: i, resources: {}}}\n"
BY = "{} <{}@lab.example>"


def waits(by: str, resources: str = "{}", *, at: str = "", **project: object) -> Story:
    """A project of somebody's that waits."""
    story = started(ONE.format(resources), **project)
    changed = tuple(reply.model_copy(update={"by": BY.format(by, by), "at": at}) for reply in story.view.replies)
    story.view = replace(story.view, replies=changed)
    return story


def used(by: str, day: int, hours: float, *, node_name: str = "n1", gpus: int = 0, **project: object) -> Story:
    """A project of somebody's that has run for so long, in January."""
    story = waits(by, **project)
    record = story.ran()
    times = Times(started=f"2026-01-{day:02d}T00:00:00Z", finished=moment(day, hours))
    claim = record.claim.model_copy(update={"node": node_name})
    given = tuple(f"GPU-{n}" for n in range(gpus))
    story.now(record.execution, times=times, claim=claim, asked=AskedRecord(cpus=1), gpus=given)
    return story


def moment(day: int, hours: float) -> str:
    more, hour = divmod(int(hours), 24)
    return f"2026-01-{day + more:02d}T{hour:02d}:{int(hours % 1 * 60):02d}:00Z"


def told(found: Snapshot) -> list[str]:
    return [place.waiter.project for place in order(found, open_views(found))]


def after(found: Snapshot, name: str) -> list[tuple[str, str]]:
    """What a node takes anew in one round."""
    grants = [entry.order for entry in decide(world(found, name)).grants]
    return [(each.project, name) for each in grants if each.execution > found.projects[each.project].last_execution]


def test_M13_of_one_priority_whoever_used_least_goes_first() -> None:
    stories = {"a": waits("ada"), "b": waits("ben"), "past": used("ada", 5, 3)}
    assert told(fleet(stories, node("n1"))) == ["b", "a"]


def test_M13_accounts_take_turns_so_that_many_stages_do_not_stand_before_one() -> None:
    stories = {f"a{n}": waits("ada") for n in range(3)} | {"b": waits("ben")}
    assert told(fleet(stories, node("n1"))).index("b") == 1


def test_M13_priority_comes_before_shares() -> None:
    stories = {"a": waits("ada", priority=60), "b": waits("ben"), "past": used("ada", 5, 9)}
    assert told(fleet(stories, node("n1"))) == ["a", "b"]


def test_M13_what_was_used_long_ago_counts_less() -> None:
    stories = {"a": used("ada", 1, 4), "b": used("ben", 15, 3)}
    found = fleet(stories, node("n1"), fair_share={"half_life": "7 days"})
    score = {name: share.score for name, share in shares(found).items()}
    assert score["ada@lab.example"] < score["ben@lab.example"]
    assert shares(found)["ada@lab.example"].used == 1.0


def test_M13_a_gpu_costs_eight_cores_and_a_weight_divides() -> None:
    stories = {"a": used("ada", 1, 1, gpus=1), "b": used("ben", 1, 9)}
    found = fleet(stories, node("n1"))
    assert shares(found)["ada@lab.example"].used == shares(found)["ben@lab.example"].used == 9.0
    heavier = fleet(stories, node("n1"), fair_share={"weights": {"ada@lab.example": 3}})
    ada, ben = (shares(heavier)[f"{name}@lab.example"].score for name in ("ada", "ben"))
    assert ada * 3 == pytest.approx(ben, abs=3)


@pytest.mark.parametrize(
    ("by", "expected"), [("person", {"ada@lab.example", "x@far.example"}), ("group", {"lab", "x@far.example"})]
)
def test_M13_an_account_is_a_person_or_a_group(by: str, expected: set[str]) -> None:
    stories = {"a": used("ada", 1, 1), "x": used("x", 1, 1)}
    reply = stories["x"].view.replies[0].model_copy(update={"by": "X <X@far.example>"})
    stories["x"].view = replace(stories["x"].view, replies=(reply,))
    share = {"by": by, "groups": {"lab": ["*@lab.example"]}}
    assert set(shares(fleet(stories, node("n1"), fair_share=share))) == expected


def test_M13_an_account_is_a_tag() -> None:
    stories = {"a": used("ada", 1, 1, tags=("ulm", "drone")), "b": used("ada", 1, 1)}
    assert set(shares(fleet(stories, node("n1"), fair_share={"by": "tag"}))) == {"ulm", "untagged"}


def test_L4_what_waited_long_gains_priority_up_to_the_highest() -> None:
    stories = {
        "low": waits("ada", at="2026-01-01T00:00:00Z", priority=10),
        "high": waits("ada", at="2026-01-20T00:00:00Z", priority=60),
        "past": used("ben", 20, 1),
    }
    assert told(fleet(stories, node("n1"), fair_share={"aging": "1 day"}))[0] == "high"
    found = fleet(stories, node("n1"), fair_share={"aging": "6h"})
    assert told(found) == ["low", "high"]
    assert [place.priority for place in order(found, open_views(found))] == [60, 60]


def test_F7_one_clock_that_jumped_decides_little() -> None:
    stories = {"a": used("ada", 1, 4), "b": used("ben", 2, 4, node_name="n2"), "c": used("eve", 1, 1, node_name="n3")}
    before = ledger(fleet({name: stories[name] for name in "ab"}, node("n1"))).now
    times = stories["c"].view.executions[0].times.model_copy(update={"finished": "2099-01-01T00:00:00Z"})
    stories["c"].now(1, times=times)
    found = fleet(stories, node("n1"))
    assert ledger(found).now <= before + ledgers.AHEAD
    assert shares(found)["ada@lab.example"].used > 1


people = st.sampled_from(["ada", "ben", "eve"])
pasts = st.lists(st.tuples(people, st.integers(1, 20), st.floats(0.1, 30), st.sampled_from(["n1", "n2"])), max_size=6)
wishes = st.lists(st.tuples(people, st.integers(49, 51), st.sampled_from(["{}", "{cpus: 2}", "{gpus: 1}"])), max_size=8)
Past = list[tuple[str, int, float, str]]
Wished = list[tuple[str, int, str]]


def repository(past: Past, wanted: Wished, *nodes: Node) -> Snapshot:
    stories = {f"p{n}": used(by, day, hours, node_name=where) for n, (by, day, hours, where) in enumerate(past)}
    stories |= {f"w{n}": waits(by, resources, priority=p) for n, (by, p, resources) in enumerate(wanted)}
    return fleet(stories, *nodes)


@settings(max_examples=40, deadline=None)
@given(pasts, wishes, st.integers(0, 1000))
def test_L3_the_order_is_the_same_however_one_came_to_know_of_it(past: Past, wanted: Wished, seed: int) -> None:
    found = repository(past, wanted, node("n1"))
    expected, scores = told(found), {name: each.score for name, each in shares(found).items()}
    ledgers._LAST[0] = Ledger()
    seen: dict[str, ProjectView] = {}
    ids = list(found.projects)
    Random(seed).shuffle(ids)
    for id in ids:  # one commit after the other
        seen = {**seen, id: found.projects[id]}
        ledger(replace(found, projects=seen))
    again = replace(found, projects={id: seen[id] for id in found.projects})
    assert told(again) == expected
    assert {name: each.score for name, each in shares(again).items()} == scores
    fresh = ledgers._summed(again.projects)
    assert (fresh.cost, fresh.newest) == (ledger(again).cost, ledger(again).newest)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), pasts)
def test_L3_nobody_gains_by_splitting_work_into_many_projects(mine: int, theirs: int, past: Past) -> None:
    def turns(split: bool) -> list[str]:
        stories = {f"b{n}": waits("ben") for n in range(theirs)}
        stories |= {f"p{n}": used(by, day, hours) for n, (by, day, hours, _) in enumerate(past)}
        if split:
            stories |= {f"a{n:02d}": waits("ada") for n in range(mine)}
        else:
            text = "name: p\nstages:\n" + "".join(f"  - {{name: s{n}, image: i, needs: []}}\n" for n in range(mine))
            one = started(text)
            by = tuple(reply.model_copy(update={"by": BY.format("ada", "ada")}) for reply in one.view.replies)
            one.view = replace(one.view, replies=by)
            stories["a00"] = one
        found = fleet(stories, node("n1"))
        return [place.account for place in order(found, open_views(found))]

    assert turns(split=True) == turns(split=False)


@settings(max_examples=40, deadline=None)
@given(pasts, wishes, st.integers(1, 4), st.integers(1, 6))
def test_L4_no_slot_waits_while_it_fits_and_nothing_before_it_could_use_the_place(
    past: Past, wanted: Wished, slots: int, cpus: int
) -> None:
    found = repository(past, wanted, node("n1", slots=slots, cpus=cpus, memory=64 * 2**30))
    taken = [project for project, _ in after(found, "n1")]
    left, room, modest = slots, float(cpus), min(1.0, cpus / slots)
    for project in told(found):
        asked = found.projects[project].pipeline.stages[0].resources  # type: ignore[union-attr]
        if asked.gpus or (asked.cpus or 0) > cpus:
            assert project not in taken
            continue
        needs = asked.cpus if asked.cpus is not None else modest
        if not left or needs > room + 1e-9:
            break  # from here on what stands in its way waits too
        assert project in taken, (project, taken)
        left, room = left - 1, room - needs


def test_L4_a_big_stage_does_not_wait_for_ever_behind_small_ones() -> None:
    """Small ones come without end; each ends in its turn. The big one runs before any that came after it."""
    here = node("n1", slots=4, cpus=4, memory=64 * 2**30)
    running = [waits("ada", "{cpus: 2}"), waits("ada", "{cpus: 2}")]
    for story in running:
        story.ran(State.RUNNING)
    stories = {"r0": running[0], "r1": running[1], "big": waits("ben", "{cpus: 4}")}
    taken: list[str] = []
    for turn in range(6):
        stories[f"s{turn}"] = waits("ada", "{cpus: 2}")
        done = next((story for story in stories.values() if any(e.state.active for e in story.view.executions)), None)
        if done:
            times = Times(started=moment(turn + 1, 0), finished=moment(turn + 1, 1))
            done.now(1, state=State.SUCCEEDED, times=times)
        for project, _ in after(fleet(stories, here), "n1"):
            taken.append(project)
            stories[project].ran(State.RUNNING)
        if "big" in taken:
            break
    assert taken == ["big"]


def test_L4_what_wants_nothing_that_the_big_one_is_short_of_goes_on() -> None:
    gpu = {"uuid": "GPU-1", "model": "a", "memory": 2**30}
    here = node("n1", slots=4, cpus=4, memory=64 * 2**30, gpus=[gpu])
    holder = waits("ada", "{gpus: 1}")
    holder.ran(State.RUNNING)
    holder.now(1, gpus=("GPU-1",), state=State.RUNNING)
    stories = {"h": holder, "big": waits("ben", "{gpus: 1}"), "small": waits("ada")}
    assert [project for project, _ in after(fleet(stories, here), "n1")] == ["small"]


@pytest.mark.parametrize("limit", [{"running": 1}, {"cpus": 1.5}])
def test_M13_a_quota_is_never_exceeded_and_says_why(limit: dict[str, object]) -> None:
    def repository_now() -> Snapshot:
        return fleet(stories, node("n1", slots=4, cpus=4), quotas={"ada@lab.example": limit})

    stories = {f"a{n}": waits("ada", "{cpus: 1}") for n in range(3)} | {"b": waits("ben", "{cpus: 1}")}
    taken = after(repository_now(), "n1")
    assert len(taken) == 2
    assert ("b", "n1") in taken
    stories["a0"].ran(State.RUNNING)
    stories["a0"].now(1, asked=AskedRecord(cpus=1), state=State.RUNNING)
    found = repository_now()
    now = project_state(found, found.projects["a1"])
    assert now.reason is Wait.QUOTA
    assert "ada@lab.example has 1" in now.text
    assert [each.project for each in plan(found) if each.nodes] == ["b"]


def test_M13_a_stage_beyond_the_whole_quota_says_that_it_can_never_run() -> None:
    found = fleet({"a": waits("ada", "{cpus: 3}")}, node("n1", cpus=4), quotas={"*": {"cpus": 2}})
    assert after(found, "n1") == []
    now = project_state(found, found.projects["a"])
    assert now.text.endswith("it wants 3 cores, and the quota of ada@lab.example is 2 cores: it can never run")


def test_M13_of_a_resource_group_only_so_many_run_in_all_projects() -> None:
    text = "name: p\nstages:\n  - {name: one, image: i, resource_group: robot}\n"
    stories = {f"v{n}": started(text) for n in range(3)}
    here = node("n1", slots=4, cpus=4)
    assert len(after(fleet(stories, here), "n1")) == 1
    assert len(after(fleet(stories, here, resource_groups={"robot": 2}), "n1")) == 2
    stories["v0"].ran(State.LOST)
    stories["v0"].now(1, asked=AskedRecord(group="robot"), state=State.LOST)
    found = fleet(stories, here)
    assert project_state(found, found.projects["v1"]).text == "resource_group 'robot' takes 1 at once, and v0/1 has it"


def test_the_order_is_sorted_within_an_account_by_age() -> None:
    stories = {f"v{n}": waits("ada", at=f"2026-01-{day:02d}T00:00:00Z") for n, day in enumerate((9, 3, 6))}
    found = fleet(stories, node("n1"))
    assert told(found) == ["v1", "v2", "v0"]
    scores = [place.score for place in order(found, open_views(found))]
    assert all(a < b for a, b in pairwise(scores))


def test_an_execution_that_took_anothers_result_cost_nothing() -> None:
    record = used("ada", 1, 2).view.executions[0]
    assert record.spent
    taken = Execution.model_validate({**record.model_dump(by_alias=True), "cached": {"project": "v", "execution": 1}})
    assert taken.spent is None
