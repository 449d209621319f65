"""An edit of `main` as a branch of its own, for people who discuss it before it holds: a merge request.

GitLab opens the merge request itself when the push says so; other servers are given the branch alone.
"""

import re
import secrets
from dataclasses import dataclass

from state.contract.commit_message import clean
from state.contract.repository import Edit, Landed, Rejected
from state.edits.main import NotCommitted
from state.git import commit_builder
from state.git.git_repository import OURS, GitRepository
from state.transport.push import Update

PREFIX = "winslow-proposals/"
_ADDRESS = re.compile(r"https?://[^\s\x00-\x20]{1,300}/merge_requests/[0-9]+")


@dataclass(frozen=True, slots=True)
class Proposal:
    """`address` is the merge request's, where the server opened one and said so."""

    branch: str
    commit: str
    address: str = ""


def propose(repository: GitRepository, edit: Edit, about: str) -> Proposal:
    """The edit on the newest `main`, on a branch that is new. `about` is a checked name. NotCommitted, StateError."""
    snapshot = repository.fetch()
    files = {path: text.encode() if text is not None else None for path, text in edit.files.items()}
    repo = repository.clone.repo
    tree = commit_builder.write_tree(repo, repository.clone.tree_of(snapshot.main), files)
    commit = commit_builder.commit(repo, [snapshot.main], tree, edit.message, author=edit.author)
    branch = f"{PREFIX}{about}-{secrets.token_hex(3)}"
    local = f"{OURS}heads/{branch}"
    repo.references.create(local, commit, force=True)
    asks = ("merge_request.create", "merge_request.target=main", f"merge_request.title={clean(edit.message)[:200]}")
    outcome = repository.publisher.push([Update(f"refs/heads/{branch}", None, local)], commit, asks)
    repo.references.delete(local)
    if isinstance(outcome, Landed):
        found = _ADDRESS.search(outcome.text)
        return Proposal(branch, commit, found[0] if found else "")
    why = outcome.text if isinstance(outcome, Rejected) else f"no answer: {outcome.text}"
    raise NotCommitted(f"the branch {branch} could not be pushed: {why}")
