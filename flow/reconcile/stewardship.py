"""Work without a natural owner: replies, losses, deletions, registration. Whoever ranks first tries first."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from flow.boards.root_board import root_board
from flow.model.commits import StateEvent, Write
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.decision import Wipe
from flow.node.node_states import IDLE, away, standing
from flow.node.node_world import DeletionMark, NodeIdentity
from flow.node.sightings import Sightings
from flow.placement import gpus
from flow.placement.ranking import patience, steward_rank
from flow.project.active import open_views
from flow.project.replies import abort_targets, answer
from flow.reconcile.commit_draft import CommitDraft
from flow.reconcile.held_claims import event_of, unanswered_now
from flow.reconcile.project_fault import blamed_on
from schema import layout
from schema.execution import Execution, State, Tombstone
from schema.node import SCHEMA, Inventory, NodeAway
from schema.reasons import End

USE_LASTS = 120.0
"""Connected seconds."""


class Stewardship:
    def __init__(
        self,
        me: NodeIdentity,
        snapshot: Snapshot,
        seen: Sightings,
        poll: float,
        draft: CommitDraft,
        watched: set[Hashable],
        *,
        wall: str = "",
        halts: Mapping[str, str] | None = None,
        unseen: str = "",
    ) -> None:
        self.me, self.snapshot, self.seen, self.poll = me, snapshot, seen, poll
        self.draft, self.watched = draft, watched
        self.wall, self.halts, self.unseen = wall, halts or {}, unseen
        self.live = self._live()
        self.able = snapshot.settings.schema_version <= SCHEMA

    def _live(self) -> frozenset[str]:
        """Nodes that show signs of life, this one included."""
        limit = self.snapshot.settings.lost_after
        others = (
            node
            for node in self.snapshot.inventories
            if self.seen.silence(node) < limit and standing(self.snapshot, node).state not in IDLE
        )
        return frozenset(others) | {self.me.node}

    def register(self) -> None:
        """Write the inventory when it changed."""
        known, now = self.snapshot.inventories.get(self.me.node), self.me.inventory
        if known == now or (known and not self._worth_a_commit(known, now)):
            return
        news = gpus.news(known.gpus, now.gpus) if known else ""
        if known and (known.away or known.halted):
            news = "is back"
        if known and not news and (gone := sorted(set(now.lacks) - set(known.lacks))):
            news = f"its pool has no {gone[0]}"
        if known and not news and (left := [each for each in now.lends if each not in known.lends]):
            news = f"leaves {left[0].path} of its pool in the bucket"
        event = StateEvent("join", fact=f"{self.me.node} ({now.runner}){': ' if news else ''}{news}")
        self.draft.add(event, Write(layout.inventory(self.me.node), now))

    def _worth_a_commit(self, known: Inventory, now: Inventory) -> bool:
        """That others use a GPU, or no longer do, is told once it lasts: they may come and go all day. So may room."""
        if known.full and not now.full and known.model_copy(update={"full": ""}) == now:
            self.watched.add("room again")
            return self.seen.age("room again") >= USE_LASTS
        if not gpus.differ_in_use_only(known, now):
            return True
        key = ("gpus in use", *(gpu.health for gpu in now.gpus))
        self.watched.add(key)
        return self.seen.age(key) >= USE_LASTS

    def serve(self) -> None:
        if not self.able:
            return
        self._absences()
        pending = self._vanished()
        for view in open_views(self.snapshot):
            id = view.id
            if view.damage:
                continue
            with blamed_on(id):
                self._flag(view)
                self._losses(id)
                self._replies(id)
                self._deletion(id, pending)

    def _turn(self, thing: str, project: str, item: str = "") -> bool:
        """Whether it is this node's turn: the project's first steward at once, the others after a while."""
        key = (thing, project, item)
        self.watched.add(key)
        return self.seen.age(key) >= patience(self._rank(project), self.poll)

    def _rank(self, project: str) -> int:
        return steward_rank(self.me.node, self.live, project)

    # -- commits that are not legal --------------------------------------------------------------------------------

    def _flag(self, view: ProjectView) -> None:
        """Write down, for all to see, what is wrong with a commit."""
        for flag in view.flags:
            if flag.commit in view.unwritten and self._turn("flag", view.id, flag.commit):
                self.draft.add(
                    StateEvent("flag", view.id, fact=flag.text), Write(layout.flag(view.id, flag.commit), flag)
                )

    # -- nodes that are away ---------------------------------------------------------------------------------------

    def _absences(self) -> None:
        """Write down who gives no sign of life, or says that it has halted: who did not watch could not know."""
        for node, inventory in self.snapshot.inventories.items():
            if node == self.me.node or self.unseen:  # who is not seen himself may not see others either
                continue
            if self.halts.get(node, inventory.halted) != inventory.halted:
                verb = "halt" if self.halts[node] else "resume"
                self._write_down(verb, inventory.model_copy(update={"halted": self.halts[node]}))
            elif self._is_silent(node) and not away(self.snapshot, node):
                self._silent(inventory)

    def _is_silent(self, node: str) -> bool:
        silence = self.seen.silence(node) - self.snapshot.settings.lost_after
        if silence < 0:
            return False
        return silence >= patience(steward_rank(self.me.node, self.live, f"node {node}"), self.poll)

    def _silent(self, inventory: Inventory) -> None:
        beat = self.snapshot.heartbeats.get(inventory.node)
        if beat is None:
            self._forget(inventory.node)
            return
        since = earlier(self.wall, self.seen.silence(inventory.node))
        away = NodeAway(why="silent", beat=beat, by=self.me.node, since=since)
        self._write_down("silent", inventory.model_copy(update={"away": away}))

    def _write_down(self, verb: str, inventory: Inventory) -> None:
        facts = {"silent": "gives no sign of life", "halt": "has halted", "resume": "has not halted any more"}
        event = StateEvent(verb, fact=f"{inventory.node} {facts[verb]}")
        self.draft.add(event, Write(layout.inventory(inventory.node), inventory))

    def _forget(self, node: str) -> None:
        """Somebody removed its heartbeat (`winslowctl nodes rm`): its name is free. One that lives joins anew."""
        views = open_views(self.snapshot)
        if not any(record.state.active and record.claim.node == node for view in views for record in view.executions):
            self.draft.add(StateEvent("forget", fact=f"{node} was removed"), Write(layout.inventory(node), None))

    # -- losses ----------------------------------------------------------------------------------------------------

    def _losses(self, id: str) -> None:
        view = self.draft.view(id)
        for record in view.executions:
            if record.state.active and self._is_lost(id, record) and not view.flagged(record.execution):
                lost = record.model_copy(update={"state": State.LOST, "reason": End.NODE_LOST})
                fact = f"no sign of life from {record.claim.node} for {record.claim.lease.lost_after:g} s"
                self.draft.record(id, event_of("lose", id, lost, fact), lost)

    def _is_lost(self, id: str, record: Execution) -> bool:
        node = record.claim.node
        if node == self.me.node or self.unseen:
            return False  # who is not seen himself may not see others either
        silence = self.seen.silence(node) - record.claim.lease.lost_after
        if silence < 0:
            return False
        return silence >= patience(self._rank(id), self.poll)

    # -- replies ---------------------------------------------------------------------------------------------------

    def _replies(self, id: str) -> None:
        view = self.draft.view(id)
        if not view.unanswered or view.buried:
            return  # requests that a deleted project left behind would be answered, purged and answered for ever
        if unanswered_now(view):
            if self._turn("reply", id, view.unanswered[0].name) or self.draft.touched(id):
                self.draft.reply_all(id)
        elif self._turn("abort", id, view.unanswered[0].name):
            self._abort_of_lost(id, self.draft.view(id))

    def _abort_of_lost(self, id: str, view: ProjectView) -> None:
        """An abort of an execution whose node is away: nobody else will end it."""
        file = view.unanswered[0]
        records = [view.execution(number) for number in abort_targets(view, file)]
        lost = [r for r in records if r and r.state is State.LOST and not view.flagged(r.execution)]
        for record in lost:
            aborted = record.model_copy(update={"state": State.ABORTED, "reason": End.ABORTED})
            self.draft.record(id, event_of("abort", id, aborted, "its node was away"), aborted)
        if lost and len(lost) == len(records):
            self.draft.reply(id, answer(self.draft.view(id), file, aborted=lost[-1].execution))
            self.draft.reply_all(id)

    # -- deletions -------------------------------------------------------------------------------------------------

    def _vanished(self) -> int:
        return sum(view.deletion is not None and not view.buried for view in open_views(self.snapshot))

    def _deletion(self, id: str, pending: int) -> None:
        view = self.draft.view(id)
        stone = view.tombstone
        if view.deletion and not view.buried:
            held_back = pending > self.snapshot.settings.max_deletions and not self.snapshot.confirmed_deletions
            if not held_back and self._turn("tombstone", id):
                self._bury(view)
        elif stone and not view.deletion and stone.state == "deleting" and view.project:
            if self._turn("restore", id):
                self.draft.tombstone(id, _before(stone), StateEvent("restore", id, fact="its project.yaml is back"))
        elif stone and view.deletion and stone.state == "deleting":
            self._purge(view, stone)

    def _bury(self, view: ProjectView) -> None:
        assert view.deletion
        stone = Tombstone(
            **_generation(view.tombstone),
            last_seq=view.last_seq,
            last_execution=view.last_execution,
            commit=view.deletion.commit,
            by=view.deletion.by,
            delete_after=0.0 if view.deletion.now else self.snapshot.settings.delete_after,
            left=view.tombstone.left if view.tombstone else (),
        )
        self.draft.tombstone(
            view.id, stone, StateEvent("delete", view.id, fact=f"by {view.deletion.by}", by=view.deletion.by)
        )

    def _purge(self, view: ProjectView, stone: Tombstone) -> None:
        """After its grace time the project's files leave the tip; its numbers stay."""
        if self._age_of(view.id, stone) < stone.delete_after or any(e.state.active for e in view.executions):
            return
        if not self._turn("purge", view.id):
            return
        final = stone.model_copy(
            update={
                "state": "purged",
                "last_seq": view.last_seq,
                "last_execution": view.last_execution,
                "left": view.left,
            }
        )
        folder = layout.state_folder(view.id)
        gone = [Write(f"{folder}{name}", None) for name in ("replies/", "executions/", "logs/", "artifacts/", "flags/")]
        gone += [Write(f"{folder}{name}", None) for name in ("pipeline.yaml", "README.md")]
        self.draft.tombstone(view.id, final, StateEvent("purge", view.id, fact="its files are deleted"), *gone)

    def _age_of(self, id: str, stone: Tombstone) -> float:
        """A deletion after a restoration is another one: its grace time begins anew."""
        key = ("tombstone-seen", id, stone.generation, stone.commit)
        self.watched.add(key)
        return self.seen.age(key)

    # -- the root board --------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Renew the root board once it is old, whoever wrote it: with other news, or alone where nothing happens."""
        key, looked_at = ("board", self.snapshot.board), ("board of", self.snapshot.main, self.snapshot.state)
        self.watched.update({key, *self._drawn()})
        age = self.seen.age(key) - self.me.board
        if age < 0 or not self.able:
            return
        if not self.draft.commits and looked_at in self.seen.things:
            self.watched.add(looked_at)  # nothing is new since it was found to be right
            return
        text = root_board(self.draft.after())
        write = Write(layout.ROOT_BOARD, text)
        if text == self.snapshot.board:
            self.watched.add(looked_at)
        elif self.draft.commits:
            self.draft.attach(len(self.draft.commits) - 1, write)
        elif age >= patience(self._rank("board"), self.poll) and self._news(text):
            self.draft.add(StateEvent("board", fact="renewed"), write)

    def _drawn(self) -> Iterator[Hashable]:
        return (key for key in self.seen.things if isinstance(key, tuple) and key[0] == "drawn")

    def _news(self, text: str) -> bool:
        """Whether this is new to be drawn: nodes of two versions would else draw theirs over the other's for ever."""
        key = ("drawn", text)
        self.watched.difference_update(self._drawn())
        self.watched.add(key)
        return self.seen.age(key) < 2 * self.me.board

    def wipes(self, wiped: Mapping[str, DeletionMark]) -> Iterator[Wipe]:
        """Projects whose local data is to be deleted: their tombstone was in sight for its grace time."""
        for view in open_views(self.snapshot):
            done = wiped.get(view.id, DeletionMark())
            if view.tombstone is None or view.damage or _is_done(view, view.tombstone, done):
                continue
            with blamed_on(view.id):
                found = list(self._wipes(view, view.tombstone, done))
            yield from found

    def _wipes(self, view: ProjectView, stone: Tombstone, done: DeletionMark) -> Iterator[Wipe]:
        """Once it is purged, a new project of that name may begin at any time, before this node sees it."""
        deleting, last = stone.state == "deleting", stone.last_execution
        if deleting and not view.buried:
            return
        if not deleting and max(done.parted, _wiped_by(stone, done)) < stone.generation:
            yield Wipe(view.id, stone.generation, part=True)
        in_use = any(e.state.active and (deleting or e.execution <= last) for e in view.executions)
        if self._age_of(view.id, stone) >= stone.delete_after and not in_use:
            yield Wipe(view.id, stone.generation, last, stone.commit, files=deleting)


