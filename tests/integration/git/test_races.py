"""F1 on real git: of any number of swaps on one snapshot exactly one lands, and the one that landed is told so."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest

from controller.loop.pace import Pace
from schema import layout
from schema.node import Heartbeat
from state.contract.repository import Edit, Landed, Outcome, Rejected, Rejection
from state.edits.main import commit_edit
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import AUTHOR, claim, client, remote

RACERS, ROUNDS, TRIES = 8, 5, 20


def together(count: int, act: object) -> list[object]:
    """What each thread gets from `act(index)`, all let go at once. The pushes are processes of their own."""
    barrier, results = threading.Barrier(count), [None] * count

    def run(index: int) -> None:
        barrier.wait()
        results[index] = act(index)  # type: ignore[operator]

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results  # type: ignore[return-value]


WAYS = {"direct": lambda index: False, "git": lambda index: True, "both": lambda index: index % 2 == 0}
"""Who of the racers pushes with the git program."""


@pytest.mark.parametrize("way", WAYS)
def test_F1_of_eight_racing_swaps_exactly_one_lands_in_every_round(tmp_path: Path, way: str) -> None:
    remote(tmp_path)
    racers = [client(tmp_path, f"n{index}") for index in range(RACERS)]
    for index, racer in enumerate(racers):
        if WAYS[way](index):
            racer.direct = None
    winners = []
    for _ in range(ROUNDS):
        bases = [racer.fetch() for racer in racers]
        number = len(bases[0].projects["v"].executions) + 1

        def swap(index: int, bases: list = bases, number: int = number) -> Outcome:
            return racers[index].swap(bases[index], [claim(number, f"n{index}")], node=f"n{index}")

        outcomes = together(RACERS, swap)
        landed = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Landed)]
        lost = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
        assert len(landed) == 1, outcomes
        assert [outcome.kind for outcome in lost] == [Rejection.RACE] * (RACERS - 1), lost
        winners.append(f"n{landed[0]}")
    assert all(racer.direct is None or racer.direct.why == "" for racer in racers)
    executions = racers[0].fetch().projects["v"].executions
    assert [execution.claim.node for execution in executions] == winners


def test_F1_eight_people_who_edit_at_once_all_get_their_edit_in(tmp_path: Path) -> None:
    remote(tmp_path)
    people = [client(tmp_path, f"p{index}") for index in range(RACERS)]

    def edit(index: int) -> str:
        wish = Edit({f"projects/p{index}/project.yaml": "pipeline: p\n"}, f"add p{index}", AUTHOR)
        pause = threading.Event().wait
        return commit_edit(people[index], lambda _: wish, sleep=pause, chance=Random(index), attempts=20)

    commits = together(RACERS, edit)
    assert len(set(commits)) == RACERS
    assert set(people[0].fetch().projects) == {"v", *(f"p{index}" for index in range(RACERS))}


@pytest.mark.timeout(120)
def test_F1_each_of_eight_eager_writers_lands_one_of_its_first_twenty_tries(tmp_path: Path) -> None:
    """Each swaps without end, at the pace of a node, until everybody has landed once."""
    remote(tmp_path)
    writers = [client(tmp_path, f"n{index}") for index in range(RACERS)]
    first, everybody = dict[int, int](), threading.Event()

    def write(index: int) -> None:
        pace, lost, tries = Pace(poll=0.25, chance=Random(index)), 0, 0
        while not everybody.is_set() and not (tries == TRIES and index not in first):
            tries += 1
            outcome = writers[index].swap(writers[index].fetch(), [claim(index * 1000 + tries)], node=f"n{index}")
            pace.saw_company(time.monotonic())
            if isinstance(outcome, Landed):
                first.setdefault(index, tries)
                lost = 0
            else:
                lost += 1
            if len(first) == RACERS:
                everybody.set()
            everybody.wait(pace.backoff(lost) if lost else pace.courtesy(time.monotonic()))

    together(RACERS, write)
    assert sorted(first) == list(range(RACERS)), f"landed first at their try number: {first}"


def test_F9_of_two_nodes_of_one_name_one_beat_lands(tmp_path: Path) -> None:
    remote(tmp_path)
    twins = [client(tmp_path, f"t{index}") for index in range(2)]
    beats = [Heartbeat(node="gpu", incarnation=str(index)) for index in range(2)]
    outcomes = together(2, lambda index: twins[index].beat(beats[index], expected=None))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Landed", "Rejected"]


def test_an_equal_commit_of_somebody_else_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Both push the very same object: git says `up to date` to the second, and that must not count as a win."""
    remote(tmp_path)
    one, two = client(tmp_path, "one"), client(tmp_path, "two")
    base, other = one.fetch(), two.fetch()
    assert isinstance(one.swap(base, [claim(1)], node="n"), Landed)
    tip = one.tips()[1]
    two.remote.fetch([f"+{layout.STATE}:refs/same"])
    outcome = two._publish(layout.STATE, other.state, tip, view="")
    assert not isinstance(outcome, Landed)


def test_F1_the_race_shows_why_libgit2_does_not_push(tmp_path: Path) -> None:
    """The same race with the other push: both racers are told they won. If this ever fails, look at the test above."""
    program = Path(__file__).with_name("libgit2_race.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), "60"], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(done.stdout) > 0


def test_nobody_can_push_with_libgit2(tmp_path: Path) -> None:
    remote(tmp_path)
    repo: GitRepository = client(tmp_path)
    with pytest.raises(AssertionError, match="loses updates"):
        repo.clone.repo.remotes.create_anonymous(repo.url).push(["refs/heads/main"])
    calls = [
        (file.name, line)
        for file in Path(__file__).parents[3].joinpath("state").glob("*.py")
        for line in file.read_text().splitlines()
        if ".push(" in line and "publisher.push(" not in line
    ]
    assert calls == []
