"""The two sources of the checker as plain values: the history of the bare repository, and the stages' own run log."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pygit2

from schema import layout
from state.contract.commit_message import parse as parse_message

Changes = Mapping[str, bytes | None]
"""Path to content, None where the file was removed."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A line of the run log. `at` is the machine's monotonic clock in nanoseconds, one for all processes."""

    what: str  # begin or end
    at: int
    container: str
    project: str
    execution: int
    stage: str


@dataclass
class History:
    """`winslow/state` from its first commit on: what each commit changed, and what it says it was decided on."""

    changes: list[Changes] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    merges: int = 0
    moves: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # of each branch, as the server noted them
    asked: frozenset[str] = frozenset()  # paths of all requests on `main`


def keep_moves(remote: Path) -> None:
    """From now on the server notes every move of every branch, also one that is taken back."""
    pygit2.Repository(str(remote)).config["core.logAllRefUpdates"] = "always"


def read(remote: Path) -> History:
    repo = pygit2.Repository(str(remote))
    found, before = History(), dict[str, str]()
    for commit in _first_to_last(repo, layout.STATE):
        now = dict(_documents(commit.tree, ""))
        names = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        found.changes.append({name: _content(repo, now.get(name)) for name in names})
        found.wanted.append(parse_message(commit.message).wanted)
        found.merges += len(commit.parents) > 1
        before = now
    found.moves = {ref: list(_moves(remote / "logs" / ref)) for ref in (layout.MAIN, layout.STATE)}
    found.asked = frozenset(path for path in _names(repo, layout.MAIN) if _is_request(path))
    return found


def _first_to_last(repo: pygit2.Repository, ref: str) -> list[pygit2.Commit]:
    commits, at = [], repo[repo.references[ref].target].peel(pygit2.Commit)
    while at.parents:
        commits.append(at)
        at = at.parents[0]
    return [*reversed([*commits, at])]


def _names(repo: pygit2.Repository, ref: str) -> Iterator[str]:
    return (path for path, _ in _documents(repo[repo.references[ref].target].peel(pygit2.Commit).tree, ""))


def _is_request(path: str) -> bool:
    place = layout.place_on_main(path)
    return place is not None and place.kind == "request"


def _moves(log: Path) -> Iterator[tuple[str, str]]:
    for line in log.read_text().splitlines():
        before, after = line.split(" ")[:2]
        yield before, after


def _documents(tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from _documents(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", str(entry.id)


def _content(repo: pygit2.Repository, blob: str | None) -> bytes | None:
    found = repo[blob] if blob else None
    return found.data if isinstance(found, pygit2.Blob) else None


def run_log(lines: Iterable[str]) -> list[Ran]:
    found = []
    for line in lines:
        what, at, container, project, execution, stage = line.split()
        found.append(Ran(what, int(at), container, project, int(execution), stage))
    return found
