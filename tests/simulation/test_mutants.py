"""Broken variants of the protocol. Each must be caught, or the simulator proves nothing about the real one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import pytest

import controller.launch.launcher
import controller.loop.round
import controller.triggers.trigger_work
import flow.fold.chains
import flow.fold.lineage
import flow.fold.next_stage
import flow.fold.one_slot
import flow.fold.stage_points
import flow.fold.walk
import flow.node.lease_terms
import flow.node.sightings
import flow.placement.gpus
import flow.project.replies
import flow.reconcile.commit_draft
import flow.reconcile.decide
import flow.reconcile.held_claims
import flow.reconcile.new_claims
import flow.reconcile.stewardship
import state.edits.triggered
import state.memory.memory_repository
import state.snapshot.project_folders
from controller.journal.journal import Journal
from controller.launch.exclusive_leases import ExclusiveLeases
from controller.launch.launcher import Launcher
from controller.loop.heartbeat import HeartbeatWriter
from controller.loop.round import Controller
from flow.fold.chains import Begin, Chain, Grounds
from flow.fold.graph import Graph
from flow.fold.walk import StageFound, Walk
from flow.model.commits import Commit
from flow.model.snapshot import ProjectView, RequestFile, Snapshot
from flow.node.decision import Decision
from flow.node.node_world import DeletionMark, HeldClaim, World
from flow.node.sightings import Sightings
from flow.points.points import Point
from flow.project.replies import Answered
from flow.reconcile.commit_draft import CommitDraft
from flow.reconcile.held_claims import HeldClaims, event_of, with_end
from flow.reconcile.stewardship import Stewardship
from flow.triggers.firings import Firing
from flow.triggers.wanted import TriggerMemory, remembered
from runner.contract.fake import _Box
from schema.execution import Execution, Lease, State, Tombstone
from schema.node import Heartbeat
from schema.pipeline import Pipeline, Stage
from schema.search import TrialSearch
from schema.trigger import Trigger
from state.contract.repository import Outcome, SignOfLife
from state.memory.memory_repository import MemoryRepository
from tests.simulation.caught import catch
from tests.simulation.cluster import Cluster
from tests.simulation.data import SimulatedTrees
from tests.simulation.worlds import (
    branches,
    breakdown,
    company,
    crowd,
    movers,
    silence,
    slowness,
    solitude,
    turnings,
)


def no_compare_and_swap(patch: pytest.MonkeyPatch) -> None:
    """Every push lands, whatever the branch holds by then."""

    def swap(
        self: MemoryRepository, base: Snapshot, commits: Sequence[Commit], *, node: str, beat: SignOfLife | None = None
    ) -> Outcome:
        return self._land(base, commits, node)

    patch.setattr(MemoryRepository, "swap", swap)


def start_before_the_claim_landed(patch: pytest.MonkeyPatch) -> None:
    def act(self: Controller, world: World, decision: Decision) -> Outcome | None:
        self._granted(decision)
        return original(self, world, decision)

    original = Controller.act
    patch.setattr(Controller, "act", act)


def result_without_a_look_at_the_claim(patch: pytest.MonkeyPatch) -> None:
    """A result is pushed whether or not the record still carries the claim."""

    def tend(self: HeldClaims, entry: HeldClaim) -> None:
        view = self.snapshot.projects.get(entry.order.project)
        record = view.execution(entry.order.execution) if view else None
        ended = self.world.outbox.get(entry.container)
        open_still = record and record.state not in (State.SUCCEEDED, State.FAILED, State.ABORTED)
        if record and ended and open_still and (record.claim.id != entry.claim or not record.state.active):
            final = with_end(record, ended)
            self.draft.record(entry.order.project, event_of("succeed", entry.order.project, final, ""), final)
            return
        original(self, entry)

    original = HeldClaims._tend
    patch.setattr(HeldClaims, "_tend", tend)


def own_claim_after_a_lost_answer_ignored(patch: pytest.MonkeyPatch) -> None:
    """Neither one that the journal has as sent nor one that it does not have."""

    def strangers(self: HeldClaims) -> Iterator[tuple[ProjectView, Execution]]:
        return iter(())

    patch.setattr(HeldClaims, "_strangers", strangers)
    patch.setattr(HeldClaims, "_landed", lambda self, entry: False)


def a_reply_and_its_effect_in_two_pushes(patch: pytest.MonkeyPatch) -> None:
    """An abort is accepted at once; the execution is ended by a later push."""

    def targets(view: ProjectView, file: RequestFile) -> tuple[int, ...]:
        return ()

    def answer(view: ProjectView, file: RequestFile, *, aborted: int | None = None) -> Answered:
        found = original_targets(view, file)
        return original(view, file, aborted=aborted if aborted is not None else found[-1] if found else None)

    original, original_targets = flow.project.replies.answer, flow.project.replies.abort_targets
    for module in (flow.project.replies, flow.reconcile.held_claims, flow.reconcile.stewardship):
        patch.setattr(module, "abort_targets", targets, raising=False)
        patch.setattr(module, "answer", answer, raising=False)


def a_definition_one_push_after_its_start(patch: pytest.MonkeyPatch) -> None:
    def reply(self: CommitDraft, project: str, answered: Answered) -> None:
        original(self, project, replace(answered, definition=None))

    original = CommitDraft.reply
    patch.setattr(CommitDraft, "reply", reply)


def an_observer_that_counts_disconnected_and_suspended_time(patch: pytest.MonkeyPatch) -> None:
    def missed(before: Sightings) -> Sightings:
        return before

    patch.setattr(controller.loop.round, "missed", missed)
    patch.setattr(flow.node.sightings, "CREDIT", float("inf"))


def resuming_under_an_old_id(patch: pytest.MonkeyPatch) -> None:
    def take_back(self: HeldClaims, record: Execution, entry: HeldClaim) -> None:
        taken = record.model_copy(update={"state": State.RUNNING})
        self.draft.record(entry.order.project, event_of("take-back", entry.order.project, taken, ""), taken)

    patch.setattr(HeldClaims, "_take_back", take_back)


def take_back_of_a_superseded_execution(patch: pytest.MonkeyPatch) -> None:
    def superseded(self: HeldClaims, view: ProjectView, record: Execution, entry: HeldClaim) -> None:
        self._take_back(record, entry)

    patch.setattr(HeldClaims, "_superseded", superseded)


def an_aged_main_under_a_newer_state(patch: pytest.MonkeyPatch) -> None:
    def check_order(main: str, wanted: str, descends: Callable[[str, str], bool]) -> None:
        return None

    def rewound(self: Controller, snapshot: Snapshot) -> str | None:
        return None

    patch.setattr(state.memory.memory_repository, "check_order", check_order)
    patch.setattr(Controller, "_rewound", rewound)


def housekeeping_that_stops_what_is_lost(patch: pytest.MonkeyPatch) -> None:
    """A node stops its running stage when its claim was declared lost, though it could take it back."""

    def take_back(self: HeldClaims, record: Execution, entry: HeldClaim) -> None:
        return None

    patch.setattr(HeldClaims, "_take_back", take_back)


def gpus_of_containers_without_a_record_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A GPU counts as free once no record names it, though a container may still be ending on it."""
    patch.setattr(flow.reconcile.new_claims, "held_here", lambda world: {})


