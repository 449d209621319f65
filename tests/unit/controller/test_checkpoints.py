"""What running stages save is taken now and then, named in the journal once it is there, and told."""

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


class Looks:
    """A stage that has saved a file, and a node that looks at it; what a look hands on is done at once."""

    def __init__(self, folder: Path) -> None:
        _, self.world, entry = begun()
        self.store, self.journal = Workspaces(folder, overlays=False), Journal(MemoryDisk())
        self.journal.keep(entry)
        place = CheckpointPlace(self.store, "s", None)
        self.work = CheckpointWork(place, self.journal, lambda work: work(), lambda text: None)
        self.file = self.store.open("v", 1, RUN, None).path / "ckpt" / "a"
        self.file.parent.mkdir()
        self.file.write_text("1")

    def at(self, now: float, *, room: bool = True) -> SavedRecord | None:
        self.work.look(replace(self.world, now=now, entries=self.journal.entries, room=room))
        return self.journal.entries[RUN].saved


def test_what_is_saved_is_taken_each_time_and_told_when_it_is_another(tmp_path: Path) -> None:
    look = Looks(tmp_path)
    assert look.at(219.0) is None
    first = look.at(220.0)
    assert first
    assert look.store.tree(first.manifest).read("ckpt/a", 9) == b"1"
    look.file.write_text("22")
    assert look.at(339.0) == first
    second = look.at(340.0)
    assert second
    assert second != first
    assert Journal(look.journal.disk).entries[RUN].saved == second


def test_nothing_is_taken_while_the_disk_is_nearly_full_and_what_was_due_once_there_is_room(tmp_path: Path) -> None:
    look = Looks(tmp_path)
    assert look.at(220.0, room=False) is None
    first = look.at(221.0)
    assert first
    look.file.write_text("22")
    assert look.at(400.0, room=False) == first
    assert look.at(401.0) != first


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
