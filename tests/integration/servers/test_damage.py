"""F22: whatever is damaged in its clone while a stage runs, a node goes on: cloned anew, with its journal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from state.git.git_repository import GitRepository
from tests.integration.git.remotes import remote, run
from tests.integration.servers.bench import RUNS, Bench
from tests.servers.http import HttpServer


def objects(clone: Path) -> list[Path]:
    return sorted([*clone.glob("objects/??/*"), *clone.glob("objects/pack/*.pack")])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for at in range(12, len(content), 7):
        content[at] ^= 0x55
    file.chmod(0o644)
    file.write_bytes(content)


def flip_the_pack(clone: Path) -> None:
    run("repack", "-adq", cwd=clone)
    [pack] = clone.glob("objects/pack/*.pack")
    flip(pack)


def cut_the_pack(clone: Path) -> None:
    run("repack", "-adq", cwd=clone)
    [pack] = clone.glob("objects/pack/*.pack")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])


def flip_loose_objects(clone: Path) -> None:
    for file in objects(clone):
        flip(file)


def lose_the_tip(clone: Path) -> None:
    tip = str(pygit2.Repository(str(clone)).references["refs/winslow-view/state"].target)
    (clone / "objects" / tip[:2] / tip[2:]).unlink()


def lose_the_tree(clone: Path) -> None:
    repo = pygit2.Repository(str(clone))
    tree = str(repo.references["refs/winslow-view/state"].peel(pygit2.Commit).tree_id)
    (clone / "objects" / tree[:2] / tree[2:]).unlink()


def lose_all_objects(clone: Path) -> None:
    for file in objects(clone):
        file.unlink()


def empty(name: str) -> Callable[[Path], None]:
    def act(clone: Path) -> None:
        (clone / name).write_text("")

    act.__name__ = f"empty_{name.rsplit('/', maxsplit=1)[-1]}"
    return act


def rubbish(name: str) -> Callable[[Path], None]:
    def act(clone: Path) -> None:
        (clone / name).write_bytes(b"\0\xff[rubbish\n" * 20)

    act.__name__ = f"rubbish_in_{name.rsplit('/', maxsplit=1)[-1]}"
    return act


DAMAGE = [
    flip_the_pack, cut_the_pack, flip_loose_objects, lose_the_tip, lose_the_tree, lose_all_objects,
    empty("HEAD"), rubbish("HEAD"), rubbish("config"), rubbish("packed-refs"),
    empty("refs/winslow-view/state"), rubbish("refs/winslow-view/main"),
]  # fmt: skip


@pytest.mark.parametrize("restart", [False, True], ids=["running", "at a restart"])
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_F22_a_damaged_clone_is_made_anew_and_nothing_is_lost(
    tmp_path: Path, http: HttpServer, damage: Callable[[Path], None], restart: bool
) -> None:
    url, clone = http.url(remote(tmp_path)), tmp_path / "one.git"
    bench = Bench(tmp_path, GitRepository(url, clone))
    bench.begin()
    claims = set(bench.journal.entries)
    damage(clone)
    if restart:
        bench.repository = GitRepository(url, clone)
        bench.start()
    assert set(bench.journal.entries) == claims
    bench.rounds(RUNS + 60)
    assert bench.states() == ["succeeded"], bench.said
    assert not bench.journal.outbox
    assert len(bench.people.fetch().projects["v"].executions) == 1
    snapshot = bench.controller.snapshot
    assert snapshot
    # Who has spoken since is known to whoever listened; a clone that is opened anew has heard nobody yet.
    assert GitRepository(url, clone).fetch() == replace(snapshot, spoke={})