def shares_that_are_not_added_up(patch: pytest.MonkeyPatch) -> None:
    """A share fits wherever nobody has the GPU for himself."""
    patch.setattr(flow.placement.gpus, "_beside", lambda memory, held, share: all(held.values()) if share else not held)


def whole_gpus_that_others_share(patch: pytest.MonkeyPatch) -> None:
    """Who wants a GPU for himself gets one of which others have shares."""
    beside = flow.placement.gpus._beside
    patch.setattr(
        flow.placement.gpus,
        "_beside",
        lambda memory, held, share: beside(memory, held, share) if share else all(held.values()),
    )


OF_SHARES = [shares_that_are_not_added_up, whole_gpus_that_others_share]


def failures_are_tried_again_at_once(patch: pytest.MonkeyPatch) -> None:
    """Whatever fails is taken for news: its node looks again, and tries again."""
    patch.setattr(Launcher, "_failed", lambda self, job, error: True)


def what_always_fails_is_always_tried_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(controller.launch.launcher, "MOST_FAULTS", float("inf"))


def an_older_copy_of_a_claim_is_kept(patch: pytest.MonkeyPatch) -> None:
    """With a renewed claim, all that a node noted since it decided on it is forgotten."""
    patch.setattr(Journal, "keep", Journal._write)


