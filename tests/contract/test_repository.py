"""One suite for every state repository: what `state.repository` promises, the fake and the real one keep alike."""

from pathlib import Path

import pytest

from flow.change import Commit, Event, Write
from flow.world import Snapshot
from schema import layout
from schema.execution import Claim, Execution, State
from schema.node import Heartbeat
from schema.reply import Reply
from state.errors import Inconsistent, NotAStateRepository
from state.repository import Landed, Rejected, Rejection
from tests.contract.repositories import ALL, AUTHOR, Pair


@pytest.fixture(params=list(ALL))
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    return ALL[request.param](tmp_path)


def record(number: int = 1, state: State = State.CLAIMED, **other: object) -> Execution:
    claim = Claim(id=f"{number:032x}", container=f"{number:032x}", node="gpu-01", incarnation="i")
    fields = {"execution": number, "stage": "work", "chain": 1, "request": "0001-start.yaml", "state": state}
    return Execution.model_validate({**fields, "claim": claim, **other})


def claim(number: int = 1, project: str = "v", **other: object) -> Commit:
    path = layout.execution(project, number, "work")
    return Commit(Event("claim", project, number, "work", fact="on gpu-01"), (Write(path, record(number, **other)),))


def reply(name: str, seq: int) -> Commit:
    document = Reply(seq=seq, request=name, kind="start", verdict="accepted", by=AUTHOR)
    return Commit(Event("accept", "v", request=name), (Write(layout.reply("v", name), document),))


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


def test_a_swap_lands_all_its_commits_or_none(pair: Pair) -> None:
    base = pair.one.fetch()
    pair.two.swap(pair.two.fetch(), [claim(9)], node="gpu-02")
    pair.one.swap(base, [claim(1), claim(2)], node="gpu-01")
    assert [e.execution for e in pair.one.fetch().projects["v"].executions] == [9]


def test_files_and_folders_are_removed(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1), claim(2)], node="n")
    gone = Commit(Event("purge", "v"), (Write("projects/v/executions/", None),))
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
    pair.two.swap(seen, [Commit(Event("fail", "v", 1), (Write(path, ended),))], node="n")
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
    if not _takes_rubbish(pair, "projects/v/requests/0001-start.yaml", "request: strat\n"):
        return
    [file] = pair.two.fetch().projects["v"].unanswered
    assert file.request is None
    assert "projects/v/requests/0001-start.yaml:1:" in file.problem


def test_R1110_the_version_in_force_is_the_newest_that_parses(pair: Pair) -> None:
    if not _takes_rubbish(pair, "pipelines/p.yaml", "name: p\nstages: [\n"):
        return
    snapshot = pair.two.fetch()
    assert snapshot.pipelines["p"].stages[0].name == "work"
    assert any(problem.startswith("pipelines/p.yaml:") for problem in snapshot.problems)


def _takes_rubbish(pair: Pair, path: str, text: str) -> bool:
    """Bare remotes refuse it by their hook: that is the better half of the same promise."""
    from state.repository import Edit

    outcome = pair.one.propose(Edit({path: text}, "rubbish", AUTHOR), base=pair.one.fetch().main)
    if isinstance(outcome, Rejected):
        assert outcome.kind is Rejection.HOOK
        assert f"{path}:" in outcome.text
        return False
    return True


def test_R1130_a_project_that_left_main_is_deleted_by_somebody(pair: Pair) -> None:
    pair.one.swap(pair.one.fetch(), [claim(1)], node="n")
    commit = pair.edit({"projects/v/": None}, "away\n\nWinslow-Delete: now\n")
    view = pair.two.fetch().projects["v"]
    assert view.project is None
    assert view.deletion is not None
    assert (view.deletion.commit, view.deletion.by, view.deletion.now) == (commit, AUTHOR, True)


def test_of_two_edits_on_one_snapshot_one_lands(pair: Pair) -> None:
    from state.repository import Edit

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
    pair.edit({"winslow.yaml": None})
    with pytest.raises(NotAStateRepository, match=r"winslow\.yaml"):
        pair.two.fetch()


def test_a_pinned_pipeline_is_that_of_its_commit(pair: Pair) -> None:
    old: Snapshot = pair.one.fetch()
    pair.edit({"pipelines/p.yaml": "name: p\nstages:\n  - {name: other, image: host/x}\n"})
    pair.edit({"projects/v/project.yaml": f"pipeline: p@{old.main}\n"})
    view = pair.two.fetch().projects["v"]
    assert view.pipeline is not None
    assert view.pipeline.stages[0].name == "work"
