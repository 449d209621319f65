"""What running stages save is taken now and then, named in the journal once it is there, and told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from controller.housekeeping.checkpoints import CheckpointPlace, CheckpointWork
from controller.journal.journal import Journal
from controller.journal.small_files import MemoryDisk
from flow.fold.attempts import saved_by
from flow.node.node_world import HeldClaim, ObservedContainer, World
from flow.reconcile.decide import decide
from flow.reconcile.launch_order import take
from runner.store.workspaces import Workspaces
from schema.execution import Lease, SavedRecord, State, WorkspaceRecord
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started
from tests.unit.flow.test_capacity import world

SAVES = 'name: p\nstages:\n  - {name: one, image: i, checkpoint: {paths: ["ckpt/**"], every: 2m}}\n'
RUN = "c" * 32


def begun() -> tuple[Story, World, HeldClaim]:
    told = started(SAVES)
    found = fleet(told, node("n1"))
    entry = decide(world(found, "n1")).grants[0].model_copy(update={"container": RUN, "phase": "started"})
    sight = ObservedContainer(RUN, running=True, started=100.0)
    return told, replace(world(found, "n1"), entries={RUN: entry}, containers={RUN: sight}), entry


def test_what_is_saved_is_taken_each_time_and_told_when_it_is_another(tmp_path: Path) -> None:
    _, now, entry = begun()
    store, journal, waiting = Workspaces(tmp_path, overlays=False), Journal(MemoryDisk()), list[Callable[[], None]]()
    journal.keep(entry)
    work = CheckpointWork(CheckpointPlace(store, "s", None), journal, waiting.append, lambda text: None)
    opened = store.open("v", 1, RUN, None)
    (opened.path / "ckpt").mkdir()
    (opened.path / "ckpt" / "a").write_text("1")

    def look(at: float) -> SavedRecord | None:
        work.look(replace(now, now=at, entries=journal.entries))
        while waiting:
            waiting.pop()()
        return journal.entries[RUN].saved

    assert look(219.0) is None
    first = look(220.0)
    assert first
    assert store.tree(first.manifest).read("ckpt/a", 9) == b"1"
    (opened.path / "ckpt" / "a").write_text("22")
    assert look(339.0) == first
    second = look(340.0)
    assert second
    assert second != first
    assert Journal(journal.disk).entries[RUN].saved == second


def test_what_was_saved_is_in_the_record_and_after_a_loss_the_next_attempt_begins_with_it() -> None:
    told, now, entry = begun()
    record = told.ran(State.RUNNING)
    claim = record.claim.model_copy(update={"id": entry.claim, "container": RUN})
    told.now(1, claim=claim)
    found = fleet(told, node("n1"))
    saved = SavedRecord(manifest="blake3:" + "a" * 64, store="s")
    held = entry.model_copy(update={"saved": saved})
    decision = decide(replace(now, snapshot=found, entries={RUN: held}, now=200.0))
    [event] = [commit.event for commit in decision.commits if commit.event.verb == "save"]
    assert (event.project, event.execution) == ("v", 1)
    told.now(1, state=State.LOST, workspace=WorkspaceRecord(saved=saved), result=None)
    slot = told.steps.run
    assert slot.saved == 1
    me = now.me
    given = {"claim": "d" * 32, "lease": Lease(), "wanted": "m", "wall": ""}
    taken = take(me, told.view, slot, saved=True, **given)  # type: ignore[arg-type]
    assert taken.entry.order.saved
    assert taken.entry.order.saved.manifest == saved.manifest
    assert taken.record.workspace.checkpoint == 1
    assert take(me, told.view, slot, **given).entry.order.saved is None  # type: ignore[arg-type]


def test_a_program_that_failed_begins_anew() -> None:
    told = started(SAVES)
    stage = told.view.definition.stage("one")  # type: ignore[union-attr]
    assert stage
    left = told.ran(State.FAILED, End.PREEMPTED, manifest="blake3:" + "a" * 64)
    assert saved_by(stage, [left]) == 1
    failed = left.model_copy(update={"execution": 2, "reason": End.EXIT_CODE})
    assert saved_by(stage, [left, failed]) is None
    assert saved_by(stage.model_copy(update={"checkpoint": None}), [left]) is None
