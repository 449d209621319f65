"""What room a state repository takes: a controller's commit, an execution, and a day of a node that has nothing to do.

The commits are those of a real node and its short stages. Packed is after `winslowctl compact`; loose is what pushes
leave in a bare repository before anybody tidies up.
"""

import secrets
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Lab, node
from schema.node import Heartbeat
from state.git.git_repository import GitRepository
from state.git.maintenance import RepositorySize, compact, size

STAGES = 5
BEATS = 100
A_DAY = 24 * 3600 / 60
"""Heartbeats of one node."""
KEPT = 2 * 3600 / 60
"""Of them, those that are not old enough to be pruned."""


def measure(chains: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        lab = Lab(Path(name), ["v"], 'image: host/x, command: ["true"]', STAGES)
        with node(lab, "--runner", "process"):
            first = _after(lab, chains)
            last = _after(lab, chains)
        return {"chains": chains, "of stages": STAGES, **_between(first, last, chains), **_beats(lab)}


def _after(lab: Lab, chains: int) -> tuple[int, RepositorySize, RepositorySize]:
    """Commits so far, and the sizes before and after it is compacted."""
    for _ in range(chains):
        before = len(lab.repository.fetch().projects["v"].executions)
        lab.ask(["v"])
        lab.until(lab.ran(before + STAGES))
    loose = size(lab.remote)
    compact(lab.remote)
    return sum(1 for _ in lab.repository.messages()), loose, size(lab.remote)


def _between(
    first: tuple[int, RepositorySize, RepositorySize], last: tuple[int, RepositorySize, RepositorySize], chains: int
) -> dict[str, object]:
    commits = last[0] - first[0]
    packed, loose = last[2].bytes - first[2].bytes, last[1].bytes - first[2].bytes
    return {
        "commits": commits,
        "commits_of_an_execution": round(commits / chains / STAGES, 2),
        "packed_bytes_of_a_commit": round(packed / commits),
        "packed_bytes_of_an_execution": round(packed / chains / STAGES),
        "loose_bytes_of_a_commit": round(loose / commits),
    }


def _beats(lab: Lab) -> dict[str, object]:
    """Of heartbeats nothing is kept; until they are pruned each takes the room of a small file."""
    repository = GitRepository(str(lab.remote), lab.folder / "beats.git")
    before, expected = size(lab.remote).bytes, None
    repository.fetch()
    for number in range(BEATS):
        beat = Heartbeat(node="n9", incarnation="i", counter=number, nonce=secrets.token_hex(16), time=str(time.time()))
        expected = getattr(repository.beat(beat, expected=expected), "oid", None)
        repository.fetch()
    each = (size(lab.remote).bytes - before) / BEATS
    return {
        "bytes_of_a_heartbeat": round(each),
        "bytes_of_a_node_at_rest": round(each * KEPT),
        "bytes_of_a_node_day_where_nobody_prunes": round(each * A_DAY),
    }