def an_end_whose_claim_is_gone_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HeldClaims, "_ends_without_entry", lambda self: None)


OF_BREAKDOWNS = [
    (failures_are_tried_again_at_once, "times in a minute"),
    (what_always_fails_is_always_tried_again, "left"),
    (an_older_copy_of_a_claim_is_kept, "was forgotten"),
    (an_end_whose_claim_is_gone_is_kept, "keeps"),
]


def what_a_container_is_made_from_is_noted_once_it_was_started(patch: pytest.MonkeyPatch) -> None:
    def made(self: Journal, container: str, *facts: object) -> None:
        waiting[container] = facts

    def started(self: Journal, container: str, began: str) -> None:
        original_made(self, container, *waiting[container])  # type: ignore[arg-type]
        original_started(self, container, began)

    waiting: dict[str, tuple[object, ...]] = {}
    original_made, original_started = Journal.mark_made, Journal.mark_started
    patch.setattr(Journal, "mark_made", made)
    patch.setattr(Journal, "mark_started", started)


def a_grace_time_that_goes_on_after_a_restoration(patch: pytest.MonkeyPatch) -> None:
    def age_of(self: Stewardship, id: str, stone: Tombstone) -> float:
        key = ("tombstone-seen", id, stone.generation)
        self.watched.add(key)
        return self.seen.age(key)

    patch.setattr(Stewardship, "_age_of", age_of)


def a_deletion_remembered_by_its_last_execution(patch: pytest.MonkeyPatch) -> None:
    def is_done(view: ProjectView, stone: Tombstone, done: DeletionMark) -> bool:
        return done.generation > 0 and done.execution >= stone.last_execution

    patch.setattr(flow.reconcile.stewardship, "_is_done", is_done)


def files_that_stay_for_a_new_project(patch: pytest.MonkeyPatch) -> None:
    def part(self: SimulatedTrees, project: str, generation: int) -> None:
        return None

    patch.setattr(SimulatedTrees, "part", part)


def a_project_without_state_that_just_goes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(state.snapshot.project_folders, "_was_there", lambda reading, id: False)


def what_was_seen_before_a_sleep_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Controller, "_old", lambda self, world: False)


MOVERS = [
    what_was_seen_before_a_sleep_counts,
    a_grace_time_that_goes_on_after_a_restoration,
    a_deletion_remembered_by_its_last_execution,
    files_that_stay_for_a_new_project,
    a_project_without_state_that_just_goes,
]


def a_join_that_does_not_wait(patch: pytest.MonkeyPatch) -> None:
    """What is above need not be settled."""
    patch.setattr(flow.fold.next_stage, "looked_at_early", flow.fold.stage_points.look_at)


def a_redo_of_one_stage_alone(patch: pytest.MonkeyPatch) -> None:
    """What needs it keeps its floor."""
    patch.setattr(flow.fold.chains, "_anew", lambda graph, begin: frozenset({begin.stage}))


def a_stage_that_is_done_with_its_first_point(patch: pytest.MonkeyPatch) -> None:
    def settled(walk: Walk, stage: Stage, found: StageFound, *more: object) -> None:
        original(walk, stage, found, *more)  # type: ignore[arg-type]
        found.settled = found.settled or any(point.status == "done" for point in found.points or ())

    original = flow.fold.stage_points.conclude
    patch.setattr(flow.fold.stage_points, "conclude", settled)


def points_that_are_told_apart_by_nobody(patch: pytest.MonkeyPatch) -> None:
    """An execution of one point counts for all of them."""

    def slot(walk: Walk, stage: Stage, point: int | None, *given: object) -> object:
        every = [e for (name, _), runs in walk.by_slot.items() if name == stage.name for e in runs]
        walk.by_slot[stage.name, point] = sorted(every, key=lambda e: e.execution)
        return original(walk, stage, point, *given)  # type: ignore[arg-type]

    original = flow.fold.stage_points.status_of
    patch.setattr(flow.fold.stage_points, "status_of", slot)