def earlier(wall: str, seconds: float) -> str:
    """A time by the wall clock so long before another, to the minute: for people."""
    try:
        then = datetime.fromisoformat(wall) - timedelta(seconds=seconds)
    except ValueError:
        return wall
    return then.strftime("%Y-%m-%d %H:%M UTC")


def _generation(stone: Tombstone | None) -> dict[str, Any]:
    """Of the next tombstone, and what it says of the one before. What was not purged is the same project still."""
    if stone is None:
        return {"generation": 1}
    if stone.state == "purged":
        return {
            "generation": stone.generation + 1,
            "earlier": stone.last_execution,
            "earlier_commit": stone.commit,
        }
    return {name: getattr(stone, name) for name in ("generation", "earlier", "earlier_commit")}


def _before(stone: Tombstone) -> Tombstone | None:
    """What is known of the generations before, where the newest one is restored. Its numbers go on."""
    if stone.generation == 1:
        return None
    return stone.model_copy(
        update={
            "generation": stone.generation - 1,
            "state": "purged",
            "last_execution": stone.earlier,
            "commit": stone.earlier_commit,
            "earlier": 0,
            "earlier_commit": "",
        }
    )


def _wiped_by(stone: Tombstone, done: DeletionMark) -> int:
    """The generation, if its files went with this very deletion."""
    return done.generation if done.commit == stone.commit else 0


def _is_done(view: ProjectView, stone: Tombstone, done: DeletionMark) -> bool:
    if done.generation == 0 and not view.deletion:  # noted by an older version, which knew numbers only
        return done.execution > 0 and done.execution >= stone.last_execution
    if done.generation > stone.generation:
        return True
    return (done.generation, done.execution, done.commit) == (stone.generation, stone.last_execution, stone.commit)
