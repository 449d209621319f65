"""What must hold of any history, judged from two sources alone: the repository, and the stages' own run log."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from flow.model.transitions import illegal
from schema import layout
from schema.documents import parse
from schema.errors import DocumentError
from schema.execution import Execution, State
from schema.reply import Reply
from tests.chaos.history import Changes, History, Ran

IsAncestor = Callable[[str, str], bool]
NOTHING = "0" * 40


class Checker:
    """Reads a history once from its beginning; `found` is everything that must not be, in words."""

    def __init__(self, history: History, ran: Sequence[Ran], is_ancestor: IsAncestor) -> None:
        self.history, self.is_ancestor = history, is_ancestor
        self.records: dict[str, Execution] = {}
        self.replies: dict[str, Reply] = {}
        self.begun = Counter(line.container for line in ran if line.what == "begin")
        self.began = {line.container: line for line in ran if line.what == "begin"}
        self.ended = {line.container: line for line in ran if line.what == "end"}
        self.found = [each for changes in history.changes for each in self._commit(changes)]
        self.found += [*self._written_forward(), *self._answered(), *self._accepted_once(), *self._really_ran()]

    # -- one commit after the other ---------------------------------------------------------------------------------

    def _commit(self, changes: Changes) -> Iterator[str]:
        for path, content in sorted(changes.items()):
            place = layout.place_on_state(path)
            if place is None:
                continue
            if content is None:
                yield f"{path} was removed"
                continue
            try:
                document = parse(place.kind, content, path)
            except DocumentError as error:
                yield f"{path} does not parse: {error}"
                continue
            if isinstance(document, Execution):
                yield from self._record(path, self.records.get(path), document)
                self.records[path] = document
            elif isinstance(document, Reply):
                if path in self.replies:
                    yield f"{path} was written twice"
                self.replies[path] = document

    def _record(self, path: str, before: Execution | None, after: Execution) -> Iterator[str]:
        if why := illegal(before, after):
            yield f"{path}: {why}"
        if before and before.state is State.SUPERSEDED and after.state is not State.SUPERSEDED:
            yield f"{path} was superseded, and then {after.state}"
        if before and after.state is State.SUCCEEDED and after.claim.id != before.claim.id:
            yield f"{path} was accepted from claim {after.claim.id[:8]}, while {before.claim.id[:8]} held it"

    # -- the whole --------------------------------------------------------------------------------------------------

    def _written_forward(self) -> Iterator[str]:
        for ref, moves in self.history.moves.items():
            for before, after in moves:
                if after == NOTHING or (before != NOTHING and not self.is_ancestor(before, after)):
                    yield f"{ref} was rewritten from {before[:12]} to {after[:12]}"
        if self.history.merges:
            yield "winslow/state has merges"
        wanted = [each for each in self.history.wanted if each]
        for before, after in pairwise(wanted):
            if not self.is_ancestor(before, after):
                yield f"Winslow-Wanted went back from {before[:12]} to {after[:12]}"

    def _answered(self) -> Iterator[str]:
        for path in sorted({path.replace("/replies/", "/requests/") for path in self.replies} - self.history.asked):
            yield f"{path} was answered, and nobody asked it"
        by_project: dict[str, list[int]] = {}
        for path, reply in self.replies.items():
            by_project.setdefault(_project(path), []).append(reply.seq)
        for project, numbers in by_project.items():
            if sorted(numbers) != list(range(1, len(numbers) + 1)):
                yield f"{project}: the replies are numbered {sorted(numbers)}"

    def _accepted(self) -> Iterator[tuple[str, Execution]]:
        return ((path, each) for path, each in self.records.items() if each.state is State.SUCCEEDED)

    def _accepted_once(self) -> Iterator[str]:
        accepted: dict[tuple[str, int, str], str] = {}
        for path, record in self._accepted():
            slot = (_project(path), record.chain, record.stage)
            if slot in accepted:
                yield f"{slot} has two accepted results: {accepted[slot]} and {path}"
            accepted[slot] = path

    def _really_ran(self) -> Iterator[str]:
        for container, times in self.begun.items():
            if times > 1:
                yield f"container {container[:8]} was started {times} times"
        for path, record in self._accepted():
            end = self.ended.get(record.claim.container)
            if end is None:
                yield f"{path} was accepted, but its program never came to its end"
            elif (end.project, end.execution, end.stage) != (_project(path), record.execution, record.stage):
                yield f"{path} was accepted, but its container ran {end.project}/{end.execution} {end.stage}"

    # -- when everybody had time ------------------------------------------------------------------------------------

    def unfinished(self, projects: Sequence[str], stages: Sequence[str]) -> Iterator[str]:
        """Of each project, what its newest chain wants, from where it starts, and has not exactly once, in order."""
        answered = {path.replace("/replies/", "/requests/") for path in self.replies}
        yield from (f"{path} was never answered" for path in sorted(self.history.asked - answered))
        for project in projects:
            starts = [reply for path, reply in self.replies.items() if _opens(path, project, reply)]
            newest = max(starts, key=lambda reply: reply.seq, default=None)
            first = newest.position.stage if newest and newest.position else stages[0]
            yield from self._chain(project, newest.seq if newest else 0, stages[stages.index(first) :])

    def _chain(self, project: str, chain: int, stages: Sequence[str]) -> Iterator[str]:
        before: Ran | None = None
        for stage in stages:
            done = [
                each for path, each in self._accepted()
                if (_project(path), each.chain, each.stage) == (project, chain, stage)
            ]  # fmt: skip
            if len(done) != 1:
                yield f"{project}: chain {chain} has {len(done)} accepted results of {stage}"
                continue
            container = done[0].claim.container
            begin = self.began.get(container)
            if before and begin and begin.at < before.at:
                yield f"{project}: {stage} began before the end of what it builds on"
            before = self.ended.get(container)


def _project(path: str) -> str:
    return path.split("/")[1]


def _opens(path: str, project: str, reply: Reply) -> bool:
    return _project(path) == project and reply.kind == "start" and reply.verdict == "accepted"