def results_of_what_failed(patch: pytest.MonkeyPatch) -> None:
    """A join is given the newest executions of what it needs, however they ended."""

    def read(walk: Walk, stage: Stage) -> dict[str, tuple[int, ...]]:
        needed = (need.stage for need in walk.graph.needs[stage.name])
        return {name: tuple(runs[-1].execution for runs in walk.runs_of(name)) for name in needed}

    for place in (flow.fold.lineage, flow.fold.one_slot):
        patch.setattr(place, "read_by", read)


def a_branch_that_forgets_what_failed(patch: pytest.MonkeyPatch) -> None:
    """What needs a stage that failed goes on."""

    def conclude(walk: Walk, stage: Stage, found: StageFound, *more: object) -> None:
        original(walk, stage, found, *more)  # type: ignore[arg-type]
        found.upset = False

    original = flow.fold.stage_points.conclude
    patch.setattr(flow.fold.stage_points, "conclude", conclude)


def points_beyond_the_first_left_out(patch: pytest.MonkeyPatch) -> None:
    def each(walk: Walk, stage: Stage, points: Sequence[Point], *more: object) -> object:
        return original(walk, stage, points[:1], *more)  # type: ignore[arg-type]

    original = flow.fold.stage_points.each_of
    patch.setattr(flow.fold.stage_points, "each_of", each)


def a_join_that_reads_its_first_need_alone(patch: pytest.MonkeyPatch) -> None:
    def read(walk: Walk, stage: Stage) -> dict[str, tuple[int, ...]]:
        first = {need.stage for need in walk.graph.needs[stage.name][:1]}
        return {name: numbers for name, numbers in original(walk, stage).items() if name in first}

    original = flow.fold.lineage.read_by
    for place in (flow.fold.lineage, flow.fold.one_slot):
        patch.setattr(place, "read_by", read)


def a_floor_above_which_everything_counts(patch: pytest.MonkeyPatch) -> None:
    """What succeeded before a redo is a result of it."""

    def grounds(graph: Graph, chain: Chain) -> Grounds:
        lowered = tuple(replace(floor, after=0) for floor in chain.positions)
        return original(graph, replace(chain, positions=lowered))

    original = flow.fold.chains.grounds
    patch.setattr(flow.fold.walk, "grounds", grounds)


def a_skip_that_nobody_heeds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Walk, "left_out", lambda self, stage, point: False)


def a_redo_of_what_is_above(patch: pytest.MonkeyPatch) -> None:
    def anew(graph: Graph, begin: Begin) -> frozenset[str]:
        return original(graph, begin) | graph.above[begin.stage]

    original = flow.fold.chains._anew
    patch.setattr(flow.fold.chains, "_anew", anew)


def a_condition_that_nobody_looks_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow.fold.one_slot, "condition", lambda walk, stage, scope, found: None)


def a_repetition_that_ends_with_its_first_run(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow.fold.one_slot, "_again", lambda walk, past, newest, found: "done")


def a_repetition_that_begins_anew_each_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow.fold.one_slot, "newest_success", lambda runs: None)


def a_repetition_that_counts_no_run_but_the_last(patch: pytest.MonkeyPatch) -> None:
    def runs(by_number: dict[int, Execution], base: int | None) -> Iterator[Execution]:
        return islice(original(by_number, base), 1)

    original = flow.fold.one_slot.earlier_runs
    patch.setattr(flow.fold.one_slot, "earlier_runs", runs)


def trials_that_depend_on_how_many_were_recorded(patch: pytest.MonkeyPatch) -> None:
    def propose(search: TrialSearch, number: int, trials: Sequence[object], specs: object) -> object:
        return original(search, number + len(trials), trials, specs)  # type: ignore[arg-type]

    original = flow.fold.stage_points.proposed
    patch.setattr(flow.fold.stage_points, "proposed", propose)


def trials_beyond_those_that_may_run_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow.fold.stage_points, "_limit", lambda walk, most, begun, active: [])


def a_start_by_each_node_that_sees_the_end(patch: pytest.MonkeyPatch) -> None:
    """Under a name of its own, so the first to have made it is no obstacle to the next."""

    def name(firing: Firing) -> str:
        made.append(firing)
        return f"start-{firing.trigger}-{firing.key}-{len(made)}.yaml"

    made: list[Firing] = []
    patch.setattr(state.edits.triggered, "request_of", name)
    patch.setattr(state.edits.triggered, "done", lambda snapshot, trigger, firing: False)


