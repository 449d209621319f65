"""Claims of this node whose story was cut off: adopted, renewed, forgotten."""

from dataclasses import replace

import pytest

from flow.node.decision import Decision
from flow.node.node_world import ExecutionEnd, HeldClaim, Launch, NodeIdentity, ObservedContainer, World
from flow.node.sightings import Sightings
from flow.reconcile.decide import decide
from flow.reconcile.launch_order import Taken, again, take
from schema.execution import Execution, ImageRecord, Lease, Result, State
from schema.file_input import FileInput
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started

ME = NodeIdentity("n1", "i", node("n1")[0])
ONE = (
    "name: p\ninputs: {video: {type: file, optional: true}}\nstages:\n  - {name: only, image: reg/x:1, timeout: 100s}\n"
)
FIRST, SECOND = "1" * 32, "2" * 32
PINNED = "reg/x@sha256:" + "a" * 64


def claim(story: Story) -> Taken:
    slot = story.steps.run
    assert slot
    return take(ME, story.view, slot, claim=FIRST, lease=Lease(), wanted="m" * 40, wall="then")


def decided(story: Story, *records: Execution, **facts: object) -> Decision:
    """What the node does where those are its executions."""
    story.view = replace(story.view, executions=records)
    known: dict[str, object] = {
        "entries": {},
        "outbox": {},
        "containers": {},
        "busy": frozenset(),
        "wiped": {},
        **facts,
    }
    ids = tuple(f"{number:032x}" for number in range(100, 110))
    snapshot = fleet(story, node("n1"))
    world = World(
        me=ME,
        snapshot=snapshot,
        fresh=True,
        now=1000.0,
        wall="now",
        poll=5.0,
        seen=Sightings(0.0, {}, {}),
        ids=ids,
        **known,  # type: ignore[arg-type]
    )
    return decide(world)


def an_end(container: str = FIRST) -> ExecutionEnd:
    return ExecutionEnd(
        container=container, project="v", execution=1, stage="only", state=State.SUCCEEDED, result=Result(exit_code=0)
    )


def verbs(decision: Decision) -> list[str]:
    return [commit.event.verb for commit in decision.commits if commit.event.verb not in ("join", "board")]


# -- a claim that was renewed, and nobody told us ---------------------------------------------------------------------


def renewed() -> tuple[Story, Execution, HeldClaim]:
    """The answer to a take-back was lost, and the container had been told to stop."""
    story = started(ONE)
    taken = claim(story)
    new = taken.record.claim.model_copy(update={"id": SECOND, "epoch": 2})
    record = taken.record.model_copy(update={"state": State.RUNNING, "claim": new})
    return story, record, taken.entry.model_copy(update={"phase": "started", "stop": End.TIMEOUT})


def test_F2_an_end_in_the_outbox_is_told_under_the_renewed_claim_though_its_container_was_told_to_stop() -> None:
    story, record, entry = renewed()
    decision = decided(story, record, entries={FIRST: entry}, outbox={FIRST: an_end()})
    [adopted] = decision.adopted
    assert (adopted.claim, adopted.container, adopted.stop) == (SECOND, FIRST, End.TIMEOUT)
    assert not decision.grants, "nothing is run again"
    again = decided(story, record, entries={FIRST: adopted}, outbox={FIRST: an_end()})
    assert verbs(again) == ["succeed"]


def test_F2_a_container_that_still_ends_is_adopted_and_ends() -> None:
    story, record, entry = renewed()
    sight = ObservedContainer(FIRST, running=True, started=0.0)
    decision = decided(story, record, entries={FIRST: entry}, containers={FIRST: sight})
    assert len(decision.adopted) == 1
    assert not decision.grants
    assert [(stop.container, stop.reason) for stop in decision.stops] == [(FIRST, End.TIMEOUT)]


# -- a claim without an entry -----------------------------------------------------------------------------------------


def test_R1410_a_claim_made_anew_runs_the_image_that_was_asked_for() -> None:
    story = Story(ONE)
    story.ask(request="start", stage="only", image=PINNED, env={"X": "1"})
    taken = claim(story)
    story.view = replace(story.view, executions=(taken.record,))
    new = again(ME, fleet(story), story.view, taken.record, claim=SECOND, wall="now")
    assert new
    assert new.entry.order.model_dump() == taken.entry.order.model_dump()
    assert new.entry.order.image == PINNED
    assert new.record.image == ImageRecord(ref=PINNED)


def test_F2_a_running_claim_made_anew_begins_with_what_was_asked_not_with_what_was_found() -> None:
    story = started(ONE, inputs={"video": "x.mp4"})
    taken = claim(story)
    found = FileInput(path="x.mp4", digest="blake3:" + "1" * 64, bytes=1)
    update = {
        "state": State.RUNNING,
        "inputs": {"video": found},
        "image": ImageRecord(ref="reg/x:1", digest="sha256:1"),
    }
    record = taken.record.model_copy(update=update)
    story.view = replace(story.view, executions=(record,))
    new = again(ME, fleet(story), story.view, record, claim=SECOND, wall="now")
    assert new
    assert new.entry.order.model_dump() == taken.entry.order.model_dump()
    assert (new.record.inputs, new.record.image) == (taken.record.inputs, taken.record.image)


# -- an end without a claim -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.ABORTED, State.SUPERSEDED])
def test_F12_an_end_whose_claim_was_dropped_before_the_crash_is_dropped_too(state: State) -> None:
    story = started(ONE)
    record = claim(story).record.model_copy(update={"state": state})
    assert decided(story, record, outbox={FIRST: an_end()}).drops == (FIRST,)


