"""The sign of life: this node's own ref, rewritten now and then. Observers look at its object id alone.

A node also looks at its own ref as others see it. What is there says whether its signs of life arrive, and whether
another process beats under its name: of two, the one whose beat stands goes on, and the other stops.
"""

import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from controller.journal.journal import Journal
from controller.loop.server_backoff import ServerBackoff
from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from schema.node import Heartbeat
from state.contract.repository import Landed, Outcome, Rejected, Repository, SignOfLife

PATIENCE = 2.0
"""Intervals of the other's heartbeats after which a process that does not beat any more is taken to be gone."""
IN_TIME = 4.5
"""Heartbeats in the time after which an exclusive stage is given up."""
REMEMBERED = 16
"""Own beats since the last one that is known to stand in the repository."""


class NameTaken(Exception):
    """Another installation or process beats under this node's name."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A beat in this node's ref that this process did not make, and since when it stands there."""

    nonce: str
    since: float


class HeartbeatWriter:
    """Beats when due. The ref's lease is the object id seen last, so a second node of the name is noticed."""

    def __init__(
        self,
        repository: Repository,
        me: NodeIdentity,
        every: float,
        fresh_id: Callable[[], str],
        refusals: ServerBackoff,
        journal: Journal,
        load: Callable[[], dict[str, float]] = dict,
    ) -> None:
        self.repository, self.me, self.every, self.fresh_id = repository, me, every, fresh_id
        self.refusals, self.journal, self.load = refusals, journal, load
        self.counter = 0
        self.landed_at: float | None = None
        self.twin: str | None = None  # why this process may not go on under its name
        self.lost = ""  # the commit for which this node has halted
        self._told: str | None = None  # why it had halted, as its last beat says
        self.seen_at: float | None = None  # when the newest one was sent that is known to stand in the repository
        self._sent, self._sent_at = "", 0.0  # the newest nonce, and when it was sent
        self._times: dict[str, float] = {}  # when each of the last ones was sent
        self._held = ""  # the nonce in the ref at the last look, where it is one of ours
        self._mine: dict[str, str] = {}  # nonce by object id, of beats that landed
        self._stranger: Stranger | None = None
        self._before = ("", 0.0)  # what `_sent` was before one that went with a claim

    # -- beating ----------------------------------------------------------------------------------------------------

    def beat(self, world: World, seen: str | None, halted: str | None) -> Outcome | None:
        """`seen` is what the ref held at the last look. None where it was not due, or is refused for a while."""
        rests = self.landed_at is not None and world.now - self.landed_at < self._interval(world)
        if rests and halted == self._told:
            return None
        if self.twin or self.refusals.wait("beat", world.now):
            return None
        heartbeat = self._made(world, halted)
        outcome = self.repository.beat(heartbeat, expected=seen)
        self.refusals.heard("beat", outcome, world.now)
        if isinstance(outcome, Landed):
            self._arrived(heartbeat, outcome.oid, halted)
        return outcome

    def _interval(self, world: World) -> float:
        """Several fit into the time after which an exclusive stage is given up."""
        exclusive = (entry.give_up_after / IN_TIME for entry in world.entries.values() if entry.exclusive)
        return min((self.every, *exclusive))

    def _arrived(self, heartbeat: Heartbeat, oid: str, halted: str | None) -> None:
        self.landed_at, self._told = self._sent_at, halted
        self._mine = {oid: heartbeat.nonce}
        self._note((heartbeat.nonce,))

    def with_claim(self, world: World, seen: str | None, claims: Iterable[str]) -> SignOfLife:
        """One that goes with a claim of an exclusive stage: both land, or none."""
        self._before = (self._sent, self._sent_at)
        heartbeat = self._made(world, None)
        return SignOfLife(heartbeat.model_copy(update={"claims": (*heartbeat.claims, *claims)}), seen)

    def came_with_claim(self, sign: SignOfLife, outcome: Outcome) -> None:
        """What became of it; of an unknown end the next look tells."""
        match outcome:
            case Landed(beat=oid):
                self._arrived(sign.heartbeat, oid, None)
            case Rejected():
                self._sent, self._sent_at = self._before

    def _made(self, world: World, halted: str | None) -> Heartbeat:
        self.counter += 1
        self._sent, self._sent_at = self.fresh_id(), world.now
        self._times = dict([*self._times.items(), (self._sent, world.now)][-REMEMBERED:])
        standing, *since = (*self.journal.beats, self._sent)
        self._note((standing, *since[-REMEMBERED:]))  # however many get no answer, it knows the one that stands there
        return Heartbeat(
            node=self.me.node,
            incarnation=self.me.incarnation,
            counter=self.counter,
            nonce=self._sent,
            claims=tuple(entry.claim for entry in world.entries.values()),
            halted=halted,
            lost=self.lost,
            load=self.load(),
            time=world.wall,
            every=self.every,
            host=socket.gethostname(),
            process=os.getpid(),
        )

    def _note(self, nonces: tuple[str, ...]) -> None:
        """A disk that is full keeps nobody from beating: the next start then waits for a while."""
        try:
            self.journal.beat(nonces)
        except OSError:
            self.journal.beats = nonces

    @property
    def new(self) -> bool:
        """Whether this process has not beaten yet, and nobody has under its name."""
        return not self._sent and not self._held and self._stranger is None

    @property
    def restarted(self) -> bool:
        """Whether this process has not beaten yet, and the beat that stands is one that its journal knows."""
        return not self._sent and bool(self._held)

    # -- looking ----------------------------------------------------------------------------------------------------

    def look(self, snapshot: Snapshot, now: float) -> None:
        """At the own ref, after each fetch. NameTaken where another one has the name and this one never had it."""
        known = next((self._mine[oid] for oid in self._ids(snapshot) if oid in self._mine), None)
        found = None if known or not self._ids(snapshot) else self.repository.heartbeat(self.me.node)
        nonce = known or (found.nonce if found else "")
        if found and not self._own(found):
            self._held = ""
            self._foreign(found, now)
            return
        self._held, self._stranger, self.twin = nonce, None, None
        if nonce in self.journal.beats[1:]:
            self.journal.beats = (nonce, *(each for each in self.journal.beats if each != nonce))
        if nonce in self._times:
            self.seen_at = max(self.seen_at or 0.0, self._times[nonce])
        if nonce and nonce == self._sent:  # also where its answer was lost
            self.landed_at = max(self.landed_at or 0.0, self._sent_at)

    def _ids(self, snapshot: Snapshot) -> list[str]:
        """There may be two places."""
        held = snapshot.heartbeats.get(self.me.node)
        return held.split("+") if held else []

    def _own(self, found: Heartbeat) -> bool:
        """A journal without beats is of an older version, or of an installation that is new."""
        if found.incarnation != self.me.incarnation:
            return False
        return not self.journal.beats or found.nonce in self.journal.beats

    def _foreign(self, found: Heartbeat, now: float) -> None:
        who = f"another process (host {found.host or 'unknown'}, process {found.process or 'unknown'})"
        if found.incarnation != self.me.incarnation:
            who = f"{who} of another installation ({found.incarnation[:8]})"
        self.twin = (
            f"{who} beats as the node {self.me.node!r}: this one takes nothing; stop one of the two, or start this one "
            f"with another --name and a --data directory of its own"
        )
        if self.landed_at is not None:
            return
        before = self._stranger
        if found.incarnation != self.me.incarnation or (before and before.nonce != found.nonce):
            raise NameTaken(
                f"a node named {self.me.node!r} is already part of this repository; choose another --name, or give "
                f"this one its data directory back: {self.twin}"
            )
        self._stranger = before or Stranger(found.nonce, now)
        if now - self._stranger.since > PATIENCE * (found.every or self.every):
            self.journal.beats, self.twin = (*self.journal.beats, found.nonce), None

    # -- how others see it ------------------------------------------------------------------------------------------

    def _missing(self) -> bool:
        return bool(self._sent) and self._held != self._sent

    @property
    def unseen(self) -> str:
        """Why this node has to take it that others do not see it; nothing where they do."""
        if self._sent and not self._missing():
            return ""
        if not self._sent:
            return "" if self._held else "its first heartbeat is not seen yet"
        return "its last heartbeat is not to be seen in the repository"
