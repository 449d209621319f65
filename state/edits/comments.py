"""Comments on projects: files on `main` from which nothing follows. They are read where somebody wants to see them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from flow.model.snapshot import Snapshot
from schema import codec, layout
from schema.binding import read
from schema.comment import Comment
from schema.documents import parse
from schema.errors import DocumentError
from state.contract.commit_message import said
from state.contract.errors import StateError
from state.contract.repository import Edit
from state.edits.main import NotCommitted
from state.git.branch import MAX_WALK, CloneBranch, CloneHistory
from state.git.clone_reader import CloneReader
from state.git.commit_object import CommitObject
from state.snapshot.trees import Introduced

MOST = 50
"""Comments that are read at once, the newest."""
LAST = 999_999_999


class CannotComment(StateError):
    """There is nothing such to comment on."""


@dataclass(frozen=True, slots=True)
class CommentEntry:
    """`by` and `seconds` since 1970 (of the committer's clock) are those of the commit that brought it."""

    number: int
    text: str
    execution: int | None
    by: str
    seconds: int
    commit: str


def comments(looks: CloneReader, main: str, id: str, most: int = MOST) -> list[CommentEntry]:
    """Those of a project as a commit of `main` has them, the newest first. What is no comment is left out."""
    branch = CloneBranch(looks.clone, main)
    places = ((path, blob, layout.place_on_main(path)) for path, blob in branch.files(f"projects/{id}").items())
    known = [(int(place.item), path, blob) for path, blob, place in places if place and place.kind == "comment"]
    newest, found = sorted(known, reverse=True)[:most], []
    origins = _origins(looks, main, {path: blob for _, path, blob in newest})
    for number, path, blob in newest:
        try:
            comment = cast(Comment, parse("comment", branch.text(path, blob), path))
        except DocumentError:
            continue
        origin = origins[path]
        when = looks.clone.commit(origin.commit).commit_time
        found.append(CommentEntry(number, comment.comment, comment.execution, origin.by, when, origin.commit))
    return found


def _origins(looks: CloneReader, main: str, blobs: Mapping[str, str]) -> dict[str, Introduced]:
    """Which commit brought each file: one walk finds all of one folder.

    What was found is kept: the same words under the same number, taken away and brought again, stay those of the first.
    """
    walks = looks.clone.walks
    found = {path: known for path, blob in blobs.items() if (known := walks.look(("comment", path, blob)))}
    left = {path: blob for path, blob in blobs.items() if path not in found}
    for commit, parent in _changes(looks, main, next(iter(left)).rpartition("/")[0]) if left else ():
        before = parent.tree_id if parent else None
        brought = [path for path, blob in left.items() if not before or looks.clone.entry(before, path) != blob]
        for path in brought:
            blob = left.pop(path)
            found[path] = CloneHistory(looks.clone, commit.id).introduced(path, blob)
            walks.keep(("comment", path, blob), found[path])
        if not left:
            break
    return found


def _changes(looks: CloneReader, main: str, folder: str) -> Iterator[tuple[CommitObject, CommitObject | None]]:
    """Commits in the line of `main` that changed a folder, each with the one before; and the last that is looked at."""
    commit = looks.clone.commit(main)
    here = looks.clone.folder(commit.tree_id, folder)
    for _ in range(MAX_WALK):
        if not commit.parent_ids:
            break
        parent = looks.clone.commit(commit.parent_ids[0])
        before = looks.clone.folder(parent.tree_id, folder)
        if before != here:
            yield commit, parent
        commit, here = parent, before
    yield commit, None


def checked(snapshot: Snapshot, id: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a comment on something that is there. CannotComment, DocumentError."""
    fields = {name: value for name, value in fields.items() if value not in (None, "", 0)}
    comment = read(Comment, codec.dump(fields), "the comment")
    view = snapshot.projects.get(id)
    if view is None or not view.project:
        raise CannotComment(f"there is no project {id[:80]!r}")
    if comment.execution and not view.execution(comment.execution):
        raise CannotComment(f"there is no execution {comment.execution} of {id}; it has {view.last_execution}")
    return fields


def comment_edit(snapshot: Snapshot, id: str, fields: dict[str, Any], author: str) -> Edit:
    """One comment as a commit, under the project's next number. NotCommitted where the project went meanwhile."""
    view = snapshot.projects.get(id)
    if view is None or not view.project:
        raise NotCommitted(f"there is no project {id[:80]!r} any more")
    if view.last_comment >= LAST:
        raise NotCommitted(f"{id} has a comment of the last number that there is, {LAST}")
    about = f"{id}/{fields['execution']}" if fields.get("execution") else id
    message = f"comment on {about}\n\n{said(str(fields['comment']))}\n"
    return Edit({layout.comment(id, view.last_comment + 1): codec.dump(fields)}, message, author)
