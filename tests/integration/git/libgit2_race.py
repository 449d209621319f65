"""Two processes push with libgit2 from one base to one repository by path. Prints in how many rounds both were told
that they had won. Run by `test_races`; a program of its own, because importing `state` takes this push away.
"""

import multiprocessing
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pygit2

REF = "refs/heads/race"


def prepare(folder: Path) -> None:
    repo = pygit2.init_repository(str(folder / "remote.git"), bare=True)
    who = pygit2.Signature("a", "a@b.c", 1, 0)
    repo.create_commit(REF, who, who, "base", repo.TreeBuilder().write(), [])


def race(folder: Path, name: str, rounds: int, barrier: Barrier, won: "multiprocessing.Queue[int]") -> None:
    repo = pygit2.init_repository(str(folder / f"{name}.git"), bare=True)
    remote = repo.remotes.create_anonymous(str(folder / "remote.git"))
    who = pygit2.Signature(name, "a@b.c", 2, 0)
    for number in range(rounds):
        barrier.wait()
        remote.fetch([f"+{REF}:refs/seen"])
        base = repo.references["refs/seen"].target
        tree = repo[base].tree_id  # type: ignore[attr-defined]
        repo.references.create(REF, repo.create_commit(None, who, who, f"{name} {number}", tree, [base]), force=True)
        barrier.wait()
        try:
            remote.push([f"{REF}:{REF}"])
            won.put(number)
        except pygit2.GitError:
            pass


def main(folder: Path, rounds: int) -> int:
    prepare(folder)
    context = multiprocessing.get_context("fork")
    barrier, won = context.Barrier(2), context.Queue()
    racers = [context.Process(target=race, args=(folder, name, rounds, barrier, won)) for name in "ab"]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    wins = [won.get() for _ in range(won.qsize())]
    return sum(wins.count(number) > 1 for number in set(wins))


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2])))
