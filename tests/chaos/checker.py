"""What must hold of any history, judged from two sources alone: the repository, and the stages' own run log.

The run log has one line when a program begins and one when it ends, with the container it was started under.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pygit2

from flow.controls import steps_of
from flow.transitions import illegal
from flow.world import Snapshot
from schema import layout
from schema.documents import parse
from schema.execution import Execution, State
from schema.reasons import Wait
from schema.reply import Reply
from state.message import parse as parse_message
from state.trees import place_on_state


@dataclass(frozen=True, slots=True)
class Ran:
    """A line of the run log."""

    what: str  # begin or end
    container: str
    project: str
    execution: int
    stage: str


@dataclass
class History:
    """`winslow/state` from its first commit on: the documents that each commit changed."""

    changes: list[dict[str, bytes | None]] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    tips: list[str] = field(default_factory=list)
    merges: int = 0


def read(repo: pygit2.Repository) -> History:
    commits, at = [], repo[repo.references[layout.STATE].target]
    found = History()
    while True:
        assert isinstance(at, pygit2.Commit)
        commits.append(at)
        found.merges += len(at.parents) > 1
        if not at.parents:
            break
        at = at.parents[0]
    before: Mapping[str, str] = {}
    for commit in reversed(commits):
        now = dict(_documents(repo, commit.tree, ""))
        names = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        found.changes.append({name: _content(repo, now.get(name)) for name in names})
        found.wanted.append(parse_message(commit.message).wanted)
        found.tips.append(str(commit.id))
        before = now
    return found


def _documents(repo: pygit2.Repository, tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from _documents(repo, entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", str(entry.id)


def _content(repo: pygit2.Repository, blob: str | None) -> bytes | None:
    found = repo[blob] if blob else None
    return found.data if isinstance(found, pygit2.Blob) else None


def run_log(lines: Iterable[str]) -> list[Ran]:
    found = []
    for line in lines:
        what, container, project, execution, stage = line.split()
        found.append(Ran(what, container, project, int(execution), stage))
    return found


def violations(history: History, ran: list[Ran], seen: Iterable[str], is_ancestor: object) -> Iterator[str]:
    """Everything that must not be, in words. `seen` are tips that somebody saw while it went on."""
    yield from _written_forward(history, seen, is_ancestor)
    records, replies = {}, {}  # type: ignore[var-annotated]
    for change in history.changes:
        for path, content in sorted(change.items()):
            place = place_on_state(path)
            if place is None or place.kind not in ("execution", "reply"):
                continue
            if content is None:
                yield f"{path} was removed"
                continue
            document = parse(place.kind, content, path)
            if isinstance(document, Execution):
                if why := illegal(records.get(path), document):
                    yield f"{path}: {why}"
                records[path] = document
            elif isinstance(document, Reply):
                if path in replies:
                    yield f"{path} was written twice"
                replies[path] = document
    yield from _one_order(replies)
    yield from _accepted_once(records, ran)


def _written_forward(history: History, seen: Iterable[str], is_ancestor) -> Iterator[str]:  # type: ignore[no-untyped-def]
    known = set(history.tips)
    yield from (f"tip {tip[:12]} was seen, and is not in the history" for tip in seen if tip not in known)
    if history.merges:
        yield "winslow/state has merges"
    for before, after in zip(history.wanted, history.wanted[1:], strict=False):
        if before and after and not is_ancestor(before, after):
            yield f"Winslow-Wanted went back from {before[:12]} to {after[:12]}"


def _one_order(replies: Mapping[str, Reply]) -> Iterator[str]:
    by_project: dict[str, list[int]] = {}
    for path, reply in replies.items():
        by_project.setdefault(path.split("/")[1], []).append(reply.seq)
    for project, numbers in by_project.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"{project}: the replies are numbered {sorted(numbers)}"


def _accepted_once(records: Mapping[str, Execution], ran: list[Ran]) -> Iterator[str]:
    begun = Counter(line.container for line in ran if line.what == "begin")
    ended = {line.container for line in ran if line.what == "end"}
    accepted: dict[tuple[str, int, str], str] = {}
    for container, times in begun.items():
        if times > 1:
            yield f"container {container[:8]} was started {times} times"
    for path, record in records.items():
        if record.state is not State.SUCCEEDED:
            continue
        slot = (path.split("/")[1], record.chain, record.stage)
        if slot in accepted:
            yield f"{slot} has two accepted results: {accepted[slot]} and {path}"
        accepted[slot] = path
        if record.claim.container not in ended:
            yield f"{path} was accepted, but its program never came to its end"


def unfinished(snapshot: Snapshot) -> Iterator[str]:
    """What is not done although the weather is fine and everybody had time."""
    for id, view in snapshot.projects.items():
        steps = steps_of(view)
        if view.unanswered:
            yield f"{id}: {[file.name for file in view.unanswered]} not answered"
        elif steps.wait is None or steps.wait.reason is not Wait.DONE:
            yield f"{id}: {steps.wait or steps.stage}"