def an_end_that_is_old_news_to_all(patch: pytest.MonkeyPatch) -> None:
    """It is remembered before its start was made."""

    def ends(name: str, trigger: Trigger, snapshot: Snapshot, memory: TriggerMemory) -> object:
        return original(name, trigger, snapshot, remembered(memory, snapshot, trigger))

    original = controller.triggers.trigger_work.ended
    patch.setattr(controller.triggers.trigger_work, "ended", ends)


OF_TURNS = [
    (a_condition_that_nobody_looks_at, "condition does not hold"),
    (a_repetition_that_ends_with_its_first_run, "all is done, but detect ran"),
    (a_repetition_that_begins_anew_each_time, "was the last good run"),
    (a_repetition_that_counts_no_run_but_the_last, "ran 3 times already"),
    (trials_that_depend_on_how_many_were_recorded, "follows from no search"),
    (trials_beyond_those_that_may_run_at_once, "is tried beside"),
    (a_start_by_each_node_that_sees_the_end, "is of no end of"),
    (an_end_that_is_old_news_to_all, "and there is no start"),
]


OF_GRAPHS = [
    a_join_that_reads_its_first_need_alone,
    a_floor_above_which_everything_counts,
    a_skip_that_nobody_heeds,
    a_redo_of_what_is_above,
    a_branch_that_forgets_what_failed,
    points_beyond_the_first_left_out,
    a_join_that_does_not_wait,
    a_redo_of_one_stage_alone,
    a_stage_that_is_done_with_its_first_point,
    points_that_are_told_apart_by_nobody,
    results_of_what_failed,
]


def containers_that_cannot_be_seen_are_gone(patch: pytest.MonkeyPatch) -> None:
    """An engine that does not answer counts as one without containers."""

    def look(self: Controller) -> bool:
        if not original(self):
            self._containers = {}
        return True

    original = Controller._look
    patch.setattr(Controller, "_look", look)


def test_B3_B4_the_variant_that_judges_what_it_cannot_see_is_caught() -> None:
    catch(containers_that_cannot_be_seen_are_gone, silence)


def no_watchdog(patch: pytest.MonkeyPatch) -> None:
    """An exclusive stage is ended by its controller, or by nobody."""
    patch.setattr(_Box, "lapsed", property(lambda self: float("inf")))


def a_lease_that_is_counted_from_when_a_sign_is_seen(patch: pytest.MonkeyPatch) -> None:
    """And not from when it was sent."""

    def seen(self: ExclusiveLeases, snapshot: Snapshot, sign: float | None) -> None:
        original(self, snapshot, self.clock.now())

    original = ExclusiveLeases.seen
    patch.setattr(ExclusiveLeases, "seen", seen)


def others_that_do_not_wait_for_the_kill(patch: pytest.MonkeyPatch) -> None:
    def lease(snapshot: Snapshot, stage: Stage) -> Lease:
        found = original(snapshot, stage)
        return found.model_copy(update={"lost_after": found.give_up_after or found.lost_after})

    original = flow.node.lease_terms.lease
    patch.setattr(flow.reconcile.new_claims, "lease", lease)


def exclusive_claims_that_are_taken_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lease, "exclusive", property(lambda self: False))


def a_lease_that_goes_on_in_a_dead_mans_hand(patch: pytest.MonkeyPatch) -> None:
    """Signs of life that were sent count, whether or not they arrived."""

    def made(self: HeartbeatWriter, world: World, halted: str | None) -> Heartbeat:
        self.seen_at = world.now
        return original(self, world, halted)

    original = HeartbeatWriter._made
    patch.setattr(HeartbeatWriter, "_made", made)


OF_SOLITUDE = [
    (no_watchdog, "at once"),
    (a_lease_that_is_counted_from_when_a_sign_is_seen, "at once"),
    (others_that_do_not_wait_for_the_kill, "at once"),
    (exclusive_claims_that_are_taken_back, ""),
    (a_lease_that_goes_on_in_a_dead_mans_hand, "at once"),
]


