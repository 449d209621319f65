"""A person's word on a commit of `winslow/state` that is not legal: let it stand, or put back what was there before."""

from collections.abc import Iterator

from flow.model.commits import Commit, StateEvent, Write
from flow.model.replay import SETTLES, set_aside
from flow.model.snapshot import ProjectView, Snapshot
from schema import layout
from schema.execution import Execution
from schema.flag import Flag, FlaggedPath
from schema.reasons import End
from state.contract.errors import StateError
from state.contract.repository import Landed, Rejected, Rejection
from state.edits.main import NotCommitted
from state.git.git_repository import GitRepository

ATTEMPTS = 12


class NothingFlagged(StateError):
    """No flag names that commit; the text says which do."""


def settle(repository: GitRepository, commit: str, *, accept: bool, author: str) -> str:
    """The id of the commit that settles it. NothingFlagged, NotCommitted."""
    for _ in range(ATTEMPTS):
        snapshot = repository.fetch()
        found = _flags(snapshot, commit)
        commits = [each for view, flag in found for each in _settled(repository, view, flag, accept, author)]
        outcome = repository.swap(snapshot, commits, node="", author=author)
        if isinstance(outcome, Landed):
            return outcome.oid
        if not (isinstance(outcome, Rejected) and outcome.kind is Rejection.RACE):
            raise NotCommitted(f"winslow/state could not be pushed: {outcome.text}; it needs the rights of a node")
    raise NotCommitted(f"it could not be committed in {ATTEMPTS} attempts; try again")


def _flags(snapshot: Snapshot, commit: str) -> list[tuple[ProjectView, Flag]]:
    known = [(view, flag) for view in snapshot.projects.values() for flag in view.flags]
    found = [(view, flag) for view, flag in known if len(commit) >= 4 and flag.commit.startswith(commit)]
    if len({flag.commit for _, flag in found}) == 1:
        return found
    listed = ", ".join(sorted({flag.commit[:12] for _, flag in known})) or "none is"
    raise NothingFlagged(f"{commit[:40]!r} names no single commit that is flagged; flagged now: {listed}")


def _settled(repository: GitRepository, view: ProjectView, flag: Flag, accept: bool, author: str) -> Iterator[Commit]:
    """With the flag itself, where no node has written it yet."""
    path = layout.flag(view.id, flag.commit)
    if flag.commit in view.unwritten:
        yield Commit(StateEvent("flag", view.id, fact=flag.text, by=author), (Write(path, flag),))
    word = "accepted" if accept else "reverted"
    event = StateEvent(SETTLES, view.id, fact=f"{word} commit {flag.commit[:12]}", by=author)
    writes = () if accept else tuple(_before(repository, view, flag, author))
    yield Commit(event, (*writes, Write(path, None)))


def _before(repository: GitRepository, view: ProjectView, flag: Flag, author: str) -> Iterator[Write]:
    for each in flag.paths:
        if each.before:
            text = repository.clone.text(each.before, each.path).decode(errors="replace")
            yield Write(each.path, text)
        else:
            yield Write(each.path, _without(view, each, author))


def _without(view: ProjectView, each: FlaggedPath, author: str) -> Execution | None:
    """The number of an execution is used, whoever used it."""
    record = view.execution(each.execution) if each.execution else None
    if record is None:
        return None
    ended = set_aside(record, Flag(commit=""))
    return ended.model_copy(
        update={"reason": End.INFRASTRUCTURE, "text": f"written by no controller; reverted by {author}"}
    )
