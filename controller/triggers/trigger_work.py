"""What is due becomes commits. Any number of nodes may try: the path says what it is, and the first has made it."""

import threading
from collections.abc import Callable, Mapping, Sequence

from controller.triggers.pool_news import PoolNews
from controller.triggers.trigger_memory import FileNotes, Stamp, TriggerNotes
from flow.model.snapshot import Snapshot
from flow.triggers.firings import Firing
from flow.triggers.wanted import TriggerMemory, ended, remembered, scheduled
from runner.worker import keep_at
from schema.trigger import Trigger
from state.contract.errors import StateError
from state.contract.repository import Edit, Repository
from state.edits.main import commit_edit
from state.edits.triggered import MOST, NothingLeft, trigger_edit

JUMP = 60.0
"""Seconds by which the clock on the wall may go another way than the machine's own before it counts as set."""
REST = 60.0
"""Seconds that nothing starts by the clock after it was set: whoever set it may have been wrong."""
LEAST = 1.0
"""Seconds between two looks at least."""
TOLD = 5
"""Problems of one trigger that are said; of the others how many they are."""


class SteadyClock:
    """The clock on the wall, and whether it was set a moment ago. `boot` never jumps."""

    def __init__(self, wall: Callable[[], float], boot: Callable[[], float]) -> None:
        self.wall, self.boot = wall, boot
        self._last: tuple[float, float] | None = None
        self._rests_until: float | None = None

    def look(self) -> tuple[float | None, str]:
        """Seconds since 1970, or nothing for a while after it was set; and what there is to say of that."""
        wall, boot = self.wall(), self.boot()
        before, self._last, said = self._last, (wall, boot), ""
        if before is not None and abs((wall - before[0]) - (boot - before[1])) > JUMP:
            self._rests_until = boot + REST
            said = f"the clock was set by {wall - before[0] - (boot - before[1]):+.0f} s: schedules wait {REST:.0f} s"
        if self._rests_until is not None and boot < self._rests_until:
            return None, said
        self._rests_until = None
        return wall, said


class TriggerWork:
    """`repository` makes this work's own client when something is to be committed for the first time."""

    def __init__(
        self,
        repository: Callable[[], Repository],
        notes: TriggerNotes,
        files: FileNotes,
        pool: PoolNews,
        clock: SteadyClock,
        sleep: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        self.notes, self.files, self.pool, self.clock, self.say = notes, files, pool, clock, say
        self._make, self._sleep = repository, sleep
        self._repository: Repository | None = None
        self._said: dict[str, str] = {}
        self._lock = threading.Lock()  # one client, and two threads
        self.snapshot: Snapshot | None = None

    def start(self, every: float) -> None:
        """Files are read in a thread of their own: a schedule does not wait for a digest."""
        pause = max(every, LEAST)
        keep_at("triggers", self.turn, lambda: self._sleep(pause), say=self.say)
        keep_at("triggers of the pool", self.pool_turn, lambda: self._sleep(pause), say=self.say)

    def seen(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    # -- schedules, and ends of projects -----------------------------------------------------------------------------

    def turn(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        self.notes.forget(snapshot.triggers)
        now, said = self.clock.look()
        if said:
            self.say(said)
        for name, trigger in snapshot.triggers.items():
            if not trigger.enabled:
                continue
            memory = self.notes.triggers.get(name, TriggerMemory())
            if trigger.schedule and now is not None:
                firings, memory = scheduled(name, trigger, snapshot, memory, now)
                self.notes.keep(name, memory)
                self._all_made(name, firings)
            elif trigger.project:
                self._ends(name, trigger, snapshot, memory)

    def _ends(self, name: str, trigger: Trigger, snapshot: Snapshot, memory: TriggerMemory) -> None:
        firings, memory = ended(name, trigger, snapshot, memory)
        if self._all_made(name, firings):
            memory = remembered(memory, snapshot, trigger)
        self.notes.keep(name, memory)

    # -- files of the pool -------------------------------------------------------------------------------------------

    def pool_turn(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        self.files.forget(snapshot.triggers)
        for name, trigger in snapshot.triggers.items():
            if trigger.pool and trigger.enabled:
                self._arrived(name, self._settled(name, trigger))

    def _settled(self, name: str, trigger: Trigger) -> Sequence[tuple[str, Stamp]]:
        """Nothing while the pool cannot be read, which is said once."""
        reading = f"{name} of the pool"
        try:
            files = self.pool.settled(name, trigger)
        except OSError as error:
            self._tell(reading, [str(error)])
            return []
        self._said.pop(reading, None)
        return files

    def _arrived(self, name: str, files: Sequence[tuple[str, Stamp]]) -> None:
        """So many at once as a commit takes; what cannot be made holds up no other file."""
        problems: list[str] = []
        try:
            for begin in range(0, len(files), MOST):
                problems += self._part(name, files[begin : begin + MOST])
        except StateError as error:
            problems.append(str(error))
        self._tell(name, problems)

    def _part(self, name: str, files: Sequence[tuple[str, Stamp]]) -> list[str]:
        """Why some of them cannot be made. What is one content under several names is made once. StateError."""
        found = self.pool.firings(name, files)
        wrong = self._commit(name, list(found))
        self.pool.made(name, [file for firing, file in found.items() if firing not in wrong])
        return list(wrong.values())

    # -- commits -----------------------------------------------------------------------------------------------------

    def _all_made(self, name: str, firings: Sequence[Firing]) -> bool:
        """Whether all of it is made now, by whomever; what is wrong is told."""
        try:
            problems = list(self._commit(name, firings).values())
        except StateError as error:
            problems = [str(error)]
        self._tell(name, problems)
        return not problems

    def _commit(self, name: str, firings: Sequence[Firing]) -> Mapping[Firing, str]:
        """Why some of it cannot be made; the others are made now, by whomever. StateError where none is."""
        wrong: dict[Firing, str] = {}

        def build(snapshot: Snapshot) -> Edit:
            wrong.clear()
            edit, found = trigger_edit(snapshot, firings)
            wrong.update(found)
            return edit

        if not firings:
            return wrong
        try:
            with self._lock:
                commit_edit(self._client(), build, sleep=self._sleep)
        except NothingLeft as error:
            return error.wrong
        more = len(firings) - len(wrong) - 1
        first = next(each for each in firings if each not in wrong)
        self.say(f"trigger {name}: {first.said}" + (f" and {more} more" if more else ""))
        return wrong

    def _tell(self, name: str, problems: Sequence[str]) -> None:
        """Once, until it is another one."""
        text = "; ".join(problems[:TOLD]) + (f"; and {len(problems) - TOLD} more" if problems[TOLD:] else "")
        if text and self._said.get(name) != text:
            self.say(f"trigger {name}: {text}")
        self._said[name] = text

    def _client(self) -> Repository:
        if self._repository is None:
            self._repository = self._make()
        return self._repository