def test_F12_an_end_of_another_claim_is_dropped_and_one_of_an_open_record_or_under_way_is_not() -> None:
    story = started(ONE)
    record = claim(story).record
    assert decided(story, record, outbox={SECOND: an_end(SECOND)}).drops == (SECOND,)
    assert decided(story, outbox={FIRST: an_end()}).drops == (FIRST,)
    lost = record.model_copy(update={"state": State.LOST})
    assert decided(story, lost, outbox={FIRST: an_end()}).drops == ()
    ended = record.model_copy(update={"state": State.SUCCEEDED})
    assert decided(story, ended, outbox={FIRST: an_end()}, busy=frozenset({FIRST})).drops == ()


# -- a launch that takes its time -------------------------------------------------------------------------------------

HASHING = "hashing rec.mp4 (21.0 GiB)"


def test_a_launch_is_mentioned_once_it_has_lasted_for_a_while() -> None:
    story = started(ONE)
    taken = claim(story)
    busy = {"entries": {FIRST: taken.entry}, "busy": frozenset({FIRST})}
    assert verbs(decided(story, taken.record, launching={FIRST: Launch(999.5, HASHING)}, **busy)) == []
    decision = decided(story, taken.record, launching={FIRST: Launch(900.0, HASHING)}, **busy)
    [commit] = [each for each in decision.commits if each.event.verb == "prepare"]
    assert commit.event.fact == HASHING
    [record] = [each.content for each in commit.writes if isinstance(each.content, Execution)]
    assert (record.state, record.text) == (State.PREPARING, HASHING)
    assert verbs(decided(story, record, launching={FIRST: Launch(900.0, "another thing")}, **busy)) == [], "once"


def test_what_was_prepared_is_forgotten_when_it_runs() -> None:
    story = started(ONE)
    taken = claim(story)
    before = taken.record.model_copy(update={"state": State.PREPARING, "text": HASHING})
    sight = ObservedContainer(FIRST, running=True, started=900.0)
    decision = decided(
        story, before, entries={FIRST: taken.entry}, containers={FIRST: sight}, launching={FIRST: Launch(1.0, HASHING)}
    )
    [record] = [
        each.content for commit in decision.commits for each in commit.writes if isinstance(each.content, Execution)
    ]
    assert (record.state, record.text) == (State.RUNNING, "")


@pytest.mark.parametrize("stop", list(End))
def test_an_end_that_happened_while_its_node_was_cut_off_is_kept(stop: End) -> None:
    """A stage that ran too long has failed by that; what a person ended is not taken back."""
    story = started(ONE)
    taken = claim(story)
    lost = taken.record.model_copy(update={"state": State.LOST, "reason": End.NODE_LOST})
    entry = taken.entry.model_copy(update={"phase": "started", "stop": stop})
    ended = an_end().model_copy(update={"state": State.FAILED, "reason": stop, "result": None})
    decision = decided(story, lost, entries={FIRST: entry}, outbox={FIRST: ended})
    verbs = [commit.event.verb for commit in decision.commits if commit.event.project]
    assert verbs[0] == ("take-back" if stop in (End.TIMEOUT, End.NO_OUTPUT, End.GPU_MEMORY_EXCEEDED) else "supersede")


def test_a_claim_of_an_older_chain_is_not_renewed_with_the_definition_of_a_newer_one() -> None:
    story = started(ONE)
    taken = claim(story)
    assert again(ME, fleet(story), story.view, taken.record, claim=SECOND, wall="now") is not None
    newer = taken.record.model_copy(update={"definition": "0" * 32})
    assert again(ME, fleet(story), story.view, newer, claim=SECOND, wall="now") is None


# -- a claim that was given up before its container was started -------------------------------------------------------


@pytest.mark.parametrize("made", [True, False])
def test_F4_a_claim_that_was_superseded_before_its_start_is_forgotten_with_its_container(made: bool) -> None:
    """It would hold its GPU for ever, and be started as soon as the repository is away."""
    story = started(ONE)
    taken = claim(story)
    record = taken.record.model_copy(update={"state": State.SUPERSEDED, "reason": End.NODE_LOST})
    sights = {FIRST: ObservedContainer(FIRST)} if made else {}
    decision = decided(story, record, entries={FIRST: taken.entry}, containers=sights)
    assert decision.drops == (FIRST,)
    assert decision.removals == ((FIRST,) if made else ())
    assert decision.launches == ()


def test_F6_a_launch_under_way_of_a_claim_that_was_given_up_is_stopped() -> None:
    story = started(ONE)
    taken = claim(story)
    record = taken.record.model_copy(update={"state": State.LOST, "reason": End.NODE_LOST})
    decision = decided(
        story, record, entries={FIRST: taken.entry}, busy=frozenset({FIRST}), launching={FIRST: Launch(0.0)}
    )
    assert [(stop.container, stop.reason) for stop in decision.stops] == [(FIRST, End.SUPERSEDED)]


def test_F6_a_claim_that_this_node_gives_up_itself_is_not_started_while_the_repository_is_away() -> None:
    """What is known then is from before that commit: only the journal tells that it is over."""
    story = started(ONE)
    taken = claim(story)
    record = taken.record.model_copy(update={"state": State.LOST, "reason": End.NODE_LOST})
    decision = decided(story, record, entries={FIRST: taken.entry})
    assert [(stop.container, stop.reason) for stop in decision.stops] == [(FIRST, End.NODE_LOST)]
    assert [commit.event.verb for commit in decision.commits][:1] == ["supersede"]
