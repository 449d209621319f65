"""Commits that a branch held and does not hold any more, as clones of nodes still have them, and their way back."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pygit2

from flow.model.commits import StateEvent
from schema import layout
from state.contract.commit_message import compose, parse
from state.contract.errors import StateError
from state.contract.repository import Landed
from state.edits.main import NotCommitted
from state.git import commit_builder
from state.git.clone_reader import VIEW
from state.git.git_repository import OURS, GitRepository
from state.transport.command import git
from state.transport.push import Update

LOST = f"{OURS}lost/"
TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class LostTip:
    """`commits` are those that would come back; `since` are those that the branch has got without them."""

    ref: str
    oid: str
    tip: str  # of the branch now; nothing where it is gone
    commits: int
    since: int

    @property
    def branch(self) -> str:
        return self.ref.removeprefix("refs/heads/")


def find(client: GitRepository, clones: Sequence[Path]) -> list[LostTip]:
    """What the clone of the command and those of nodes on this machine have."""
    with suppress(StateError):
        client.fetch()
    for clone in clones:
        _gather(client, clone)
    refs, repo = client.remote.listed(), client.clone.repo
    known = {*_held(repo)}
    newest = {oid for oid in known if not any(oid != other and client.descends(other, oid) for other in known)}
    found = (_lost(client, oid, refs) for oid in sorted(newest))
    return [each for each in found if each]


def _gather(client: GitRepository, clone: Path) -> None:
    specs = [f"+{LOST}*:{LOST}*"]
    with suppress(pygit2.GitError):
        views = pygit2.Repository(str(clone)).references
        for name in ("main", "state"):
            if ref := views.get(VIEW + name):
                specs.append(f"+{VIEW}{name}:{LOST}{ref.target}")
    git(["fetch", "--quiet", "--no-tags", "--", str(clone), *specs], folder=client.path, timeout=TIMEOUT)


def _held(repo: pygit2.Repository) -> Iterator[str]:
    for name in repo.references:
        if name.startswith(LOST) or name in (VIEW + "main", VIEW + "state"):
            yield str(repo.references[name].target)


def _lost(client: GitRepository, oid: str, refs: dict[str, str]) -> LostTip | None:
    ref = layout.STATE if parse(client.clone.commit(oid).message).trailers.get("Event") else layout.MAIN
    tip = refs.get(ref, "")
    if tip and client.descends(tip, oid):
        return None
    ahead, behind = client.clone.repo.ahead_behind(oid, tip) if tip else (0, 0)
    return LostTip(ref, oid, tip, ahead, behind)


@dataclass(frozen=True, slots=True)
class LostRecord:
    """An execution that only the lost commits know as it is there. `now`: the state of its number at the branch's tip;
    nothing where that has none.
    """

    project: str
    execution: int
    stage: str
    node: str
    state: str
    now: str


def lost_records(client: GitRepository, lost: LostTip) -> list[LostRecord]:
    """What goes with the lost commits of `winslow/state`, by project and number: whose claim, or result, is not at the
    tip. StateError where the commit of `main` that they were decided on is in no clone here.
    """
    if lost.ref != layout.STATE:
        return []
    then = client.at(_wanted(client, lost.oid), lost.oid)
    now = client.at(_wanted(client, lost.tip), lost.tip).projects if lost.tip else {}
    found: list[LostRecord] = []
    for id, view in sorted(then.projects.items()):
        kept = now.get(id)
        for record in view.executions:
            other = kept.execution(record.execution) if kept else None
            same_claim = other is not None and other.claim.container == record.claim.container
            if other is None or not same_claim or (record.result and not other.result):
                what = (id, record.execution, record.slot, record.claim.node, str(record.state))
                found.append(LostRecord(*what, now=str(other.state) if other else ""))
    return found


def _wanted(client: GitRepository, oid: str) -> str:
    return parse(client.clone.commit(oid).message).wanted


def put_back(client: GitRepository, lost: LostTip) -> str:
    """The branch holds what it held, where nothing was committed to it since. NotCommitted."""
    if lost.since:
        raise NotCommitted(
            f"{lost.branch} has {lost.since} commits that were made without the lost ones, so these cannot just be put "
            f"back; `winslowctl recover --let-stand {lost.oid[:12]}` goes on with what is there"
        )
    return _push(client, lost, lost.oid)


def let_stand(client: GitRepository, lost: LostTip, author: str) -> str:
    """A new generation: the branch stays as it is, and knows the lost commits as set aside, so all nodes go on."""
    if not lost.tip:
        raise NotCommitted(f"{lost.branch} is gone; `winslowctl recover --put-back {lost.oid[:12]}` makes it again")
    now = client.clone.commit(lost.tip)
    fact = f"{lost.oid[:12]} was lost; {lost.commits} commits are set aside"
    wanted = parse(now.message).wanted
    message = compose(StateEvent("generation", fact=fact, by=author), node="", wanted=wanted)
    made = commit_builder.commit(
        client.clone.repo, [lost.tip, lost.oid], pygit2.Oid(hex=now.tree_id), message, author=author
    )
    return _push(client, lost, made)


def _push(client: GitRepository, lost: LostTip, oid: str) -> str:
    local = f"{OURS}recovered"
    client.clone.repo.references.create(local, oid, force=True)
    outcome = client.publisher.push([Update(lost.ref, lost.tip or None, local)], oid)
    if not isinstance(outcome, Landed):
        raise NotCommitted(f"{lost.branch} could not be pushed: {outcome.text}; it needs the rights of a node")
    return oid
