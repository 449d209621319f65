"""Bad weather for real nodes, from a seed: kills, stops, outages, lost answers, and people who ask meanwhile."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pygit2

from flow.model.snapshot import ProjectView, Snapshot
from flow.project.replies import steps_of
from schema import layout
from schema.reasons import Wait
from state.contract.errors import StateError
from tests.chaos.checker import Checker
from tests.chaos.history import keep_moves, read, run_log
from tests.integration.node.lab import Lab, Node

NODES = ("n1", "n2", "n3")
PROJECTS = tuple(f"p{number}" for number in range(6))
STAGES = ("one", "two", "three")
FIRST = "request: start\nstage: one"
PATIENCE = 90.0
"""Seconds after the weather has cleared in which everything must be done: ten times what it takes."""

PROGRAM = """
import os, sys, time
def say(what):
    facts = (str(time.monotonic_ns()), os.path.basename(os.environ['WINSLOW_RUN']), os.environ['WINSLOW_PROJECT'],
             os.environ['WINSLOW_EXECUTION'], os.environ['WINSLOW_STAGE'])
    with open(os.environ['RUNS'], 'a') as log:
        log.write(' '.join((what, *facts)) + chr(10))
say('begin')
time.sleep(float(sys.argv[1]))
say('end')
"""
HOOK = """#!/bin/sh
[ ! -e {mark} ] || kill -9 $PPID
"""
LOST_PUSHES, LOST_ANSWERS = ("update", "lose-pushes"), ("post-receive", "lose-answers")
"""Hooks with the file that turns them on: the server dies before a push has landed, or before it says so."""


class Weather:
    def __init__(self, folder: Path, seed: int, served: Callable[[Path], str] = str) -> None:
        """`served`: how nodes reach that repository; people use it by path."""
        self.chance = random.Random(seed)
        program = folder / "program.py"
        program.write_text(PROGRAM)
        self.lab = Lab(folder / "lab", "".join(self._stage(name, program) for name in STAGES))
        self.lab.url = served(self.lab.remote)
        keep_moves(self.lab.remote)
        for name, mark in (LOST_PUSHES, LOST_ANSWERS):
            hook = self.lab.remote / "hooks" / name
            hook.write_text(HOOK.format(mark=mark))
            hook.chmod(0o755)
        self.lab.edit(
            {f"projects/{id}/project.yaml": "pipeline: p\n" for id in PROJECTS} | {"projects/v/project.yaml": None}
        )
        self.nodes: dict[str, Node] = {name: self.lab.node(name) for name in NODES}
        self.asleep: dict[str, float] = {}
        self.away_until = 0.0
        self.bad_server: dict[str, float] = {}
        self.told: list[str] = []

    def _stage(self, name: str, program: Path) -> str:
        seconds = f"{self.chance.uniform(0.05, 0.6):.2f}"
        return f"  - {{name: {name}, image: host/python, command: [python, {program}, '{seconds}']}}\n"

    # -- bad weather ------------------------------------------------------------------------------------------------

    def rage(self, seconds: float) -> None:
        for id in PROJECTS:
            self.ask(id, "request: start")
        deadline = time.monotonic() + seconds
        weather = (self.kill, self.sleep, self.outage, self.die, self.lose, self.crash_of_the_server)
        events = (*weather, self.person, self.person, self.person)
        while time.monotonic() < deadline:
            time.sleep(self.chance.uniform(0.1, 0.6))
            self.chance.choice(events)()
            self.recover(all=False)

    def kill(self) -> None:
        name = self.chance.choice(NODES)
        self.tell(f"kill {name}")
        self.nodes[name].kill()
        self.asleep.pop(name, None)
        self.nodes[name] = self.lab.node(name)

    def die(self) -> None:
        """It dies at the moment its push has landed, and is started again without knowing."""
        name = self.chance.choice(NODES)
        point = self.chance.choice(("after-push", "before-journal", "after-outbox", "after-start", "before-remove"))
        self.tell(f"{name} dies at {point}")
        self.nodes[name].kill()
        self.asleep.pop(name, None)
        self.nodes[name] = self.lab.node(name, failpoint=f"{point}:{self.chance.randint(1, 3)}")

    def lose(self) -> None:
        """The server dies in the middle of pushes, of nodes and of people, who live on and do not know."""
        _, mark = self.chance.choice((LOST_PUSHES, LOST_ANSWERS))
        if self._here and mark not in self.bad_server:
            self.tell(mark.replace("-", " "))
            (self.lab.remote / mark).touch()
            self.bad_server[mark] = time.monotonic() + self.chance.uniform(0.2, 1.5)

    def crash_of_the_server(self) -> None:
        """It died a while ago in the middle of a transaction, and left its lock."""
        lock = self.lab.remote / f"{layout.STATE}.lock"
        try:
            lock.open("x").close()
            os.utime(lock, (0, 0))
        except FileExistsError:
            return
        except FileNotFoundError:
            pass  # the hook of a push was quicker
        self.tell("a lock is left behind")

    def sleep(self) -> None:
        name = self.chance.choice(NODES)
        if name not in self.asleep and self.nodes[name].child.poll() is None:
            self.tell(f"{name} is stopped")
            self.nodes[name].child.send_signal(signal.SIGSTOP)
            self.asleep[name] = time.monotonic() + self.chance.uniform(0.2, 7.0)

    def outage(self) -> None:
        if self._here:
            self.tell("the server is away")
            self.lab.take_away()
            self.away_until = time.monotonic() + self.chance.uniform(0.2, 2.0)

    def person(self) -> None:
        wish = self.chance.choice(("request: pause", "request: resume", "request: abort", "request: start", FIRST))
        self.ask(self.chance.choice(PROJECTS), wish)

    def ask(self, project: str, text: str) -> None:
        try:
            self.lab.ask(text, project, sleep=self._weather_goes_on)
            self.tell(f"{project}: {text!r}")
        except StateError:
            pass  # the server is away: a person comes back later

    def _weather_goes_on(self, seconds: float) -> None:
        time.sleep(seconds)
        self.recover(all=False)

    @property
    def _here(self) -> bool:
        return (self.lab.remote / "HEAD").exists()

    # -- fine weather -----------------------------------------------------------------------------------------------

    def recover(self, *, all: bool) -> None:
        """What is over by now, or everything: the server is back, nodes wake up, the dead are started again."""
        now = time.monotonic()
        if not self._here and (all or now > self.away_until):
            self.lab.bring_back()
        if self._here:
            for mark in [mark for mark, until in self.bad_server.items() if all or now > until]:
                (self.lab.remote / mark).unlink()
                del self.bad_server[mark]
        for name in [name for name, until in self.asleep.items() if all or now > until]:
            self.nodes[name].child.send_signal(signal.SIGCONT)
            del self.asleep[name]
        for name, node in self.nodes.items():
            if node.child.poll() is not None:
                self.nodes[name] = self.lab.node(name)

    def clear(self) -> list[str]:
        """Fine weather until all is done; what is not, in the end."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.recover(all=True)  # a failpoint may still have been waiting
            snapshot = self.lab.repository.fetch()
            left = [id for id, view in snapshot.projects.items() if not _done(view)] or self._held()
            if not left or time.monotonic() > deadline:
                return left
            self._encourage(snapshot)
            time.sleep(0.3)

    def _held(self) -> list[str]:
        """What nodes still keep in journal and outbox though all is done: once that stood for good after a long run."""
        folders = [self.lab.folder / name / "node" / kind for name in NODES for kind in ("claims", "outbox")]
        kept = [path for folder in folders for path in folder.glob("*") if path.suffix != ".part"]  # whole ones
        return sorted(str(path.relative_to(self.lab.folder)) for path in kept)

    def _encourage(self, snapshot: Snapshot) -> None:
        """Whoever paused or aborted goes on now."""
        for id, view in snapshot.projects.items():
            wait = steps_of(view).wait
            if not view.unanswered and wait and wait.reason in (Wait.PAUSE_REQUESTED, Wait.FAILED):
                self.ask(id, "request: resume")

    # -- witnesses --------------------------------------------------------------------------------------------------

    def tell(self, text: str) -> None:
        self.told.append(f"{time.monotonic():.2f} {text}")

    def violations(self) -> list[str]:
        repo = pygit2.Repository(str(self.lab.remote))

        def is_ancestor(before: str, after: str) -> bool:
            return before == after or bool(repo.descendant_of(after, before))

        checker = Checker(read(self.lab.remote), run_log(self.lab.ran()), is_ancestor)
        return [*checker.found, *checker.unfinished(PROJECTS, STAGES)]

    def end(self) -> None:
        for name in self.asleep:
            self.nodes[name].child.send_signal(signal.SIGCONT)
        self.lab.close()


def _done(view: ProjectView) -> bool:
    if view.deletion:
        return True  # the lab's own project, which nobody wants here
    wait = steps_of(view).wait
    return not view.unanswered and wait is not None and wait.reason is Wait.DONE
