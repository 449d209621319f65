"""Owners of simulated machines: they come, type, leave and come back, and ask for their machines from afar.

What they may rely on is judged here by what they did alone, not by what nodes say of it.
"""

import re
from dataclasses import dataclass, field
from random import Random

from controller.journal.small_files import Disk
from controller.node.owner import OwnerOptions, OwnerWatch
from flow.model.clock import Clock
from schema import layout
from schema.execution import Execution
from schema.pipeline import Stage
from state.memory.memory_repository import MemoryServer
from tests.simulation.invariants import Checker, Violation

AWAY = 60.0
"""Seconds without a sign of him after which an owner has left."""
WISHED = 90.0
"""For how long one asks for a machine who is not at it."""


@dataclass
class Desk:
    """One machine as its owner uses it: from when to when he typed, by virtual time."""

    typed: list[tuple[float, float]] = field(default_factory=list)
    looked: float | None = None  # when its node last looked at him

    def idle(self, now: float) -> float | None:
        """Seconds since he typed; None where he never did."""
        ends = [min(now, end) for begin, end in self.typed if begin <= now]
        return now - max(ends) if ends else None

    def his(self, now: float) -> bool:
        idle = self.idle(now)
        return idle is not None and idle < AWAY

    def at_it(self, now: float) -> bool:
        return self.idle(now) == 0.0


@dataclass(frozen=True)
class Wish:
    """`yield` in the settings of a node: from when it stood on `main`."""

    node: str
    asked: str
    since: float


class Owners:
    """`calm`: nobody comes any more, and who is there has left."""

    def __init__(self, server: MemoryServer, checker: Checker, clock: Clock, chance: Random, nodes: list[str]) -> None:
        self.server, self.checker, self.clock, self.chance = server, checker, clock, chance
        self.desks = {name: Desk() for name in nodes}
        self.made: dict[str, Wish] = {}  # by what tells it from others
        self.standing: dict[str, Wish] = {}  # by node
        self.read = 0
        checker.owned = self.owned

    def watch(self, node: str, disk: Disk) -> OwnerWatch:
        """The product's own, over what is typed here."""
        options = OwnerOptions(watch=frozenset({"login"}), away=AWAY)

        def typed(now: float, within: float) -> dict[str, float]:
            desk, known = self.desks[node], self.desks[node].idle(now)
            desk.looked = now
            return {"pts/0": known} if known is not None and known <= within else {}

        return OwnerWatch(options, disk, self.clock.now, self.clock.now, typed)

    # -- what they do -----------------------------------------------------------------------------------------------

    def turn(self, node: str) -> None:
        """He may come to his machine now; some come back before they have been away for long."""
        desk, now = self.desks[node], self.clock.now()
        if not desk.at_it(now) and self.chance.random() < (0.15 if desk.his(now) else 0.02):
            desk.typed.append((now, now + self.chance.uniform(1.0, 2 * AWAY)))

    def wish(self) -> dict[str, str | None]:
        """What somebody commits to `main` now, if anything: a machine that is wanted, or not any more."""
        node = self.chance.choice(sorted(self.desks))
        path = f"nodes/{node}.yaml"
        if node in self.standing:
            del self.standing[node]
            return {path: None}
        wish = Wish(node, f"w{len(self.made) + 1}", self.clock.now())
        self.made[wish.asked] = self.standing[node] = wish
        return {path: f"yield: {{asked: {wish.asked}, for: {WISHED:g}s}}\n"}

    def leave(self) -> None:
        now = self.clock.now()
        for desk in self.desks.values():
            desk.typed = [(begin, min(end, now)) for begin, end in desk.typed if begin <= now]

    # -- what they may rely on --------------------------------------------------------------------------------------

    def owned(self, node: str) -> bool:
        """Whether its owner had it, or somebody asked for it for him, when the node looked last."""
        desk = self.desks[node]
        if desk.looked is not None and desk.his(desk.looked):
            return True
        return any(wish.node == node for wish in self.made.values())  # for how long, its node counts

    def acted(self, node: str, running: dict[str, Stage | None]) -> None:
        """After a whole round of that node: nothing new was claimed for a machine that its owner has, and what may be
        interrupted on it has been told to end.
        """
        self.claims()
        desk = self.desks[node]
        if desk.looked is None or not desk.his(desk.looked):
            return
        for container, stage in running.items():
            if stage and stage.interruptible and container not in self.checker.ending:
                raise Violation(f"{node} is its owner's, and {stage.name} in {container[:8]} goes on")

    def claims(self) -> None:
        """Of what has landed since the last look. Who claims has looked at its owner in that very round."""
        history = self.server.history(layout.STATE)
        fresh = history[self.read :]
        self.read = len(history)
        for commit in fresh:
            claimed = [w.content for w in commit.writes if isinstance(w.content, Execution)]
            for record in claimed if commit.event.verb == "claim" else ():
                self._claim(record)

    def _claim(self, record: Execution) -> None:
        node = record.claim.node
        desk, name = self.desks[node], f"{record.stage} as {record.execution}"
        if desk.looked is not None and desk.his(desk.looked):
            raise Violation(f"{node} claimed {name}, and its owner has it: he typed {desk.idle(desk.looked):.0f} s ago")
        wish = self._asked(node, record.wanted)
        if wish and desk.looked is not None and desk.looked < wish.since + WISHED:
            raise Violation(f"{node} claimed {name}, and its owner asked for it")

    def _asked(self, node: str, main: str) -> Wish | None:
        """What stands in the settings of the node at that commit."""
        commit = self.server.commits.get(main)
        blob = commit.blob(f"nodes/{node}.yaml") if commit else None
        text = str(self.server.contents[blob]) if blob else ""
        found = re.search(r"asked: (\w+)", text)
        return self.made[found[1]] if found else None