@pytest.mark.parametrize(("mutant", "said"), OF_SOLITUDE, ids=lambda each: getattr(each, "__name__", ""))
def test_F3_the_variant_that_runs_an_exclusive_stage_twice_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None], said: str
) -> None:
    catch(mutant, solitude, said)


def a_lease_that_is_not_measured_before_the_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Controller, "_lease_lasts", lambda self, container: True)


def a_launch_that_does_not_look_whether_it_is_wanted(patch: pytest.MonkeyPatch) -> None:
    """Neither while it prepares nor right before the start."""
    patch.setattr(Launcher, "_look", lambda self, entry: None)


def a_claim_without_a_container_that_is_kept(patch: pytest.MonkeyPatch) -> None:
    """Though another execution took its place before it was started."""

    def superseded(self: HeldClaims, view: ProjectView, record: Execution, entry: HeldClaim) -> None:
        if self._sight(entry) is None or entry.container in self.world.outbox:
            original(self, view, record, entry)

    original = HeldClaims._superseded
    patch.setattr(HeldClaims, "_superseded", superseded)


OF_SLOWNESS = [
    (a_lease_that_is_not_measured_before_the_start, "by then"),
    (a_launch_that_does_not_look_whether_it_is_wanted, ""),
    (a_claim_without_a_container_that_is_kept, ""),
]


MUTANTS = [
    no_compare_and_swap,
    start_before_the_claim_landed,
    result_without_a_look_at_the_claim,
    own_claim_after_a_lost_answer_ignored,
    a_reply_and_its_effect_in_two_pushes,
    a_definition_one_push_after_its_start,
    an_observer_that_counts_disconnected_and_suspended_time,
    resuming_under_an_old_id,
    take_back_of_a_superseded_execution,
    an_aged_main_under_a_newer_state,
    housekeeping_that_stops_what_is_lost,
    what_a_container_is_made_from_is_noted_once_it_was_started,
]


def test_M5_gpus_of_containers_without_a_record_are_not_forgotten() -> None:
    catch(gpus_of_containers_without_a_record_forgotten, crowd, "is used by")


@pytest.mark.parametrize("mutant", OF_SHARES, ids=lambda each: each.__name__)
def test_L6_the_variant_that_shares_gpus_wrongly_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    catch(mutant, company, "is used by")


@pytest.mark.parametrize(("mutant", "said"), OF_BREAKDOWNS, ids=lambda each: getattr(each, "__name__", ""))
def test_F13_F21_the_variant_that_takes_failures_wrongly_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None], said: str
) -> None:
    catch(mutant, breakdown, said)


@pytest.mark.parametrize(("mutant", "said"), OF_SLOWNESS, ids=lambda each: getattr(each, "__name__", ""))
def test_F4_F6_the_variant_that_starts_what_was_given_up_is_caught(
    mutant: Callable[[pytest.MonkeyPatch], None], said: str
) -> None:
    catch(mutant, slowness, said)


@pytest.mark.parametrize("mutant", MOVERS, ids=lambda mutant: mutant.__name__)
def test_R1250_the_broken_deletion_is_caught(mutant: Callable[[pytest.MonkeyPatch], None]) -> None:
    catch(mutant, movers)


@pytest.mark.parametrize("mutant", OF_GRAPHS, ids=lambda mutant: mutant.__name__)
def test_G1_G2_G3_the_broken_graph_is_caught(mutant: Callable[[pytest.MonkeyPatch], None]) -> None:
    catch(mutant, branches)


@pytest.mark.parametrize(("mutant", "said"), OF_TURNS, ids=lambda each: getattr(each, "__name__", ""))
def test_G5_G7_G8_the_broken_turn_is_caught(mutant: Callable[[pytest.MonkeyPatch], None], said: str) -> None:
    catch(mutant, turnings, said)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_F13_the_broken_variant_is_caught(mutant: Callable[[pytest.MonkeyPatch], None]) -> None:
    catch(mutant, Cluster)


def test_the_kept_definition_is_a_pipeline() -> None:
    """The mutants above rely on what a start writes; hold them to it."""
    cluster = Cluster(0).run()
    assert any(told.definition and isinstance(told.definition, Pipeline) for told in cluster.checker.projects.values())
