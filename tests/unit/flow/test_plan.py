"""A plan says exactly what the nodes would do (M9)."""

from dataclasses import asdict, replace

from flow.boards.planned import Planned
from flow.model.snapshot import Departure
from flow.reconcile.plan import plan
from schema.execution import State
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started

ONE = "name: p\nstages: [{name: only, image: i, env: {A: 1, B: 2}}]\n"


def planned(story: Story, *nodes: object) -> Planned:
    [found] = plan(fleet(story, *(nodes or (node("n1"),))))  # type: ignore[arg-type]
    return found


def says(found: Planned) -> dict[str, object]:
    """What is not empty."""
    return {name: value for name, value in asdict(found).items() if value and name != "project"}


def done_with_detect() -> Story:
    story = started()
    story.ran()
    return story


def finished() -> Story:
    story = done_with_detect()
    story.ask(request="answer", inputs={"keep": True})
    story.ran()
    story.ran()
    return story


def test_M9_a_pending_start_is_accepted_and_starts_its_first_stage() -> None:
    story = Story(ONE, env={"B": "project"}).pending({"request": "start", "env": {"C": "request"}})
    assert says(planned(story)) == {
        "replies": ("0001-start.yaml accepted",),
        "stage": "only",
        "env": {"A": "1", "B": "project", "C": "request"},
        "nodes": ("n1",),
        "could": ("n1",),
    }


def test_M9_inputs_are_those_of_the_request_over_the_project_over_the_default() -> None:
    assert planned(Story().pending({"request": "start"})).inputs == {"speed": 1}
    assert planned(Story(inputs={"speed": 2}).pending({"request": "start"})).inputs == {"speed": 2}
    asked = Story(inputs={"speed": 2}).pending({"request": "start", "inputs": {"speed": 3}})
    assert planned(asked).inputs == {"speed": 3}


def test_M9_a_refusal_says_why_and_starts_nothing() -> None:
    found = planned(Story().pending({"request": "start", "inputs": {"sped": 3}}))
    [reply] = found.replies
    assert reply.startswith("0001-start.yaml rejected, UnknownInput: sped: no such input")
    assert (found.stage, found.waits) == (None, "NotStarted: never started")


def test_M9_a_pending_abort_ends_the_execution_before_anything_after_it() -> None:
    story = started()
    story.ran(State.RUNNING)
    story.pending({"request": "pause"}, {"request": "abort"}, {"request": "resume"})
    assert says(planned(story)) == {"replies": ("0002-pause.yaml accepted",), "aborts": 1}


def test_M9_an_abort_that_comes_too_late_pauses_all_the_same() -> None:
    story = started("name: p\nstages: [{name: a, image: i}, {name: b, image: i}]\n")
    story.ran()
    found = planned(story.pending({"request": "abort"}))
    assert found.replies[0].startswith("0002-abort.yaml rejected, AlreadyEnded: ")
    assert (found.aborts, found.stage, found.waits) == (None, None, "PauseRequested: paused before 'b'")


def test_M9_a_pending_pause_takes_the_place_of_the_start() -> None:
    story = started()
    assert planned(story).stage == "detect"
    found = planned(story.pending({"request": "pause"}))
    assert (found.stage, found.waits) == (None, "PauseRequested: paused before 'detect'")


def test_M9_a_pending_answer_starts_the_next_stage_on_the_last_result() -> None:
    story = done_with_detect().pending({"request": "answer", "inputs": {"keep": True}})
    assert says(planned(story)) == {
        "replies": ("0002-answer.yaml accepted",),
        "stage": "track",
        "inputs": {"speed": 1},
        "workspace": 1,
        "nodes": ("n1",),
        "could": ("n1",),
    }


def test_M9_an_answer_of_no_stops_at_the_gate() -> None:
    found = planned(done_with_detect().pending({"request": "answer", "inputs": {"keep": False}}))
    assert (found.stage, found.waits) == (None, "Rejected: rejected at 'review'")


def test_M9_a_redo_names_what_becomes_stale() -> None:
    assert planned(finished().pending({"request": "start", "stage": "detect"})).stale == ("report", "track")
    assert planned(finished().pending({"request": "start", "stage": "track"})).stale == ("report",)
    assert planned(finished().pending({"request": "start", "stage": "report"})).stale == ()


def test_M9_nothing_to_do_is_no_entry() -> None:
    running = started()
    running.ran(State.RUNNING)
    for story in (Story(), running, done_with_detect(), finished()):
        assert plan(fleet(story, node("n1"))) == []


def test_M9_what_no_node_takes_now_says_why() -> None:
    def waits(*nodes: object) -> tuple[tuple[str, ...], tuple[str, ...], str]:
        found = planned(started(), *nodes)
        return found.nodes, found.could, found.waits

    assert waits(node("n1", drain=True)) == ((), ("n1",), "Draining: n1 could run it, but drains")
    assert waits(node("n1", slots=0)) == ((), ("n1",), "Resources: every slot of n1 is taken")
    assert waits(node("n1", drain=True), node("n2")) == (("n2",), ("n1", "n2"), "")
    [nowhere] = plan(fleet(started()))
    assert nowhere.waits == "NoMatchingNode: no node can run stage 'detect': no node is alive"


def test_M9_a_retry_says_how_long_it_waits_first() -> None:
    story = started("name: p\nstages: [{name: a, image: i, retry: {max: 1, when: [exit_code], backoff: 90s}}]\n")
    story.ran(State.FAILED, End.EXIT_CODE)
    found = planned(story)
    assert (found.nodes, found.waits) == (("n1",), "Backoff: tried again after 90 s")


def test_M9_what_one_project_takes_another_does_not_get() -> None:
    stories = {name: started(ONE) for name in ("a", "b", "w")}
    stories["w"] = started(ONE, priority=51)
    found = plan(fleet(stories, node("n1", slots=2)))
    assert [(each.project, each.nodes) for each in found] == [("w", ("n1",)), ("a", ("n1",)), ("b", ())]
    assert found[2].waits == "Resources: every slot of n1 is taken"


def test_M9_a_deletion_is_told() -> None:
    for now, word in ((False, "deleted after its grace time"), (True, "deleted at once")):
        story = Story()
        story.view = replace(story.view, deletion=Departure("c" * 40, "Ada", now=now))
        assert says(planned(story)) == {"replies": (word,)}


def test_nothing_is_planned_for_a_damaged_project() -> None:
    story = started()
    story.ran(State.RUNNING)
    story.pending({"request": "abort"})
    story.view = replace(story.view, damage="replies/0001.yaml:1:1: no reply")
    assert plan(fleet(story, node("n1"))) == []
