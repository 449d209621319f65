"""One suite for every state repository: what `state.contract.repository` promises, the fake and the real one keep
alike."""

import os
from pathlib import Path
from typing import Any

import pytest

from flow.model.commits import Commit, StateEvent, Write
from flow.model.snapshot import ProblemOrigin, Snapshot
from schema import layout
from schema.execution import Claim, Execution, State
from schema.node import Heartbeat
from schema.reply import Reply
from state.contract.errors import Inconsistent, NewerSchema, NotAStateRepository
from state.contract.repository import Edit, Landed, Rejected, Rejection, SignOfLife
from state.history.events import events
from tests.contract.repositories import ALL, AUTHOR, Pair, served

SERVERS = ("http", "ssh")
TRANSFERS = {
    "test_what_was_swapped_in_is_read_back_by_others",
    "test_F1_of_two_swaps_on_one_snapshot_one_lands",
    "test_a_swap_lands_all_its_commits_or_none",
    "test_of_two_edits_on_one_snapshot_one_lands",
    "test_a_beat_changes_the_object_id_under_its_lease",
    "test_F9_a_beat_says_whose_it_is",
    "test_F11_a_rewound_branch_no_longer_descends",
    "test_a_repository_without_settings_is_none_of_ours",
    "test_nothing_moved_is_the_same_snapshot",
    "test_texts_are_read_back_from_both_branches",
}
"""What depends on how objects and answers travel: all that runs over real servers without `WINSLOW_ALL_SERVERS=1`."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "pair" in metafunc.fixturenames:
        far = metafunc.function.__name__ in TRANSFERS or "WINSLOW_ALL_SERVERS" in os.environ
        metafunc.parametrize("pair", [*ALL, *(SERVERS if far else ())], indirect=True)


def test_what_is_said_to_depend_on_transport_is_there() -> None:
    assert set(globals()) >= TRANSFERS


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    if request.param in ALL:
        return ALL[request.param](tmp_path)
    server = request.getfixturevalue(request.param)
    return served(tmp_path, server.url(tmp_path / "remote.git"))


def record(number: int = 1, state: State = State.CLAIMED, **other: object) -> Execution:
    claim = Claim(id=f"{number:032x}", container=f"{number:032x}", node="gpu-01", incarnation="i")
    fields = {"execution": number, "stage": "work", "chain": 1, "request": "0001-start.yaml", "state": state}
    return Execution.model_validate({**fields, "claim": claim, **other})


def claim(number: int = 1, project: str = "v", **other: Any) -> Commit:
    path = layout.execution(project, number, "work")
    return Commit(
        StateEvent("claim", project, number, "work", fact="on gpu-01"), (Write(path, record(number, **other)),)
    )


def reply(name: str, seq: int) -> Commit:
    document = Reply(seq=seq, request=name, kind="start", verdict="accepted", by=AUTHOR)
    return Commit(StateEvent("accept", "v", request=name), (Write(layout.reply("v", name), document),))


def test_a_snapshot_holds_what_was_written(pair: Pair) -> None:
    snapshot = pair.one.fetch()
    assert set(snapshot.projects) == {"v", "w"}
    assert snapshot.projects["v"].pipeline is snapshot.pipelines["p"]
    assert (snapshot.settings.name, snapshot.problems) == ("lab", ())


def test_what_was_swapped_in_is_read_back_by_others(pair: Pair) -> None:
    base = pair.one.fetch()
    assert isinstance(pair.one.swap(base, [claim(1), claim(2)], node="gpu-01"), Landed)
    seen = pair.two.fetch()
    assert [e.execution for e in seen.projects["v"].executions] == [1, 2]
    assert seen.projects["v"].executions[0] == record(1)
    assert seen.wanted == base.main


def test_F1_of_two_swaps_on_one_snapshot_one_lands(pair: Pair) -> None:
    first, second = pair.one.fetch(), pair.two.fetch()
    assert isinstance(pair.one.swap(first, [claim(1)], node="gpu-01"), Landed)
    outcome = pair.two.swap(second, [claim(1)], node="gpu-02")
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.RACE
    again = pair.two.fetch()
    assert isinstance(pair.two.swap(again, [claim(2)], node="gpu-02"), Landed)
    assert len(pair.one.fetch().projects["v"].executions) == 2


def sign(node: str, nonce: str, expected: str | None = None) -> SignOfLife:
    return SignOfLife(Heartbeat(node=node, incarnation="i", nonce=nonce), expected)


def test_F3_a_claim_lands_with_its_heartbeat(pair: Pair) -> None:
    landed = pair.one.swap(pair.one.fetch(), [claim(1)], node="gpu-01", beat=sign("gpu-01", "first"))
    assert isinstance(landed, Landed)
    seen = pair.two.fetch()
    assert seen.heartbeats == {"gpu-01": landed.beat}
    assert [e.execution for e in seen.projects["v"].executions] == [1]
    assert pair.two.heartbeat("gpu-01").nonce == "first"  # type: ignore[union-attr]
    again = pair.one.swap(pair.one.fetch(), [claim(2)], node="gpu-01", beat=sign("gpu-01", "next", landed.beat))
    assert isinstance(again, Landed)
    assert pair.two.fetch().heartbeats == {"gpu-01": again.beat}


@pytest.mark.parametrize("moved", ["state", "heartbeat"])
def test_F3_or_neither_does(pair: Pair, moved: str) -> None:
    base = pair.one.fetch()
    if moved == "state":
        pair.two.swap(pair.two.fetch(), [claim(9)], node="gpu-02")
    else:
        pair.two.beat(Heartbeat(node="gpu-01", incarnation="j", nonce="other"), expected=None)
    before = pair.two.fetch()
    outcome = pair.one.swap(base, [claim(1)], node="gpu-01", beat=sign("gpu-01", "first"))
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.RACE
    after = pair.two.fetch()
    assert (after.state, after.heartbeats) == (before.state, before.heartbeats)


def test_a_swap_lands_all_its_commits_or_none(pair: Pair) -> None:
    base = pair.one.fetch()
    pair.two.swap(pair.two.fetch(), [claim(9)], node="gpu-02")
    pair.one.swap(base, [claim(1), claim(2)], node="gpu-01")
    assert [e.execution for e in pair.one.fetch().projects["v"].executions] == [9]


def test_files_and_folders_are_removed(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1), claim(2)], node="n")
    gone = Commit(StateEvent("purge", "v"), (Write("projects/v/executions/", None),))
    pair.one.swap(pair.one.fetch(), [gone], node="n")
    assert pair.two.fetch().projects["v"].executions == ()


def test_views_of_which_nothing_changed_keep_their_identity(pair: Pair) -> None:
    before = pair.one.fetch()
    pair.two.swap(pair.two.fetch(), [claim(1)], node="n")
    after = pair.one.fetch()
    assert after.projects["w"] is before.projects["w"]
    assert after.projects["v"] is not before.projects["v"]


def test_M14_fields_of_a_newer_version_are_kept(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1, colour="blue", later={"deep": [1, 2]})], node="n")
    seen = pair.two.fetch()
    known = seen.projects["v"].executions[0]
    path = layout.execution("v", 1, "work")
    ended = known.model_copy(update={"state": State.FAILED})
    pair.two.swap(seen, [Commit(StateEvent("fail", "v", 1), (Write(path, ended),))], node="n")
    extra = pair.one.fetch().projects["v"].executions[0].model_extra or {}
    assert (extra["colour"], extra["later"]) == ("blue", {"deep": [1, 2]})


def test_an_unanswered_request_names_who_asked(pair: Pair) -> None:
    commit = pair.edit({"projects/v/requests/0001-start.yaml": "request: start\n"}, author="Bob <bob@example.org>")
    pair.edit({"projects/w/project.yaml": "pipeline: p\ntags: [x]\n"})
    [file] = pair.two.fetch().projects["v"].unanswered
    assert (file.name, file.by, file.commit) == ("0001-start.yaml", "Bob <bob@example.org>", commit)
    assert file.request is not None


def test_F15_an_answered_request_is_not_looked_at_again(pair: Pair) -> None:
    pair.edit({"projects/v/requests/0001-start.yaml": "request: start\n"})
    pair.one.swap(pair.one.fetch(), [reply("0001-start.yaml", 1)], node="n")
    pair.edit({"projects/v/requests/0001-start.yaml": "request: abort\n"})
    assert pair.two.fetch().projects["v"].unanswered == ()


def test_a_request_that_does_not_parse_says_why(pair: Pair) -> None:
    pair.break_main({"projects/v/requests/0001-start.yaml": "request: strat\n"})
    [file] = pair.two.fetch().projects["v"].unanswered
    assert file.request is None
    assert "projects/v/requests/0001-start.yaml:1:" in file.problem


BROKEN = {
    "no stages": "name: p\nstages: []\n",
    "no name": "stages:\n  - {name: work, image: host/x}\n",
    "no YAML": "name: p\nstages: [\n",
    "another name": "name: q\nstages:\n  - {name: work, image: host/x}\n",
    "a place without a value": "name: p\nstages:\n  - {name: work, image: x, command: ['$[[ inputs.none ]]']}\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_R1110_the_version_in_force_is_the_newest_that_is_valid(pair: Pair, text: str) -> None:
    before = pair.two.fetch().pipelines["p"]
    pair.break_main({"pipelines/p.yaml": text})
    snapshot = pair.two.fetch()
    assert snapshot.pipelines["p"] == before
    assert snapshot.projects["v"].pipeline == before
    assert snapshot.projects["v"].pipeline_problem.startswith("pipelines/p.yaml:")
    assert snapshot.problems[0].text.startswith("pipelines/p.yaml:")


def test_R1110_a_pipeline_that_never_was_valid_is_none(pair: Pair) -> None:
    pair.break_main({"pipelines/new.yaml": "name: new\n", "projects/v/project.yaml": "pipeline: new\n"})
    view = pair.two.fetch().projects["v"]
    assert view.pipeline is None
    assert view.pipeline_problem.startswith("pipelines/new.yaml:1:1")


def test_the_version_in_force_does_not_depend_on_what_was_seen(pair: Pair) -> None:
    """One client sees only the ends, the other every step: good, broken, better, broken as before."""
    rubbish, path = "pipeline: [\n", "projects/v/project.yaml"
    pair.break_main({path: rubbish})
    assert pair.one.fetch().projects["v"].project.name == "Crossing"  # type: ignore[union-attr]
    pair.break_main({path: "pipeline: p\nname: Better\n"})
    pair.break_main({path: rubbish})
    for client in (pair.one, pair.two):
        view = client.fetch().projects["v"]
        assert view.project is not None
        assert view.project.name == "Better"
        assert view.problem.startswith(f"{path}:")


def test_two_broken_files_with_one_content_are_each_named(pair: Pair) -> None:
    pair.break_main({f"projects/{id}/project.yaml": "pipeline: [\n" for id in "vw"})
    problems = pair.two.fetch().problems
    assert [problem.path for problem in problems] == [f"projects/{id}/project.yaml" for id in "vw"]


def test_a_broken_document_of_a_node_stops_nothing_else(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1)], node="n")
    pair.break_state({layout.execution("v", 2, "work"): "rubbish: [\n", layout.reply("v", "0001-start.yaml"): "no\n"})
    pair.break_main({"projects/v/requests/0001-start.yaml": "request: start\n"})
    snapshot = pair.two.fetch()
    assert [e.execution for e in snapshot.projects["v"].executions] == [1]
    assert snapshot.projects["v"].unanswered == (), "a reply that cannot be read is a reply all the same"
    assert len([problem for problem in snapshot.problems if problem.origin is ProblemOrigin.STATE]) == 2


def test_R1130_a_project_that_left_main_is_deleted_by_somebody(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1)], node="n")
    commit = pair.edit({"projects/v/": None}, "away\n\nWinslow-Delete: now\n")
    view = pair.two.fetch().projects["v"]
    assert view.project is None
    assert view.deletion is not None
    assert (view.deletion.commit, view.deletion.by, view.deletion.now) == (commit, AUTHOR, True)


def test_of_two_edits_on_one_snapshot_one_lands(pair: Pair) -> None:
    base = pair.two.fetch().main
    pair.edit({"README.md": "one\n"})
    outcome = pair.two.propose(Edit({"README.md": "two\n"}, "two", AUTHOR), base=base)
    assert isinstance(outcome, Rejected)


def beat(pair: Pair, nonce: str, expected: str | None) -> object:
    return pair.one.beat(Heartbeat(node="gpu-01", incarnation="i", nonce=nonce), expected=expected)


def test_a_beat_changes_the_object_id_under_its_lease(pair: Pair) -> None:
    first = beat(pair, "a", None)
    assert isinstance(first, Landed)
    assert pair.two.fetch().heartbeats == {"gpu-01": first.oid}
    second = beat(pair, "b", first.oid)
    assert isinstance(second, Landed)
    assert second.oid != first.oid
    assert isinstance(beat(pair, "c", first.oid), Rejected)


def test_F9_a_beat_says_whose_it_is(pair: Pair) -> None:
    beat(pair, "a", None)
    pair.two.fetch()
    found = pair.two.heartbeat("gpu-01")
    assert found is not None
    assert found.incarnation == "i"
    assert pair.two.heartbeat("gpu-02") is None


def test_descends_knows_the_history(pair: Pair) -> None:
    first = pair.one.fetch()
    second = pair.edit({"README.md": "x\n"})
    pair.one.fetch()
    assert pair.one.descends(second, first.main)
    assert not pair.one.descends(first.main, second)
    assert not pair.one.descends(second, "f" * 40)


def test_F11_a_rewound_branch_no_longer_descends(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1)], node="n")
    lost = pair.one.fetch().state
    pair.rewind(layout.STATE, 1)
    assert not pair.one.descends(pair.one.fetch().state, lost)


def test_a_state_ahead_of_main_is_inconsistent(pair: Pair) -> None:
    pair.edit({"README.md": "x\n"})
    pair.one.swap(pair.one.fetch(), [claim(1)], node="n")
    pair.rewind(layout.MAIN, 1)
    with pytest.raises(Inconsistent):
        pair.two.fetch()


def test_a_repository_without_settings_is_none_of_ours(pair: Pair) -> None:
    pair.break_main({"winslow.yaml": None})
    with pytest.raises(NotAStateRepository, match=r"winslow\.yaml"):
        pair.two.fetch()


def test_M14_settings_of_a_later_version_that_cannot_be_read_stop_the_node(pair: Pair) -> None:
    pair.break_main({"winslow.yaml": "schema: 7\n"})
    assert pair.two.fetch().settings.schema_version == 7
    pair.break_main({"winslow.yaml": "schema: 7\nunheard_of: true\n"})
    with pytest.raises(NewerSchema, match="7"):
        pair.two.fetch()


def test_settings_that_do_not_parse_leave_the_older_ones_in_force(pair: Pair) -> None:
    pair.break_main({"winslow.yaml": "schema: 1\nnmae: x\n"})
    snapshot = pair.two.fetch()
    assert snapshot.settings.name == "lab"
    assert snapshot.problems[0].text.startswith("winslow.yaml:2:1: ")


def test_a_pinned_pipeline_is_that_of_its_commit(pair: Pair) -> None:
    old: Snapshot = pair.one.fetch()
    pair.edit({"pipelines/p.yaml": "name: p\nstages:\n  - {name: other, image: host/x}\n"})
    pair.edit({"projects/v/project.yaml": f"pipeline: p@{old.main}\n"})
    view = pair.two.fetch().projects["v"]
    assert view.pipeline is not None
    assert view.pipeline.stages[0].name == "work"


def test_a_pin_must_be_in_main(pair: Pair) -> None:
    stray = pair.edit({"pipelines/p.yaml": "name: p\nstages:\n  - {name: other, image: host/x}\n"})
    pair.one.fetch()
    pair.rewind(layout.MAIN, 1)
    pair.edit({"projects/v/project.yaml": f"pipeline: p@{stray}\n"})
    view = pair.one.fetch().projects["v"]
    assert view.pipeline is None
    assert stray in view.pipeline_problem


def test_R1130_deletions_are_confirmed_by_a_commit_since_the_oldest(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1), claim(1, "w")], node="n")
    pair.edit({"README.md": "0\n"}, "early\n\nWinslow-Confirm-Deletions: yes\n")
    pair.edit({"projects/v/": None})
    assert not pair.two.fetch().confirmed_deletions
    pair.edit({"README.md": "1\n"}, "sure\n\nWinslow-Confirm-Deletions: yes\n")
    pair.edit({"projects/w/": None})
    pair.edit({"README.md": "2\n"})
    assert pair.two.fetch().confirmed_deletions


def test_R1250_a_project_without_any_state_is_deleted_as_well(pair: Pair) -> None:
    """Nodes may have files of it. Seen while it leaves, and at a first look afterwards."""
    pair.one.fetch()
    commit = pair.edit({"projects/w/": None}, "away\n\nWinslow-Delete: now\n")
    pair.edit({"README.md": "later\n"})
    for repository in (pair.one, pair.two):
        view = repository.fetch().projects["w"]
        assert view.deletion
        assert (view.project, view.deletion.commit, view.deletion.now) == (None, commit, True)
    pair.edit({"projects/w/project.yaml": "pipeline: p\n"})
    assert pair.one.fetch().projects["w"].deletion is None


def test_R1250_requests_of_no_project_are_nobodys_deletion(pair: Pair) -> None:
    pair.break_main({"projects/x/requests/0001-start.yaml": "request: start\n"})
    assert "x" not in pair.one.fetch().projects
    pair.edit({"projects/x/": None})
    assert "x" not in pair.one.fetch().projects
    assert "x" not in pair.two.fetch().projects


def test_an_earlier_pair_can_be_looked_at(pair: Pair) -> None:
    base = pair.one.fetch()
    landed = pair.one.swap(base, [claim(1)], node="gpu-01")
    assert isinstance(landed, Landed)
    pair.one.fetch()
    assert not pair.one.at(base.main, base.state).projects["v"].executions
    assert [e.execution for e in pair.one.at(base.main, landed.oid).projects["v"].executions] == [1]
    assert next(pair.one.messages(landed.oid))[0] == landed.oid


def test_F15_a_deleted_project_that_is_restored_lost_nothing(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1)], node="n")
    pair.edit({"projects/v/": None})
    first = pair.two.fetch().projects["v"].deletion
    pair.edit({"projects/v/project.yaml": "pipeline: p\nname: Crossing\n"})
    view = pair.two.fetch().projects["v"]
    assert (view.deletion, len(view.executions)) == (None, 1)
    pair.edit({"projects/v/": None})
    again = pair.two.fetch().projects["v"].deletion
    assert first is not None
    assert again is not None
    assert again.commit != first.commit


def test_a_landed_swap_tells_what_a_fetch_would(pair: Pair) -> None:
    base = pair.one.fetch()
    outcome = pair.one.swap(base, [claim(1)], node="n")
    assert isinstance(outcome, Landed)
    fetched = pair.one.fetch()
    assert outcome.snapshot == fetched
    assert (fetched.state, fetched.main) == (outcome.oid, base.main)
    assert fetched.projects["w"] is base.projects["w"]


def test_a_view_keeps_its_identity_when_only_main_moved_elsewhere(pair: Pair) -> None:
    pair.edit({"projects/v/requests/0001-start.yaml": "request: start\n"})
    before = pair.one.fetch()
    pair.edit({"README.md": "x\n"})
    after = pair.one.fetch()
    assert after.main != before.main
    assert all(after.projects[id] is before.projects[id] for id in "vw")


def test_nothing_moved_is_the_same_snapshot(pair: Pair) -> None:
    assert pair.one.fetch() is pair.one.fetch()


def test_a_changed_pipeline_changes_the_views_that_use_it(pair: Pair) -> None:
    pair.edit({"pipelines/q.yaml": "name: q\nstages:\n  - {name: a, image: x}\n"})
    pair.edit({"projects/w/project.yaml": "pipeline: q\n"})
    before = pair.one.fetch()
    pair.edit({"pipelines/q.yaml": "name: q\nstages:\n  - {name: b, image: x}\n"})
    after = pair.one.fetch()
    assert after.projects["v"] is before.projects["v"]
    assert after.projects["w"].pipeline is after.pipelines["q"]


def test_a_folder_is_emptied_before_it_is_filled(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1), claim(2)], node="n")
    writes = (Write(layout.execution("v", 3, "work"), record(3)), Write("projects/v/executions/", None))
    pair.one.swap(pair.one.fetch(), [Commit(StateEvent("purge", "v"), writes)], node="n")
    assert [e.execution for e in pair.two.fetch().projects["v"].executions] == [3]


def test_texts_are_read_back_from_both_branches(pair: Pair) -> None:
    path = layout.log("v", 1, "work")
    pair.one.swap(pair.one.fetch(), [Commit(StateEvent("log", "v", 1), (Write(path, "line\n"),))], node="n")
    pair.two.fetch()
    assert pair.two.read_text(path) == "line\n"  # type: ignore[attr-defined]
    assert pair.two.read_text("projects/v/logs/none.txt") is None  # type: ignore[attr-defined]
    assert pair.two.read_main("winslow.yaml") == "schema: 1\nname: lab\n"  # type: ignore[attr-defined]


def test_M16_the_event_log_is_read_back(pair: Pair) -> None:
    event = StateEvent("claim", "v", 1, "work", fact="on a\nb", claim="c" * 32, by=AUTHOR, duration=1.5)
    base = pair.one.fetch()
    pair.one.swap(base, [Commit(event, claim(1).writes), claim(2)], node="gpu-01")
    pair.two.fetch()
    found = events(pair.two)
    assert [record.execution for record in found] == [None, 1, 2]
    first = found[1]
    assert (first.event, first.project, first.stage, first.node) == ("claim", "v", "work", "gpu-01")
    assert (first.text, first.claim, first.by, first.duration, first.wanted) == (
        "on a b", "c" * 32, AUTHOR, 1.5, base.main,
    )  # fmt: skip
    assert events(pair.two, since=first.commit) == found[2:]
    assert events(pair.two, limit=1) == found[2:]


def test_N5_names_that_layout_does_not_know_are_no_documents_and_are_told(pair: Pair) -> None:
    pair.break_main(
        {"pipelines/Bad Name.yaml": "no", "pipelines/p.yml": "no", "projects/UP/project.yaml": "no", "x/y": "no"}
    )
    snapshot = pair.two.fetch()
    assert (set(snapshot.pipelines), set(snapshot.projects)) == ({"p"}, {"v", "w"})
    assert [problem.path for problem in snapshot.problems] == [
        "pipelines/Bad Name.yaml",
        "pipelines/p.yml",
        "projects/UP/project.yaml",
    ]
