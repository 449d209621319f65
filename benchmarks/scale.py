"""Ten thousand projects, each with one request, one reply and five executions: reading them, and deciding.

The documents are those of one project that a node really ran, with other claim ids, so that no two are the same blob.
"""

import hashlib
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pygit2

from benchmarks.measure import AUTHOR, Lab, node, spread, timed
from flow.boards.project_board import project_board
from flow.boards.root_board import root_board
from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from flow.node.sightings import Sightings, looked
from flow.reconcile.decide import decide
from schema import layout
from schema.node import Inventory
from state.contract.repository import Edit
from state.edits.main import commit_edit
from state.git.git_repository import GitRepository
from state.snapshot.replay import FIRST_LOOK

STAGE = 'image: host/x, command: ["true"]'
ONE = "v00000"
_ID = re.compile(rb"\b[0-9a-f]{32}\b")


def measure(projects: int, rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab = model(folder)
        multiply(lab.remote, projects)
        clone = folder / "node.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(lab.remote), str(clone)], check=True)
        cold, again = _start(lab.remote, clone), _start(lab.remote, clone)
        return {
            "projects": projects,
            "cold_load": cold["load"],
            "second_start": again["load"],
            **_rounds(lab, clone, rounds),
        }


def model(folder: Path) -> Lab:
    lab = Lab(folder, [ONE], STAGE, 5)
    with node(lab, "--runner", "process"):
        lab.ask([ONE])
        lab.until(lab.ran(5))
    return lab


def multiply(remote: Path, projects: int) -> None:
    """The one project over and over: on `winslow/state` commit by commit, or its history would not be legal.

    The newest commits are each of one project, as nodes make them, and are at least as many as a fresh clone replays.
    Before them, each commit does a step for all the other projects: ten thousand histories would take hours.
    """
    repo = pygit2.Repository(str(remote))
    _copies(
        repo, layout.MAIN, None, repo.references[layout.MAIN].peel(pygit2.Commit), range(1, projects), AUTHOR, "more"
    )
    wanted = repo.references[layout.MAIN].target
    line = list(repo.walk(repo.references[layout.STATE].target, pygit2.enums.SortMode.REVERSE))
    steps = [(before, after) for before, after in pairwise(line) if [*_files(before)] != [*_files(after)]]
    alone = max(1, projects - FIRST_LOOK // len(steps) - 1)
    for copies in (range(1, alone), *(range(each, each + 1) for each in range(alone, projects))):
        for before, after in steps:
            said = re.sub("Winslow-Wanted: .*", f"Winslow-Wanted: {wanted}", after.message)
            author = f"{after.author.name} <{after.author.email}>"
            _copies(repo, layout.STATE, before, after, copies, author, said)


def _copies(
    repo: pygit2.Repository,
    ref: str,
    before: pygit2.Commit | None,
    after: pygit2.Commit,
    copies: range,
    author: str,
    said: str,
) -> None:
    """One commit that does for the copies what came to the one project between two commits."""
    old = dict(_files(before)) if before else {}
    files = {path: content for path, content in _files(after) if old.get(path) != content}
    if not files or not copies:
        return
    tip, message = repo.references[ref].target, f"{said.strip()}\n"
    feed = subprocess.Popen(["git", "-C", repo.path, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert feed.stdin is not None
    head = f"commit {ref}\ncommitter {author} {int(time.time())} +0000\ndata {len(message)}\n{message}\nfrom {tip}\n"
    feed.stdin.write(head.encode())
    for number in copies:
        for path, content in files.items():
            own = _own(path, content, number)
            feed.stdin.write(b"M 644 inline projects/v%05d/%s\ndata %d\n%s\n" % (number, path.encode(), len(own), own))
    feed.stdin.write(b"\n")
    feed.stdin.close()
    if feed.wait():
        raise SystemExit("git fast-import failed")


def _files(commit: pygit2.Commit) -> Iterator[tuple[str, bytes]]:
    """Those of the one project."""
    folder = f"projects/{ONE}"
    if folder in commit.tree:
        one = commit.tree[folder]
        assert isinstance(one, pygit2.Tree)
        yield from _below(one, "")


def _own(path: str, content: bytes, number: int) -> bytes:
    """The document with claim ids of its own, so that it is no other project's blob."""
    if not _ID.search(content):
        return content + (b"# %d\n" % number if path == "project.yaml" else b"")
    return _ID.sub(lambda found: hashlib.md5(found[0] + b"%d" % number).hexdigest().encode(), content)


def _below(tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from _below(entry, f"{prefix}{entry.name}/")
        elif isinstance(entry, pygit2.Blob):
            yield f"{prefix}{entry.name}", entry.data


def _start(remote: Path, clone: Path) -> dict[str, float]:
    """A fresh interpreter opens the clone and takes its first snapshot."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", str(remote), str(clone)], check=True, stdout=subprocess.PIPE
    )
    return dict(json.loads(done.stdout))


def _rounds(lab: Lab, clone: Path, rounds: int) -> dict[str, object]:
    repository = GitRepository(str(lab.remote), clone)
    snapshot = repository.fetch()
    first = timed(lambda: decide(_world(snapshot)))
    boards = [timed(lambda: root_board(replace(snapshot))) for _ in range(rounds)]
    views = list(snapshot.projects.values())[:rounds]
    own = [timed(partial(project_board, snapshot, view)) for view in views]
    syncs, thoughts, idles = [], [], []
    for number in range(rounds):
        text = f"pipeline: p\ntags: [t{number}]\n"
        edit = Edit({f"projects/v{number + 1:05d}/project.yaml": text}, "tag", AUTHOR)
        commit_edit(lab.repository, lambda _, edit=edit: edit, sleep=time.sleep)  # type: ignore[misc]
        syncs.append(timed(repository.fetch))
        thoughts.append(timed(lambda: decide(_world(repository.fetch()))))
        idles.append(timed(repository.fetch))
    return {
        "sync_after_one_commit": spread(syncs),
        "decide": spread(thoughts),
        "first_decide": round(first, 3),
        "root_board": spread(boards),
        "project_board": spread(own),
        "poll_of_nothing": spread(idles),
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _world(snapshot: Snapshot) -> World:
    inventory = Inventory(node="bench", incarnation="i" * 32, slots=1)
    seen = looked(Sightings(), now=1.0, poll=5.0, snapshot=snapshot, watched=frozenset())
    return World(
        me=NodeIdentity("bench", "i" * 32, inventory), snapshot=snapshot, fresh=True, now=1.0, wall="", poll=5.0,
        entries={}, outbox={}, containers={}, busy=frozenset(), seen=seen, ids=(), wiped={},
    )  # fmt: skip


def main(remote: str, clone: str) -> None:
    began = time.perf_counter()
    GitRepository(remote, Path(clone)).fetch()
    print(json.dumps({"load": round(time.perf_counter() - began, 2)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
