"""Any revision of the state repository that a person names: a commit, or a branch of the server."""

import re
from collections.abc import Iterator, Mapping

import pygit2

from flow.project.pipeline_checks import answered
from schema import layout
from schema.errors import DocumentError, Problem
from state.contract.errors import StateError
from state.git import commit_builder
from state.git.branch import CloneBranch
from state.git.clone_reader import CloneReader
from state.git.git_repository import GitRepository
from state.snapshot.trees import PROJECTS, ROOT

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")
LOOKED_AT = "refs/winslow-view/looked-at"


class NoRevision(StateError):
    """The server has no such branch, and the clone no such commit."""


def resolve(repository: GitRepository, rev: str) -> str:
    """The commit of a branch on the server, else the commit that an id of at least 7 digits begins. NoRevision."""
    if not _NAME.fullmatch(rev) or ".." in rev:
        raise NoRevision(f"{rev[:60]!r} is no name of a branch or commit")
    try:
        repository.remote.fetch([f"+refs/heads/{rev}:{LOOKED_AT}"])
        return str(repository.clone.repo.references[LOOKED_AT].target)
    except (StateError, KeyError):
        return commit_named(repository, rev)


def commit_named(repository: CloneReader, rev: str) -> str:
    """The commit of the clone that an id of at least 7 digits begins. NoRevision."""
    found = repository.clone.commit_named(rev) if re.fullmatch(r"[0-9a-f]{7,40}", rev) else None
    if found is None:
        raise NoRevision(f"there is no branch or commit {rev!r} here")
    return found


def merged(repository: GitRepository, commit: str) -> str:
    """What `main` would be once the commit is merged: a commit that no ref names. NoRevision where they conflict."""
    clone, main = repository.clone, repository.tips()[0]
    for done, other in ((main, commit), (commit, main)):
        if clone.descends(done, other):
            return done
    try:
        index = clone.repo.merge_commits(main, commit)
        if index.conflicts is not None:
            places = sorted({side.path for sides in index.conflicts for side in sides if side})
            raise NoRevision(f"it conflicts with main in {', '.join(places[:10])}; merge main into it first")
        tree = index.write_tree(clone.repo)
        return commit_builder.commit(clone.repo, [main, commit], tree, "Merge", author="merge <merge@winslow.invalid>")
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise NoRevision(f"it cannot be merged into main: {error}") from None


def put_back(repository: GitRepository, commit: str) -> Iterator[Problem]:
    """Requests that a commit brings to `main` again, though they were answered: nothing would follow from them."""
    main, state = (CloneBranch(repository.clone, oid) for oid in repository.tips())
    then = CloneBranch(repository.clone, commit)
    for id in then.changed(main.tip) or ():
        before, after = main.files(f"{PROJECTS}/{id}"), then.files(f"{PROJECTS}/{id}")
        replies = state.files(f"{PROJECTS}/{id}")
        fresh = sorted(after.keys() - before.keys()) if layout.project(id) in before else ()
        for place, path in ((layout.place_on_main(path), path) for path in fresh):
            if place and place.kind == "request" and layout.reply(id, f"{place.item}.yaml") in replies:
                yield answered(path, [each.rpartition("/")[2] for each in (*after, *replies)])


def documents_at(repository: GitRepository, commit: str) -> Mapping[str, bytes]:
    """Text of every document that people write, by path; one that cannot be read is an empty text."""
    branch = CloneBranch(repository.clone, commit)
    found: dict[str, bytes] = {}
    for folder in (ROOT, "pipelines", "nodes", *(f"{PROJECTS}/{name}" for name in branch.projects())):
        for path, blob in branch.files(folder).items():
            if layout.place_on_main(path):
                found[path] = _text(repository, blob, path)
    return dict(sorted(found.items()))


def _text(repository: GitRepository, blob: str, path: str) -> bytes:
    try:
        return repository.clone.text(blob, path)
    except DocumentError:
        return b""
