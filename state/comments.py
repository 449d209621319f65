"""Comments on projects: files on `main` from which nothing follows. They are read where somebody wants to see them."""

from dataclasses import dataclass
from typing import Any, cast

from flow.world import Snapshot
from schema import codec, layout
from schema.binding import read
from schema.comment import Comment
from schema.documents import parse
from schema.errors import DocumentError
from state.branch import CloneBranch, CloneHistory
from state.errors import StateError
from state.looks import Looks
from state.message import said
from state.people import NotCommitted
from state.repository import Edit

MOST = 50
"""Comments that are read at once, the newest."""


class CannotComment(StateError):
    """There is nothing such to comment on."""


@dataclass(frozen=True, slots=True)
class Said:
    """`by` and `seconds` since 1970 (of the committer's clock) are those of the commit that brought it."""

    number: int
    text: str
    execution: int | None
    by: str
    seconds: int
    commit: str


def comments(looks: Looks, main: str, id: str, most: int = MOST) -> list[Said]:
    """Those of a project as a commit of `main` has them, the newest first. What is no comment is left out."""
    branch, history = CloneBranch(looks.clone, main), CloneHistory(looks.clone, main)
    places = ((path, blob, layout.place_on_main(path)) for path, blob in branch.files(f"projects/{id}").items())
    known = [(int(place.item), path, blob) for path, blob, place in places if place and place.kind == "comment"]
    found = []
    for number, path, blob in sorted(known, reverse=True)[:most]:
        try:
            comment = cast(Comment, parse("comment", branch.text(path, blob), path))
        except DocumentError:
            continue
        origin = history.introduced(path, blob)
        when = looks.clone.commit(origin.commit).commit_time
        found.append(Said(number, comment.comment, comment.execution, origin.by, when, origin.commit))
    return found


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
    about = f"{id}/{fields['execution']}" if fields.get("execution") else id
    message = f"comment on {about}\n\n{said(str(fields['comment']))}\n"
    return Edit({layout.comment(id, view.last_comment + 1): codec.dump(fields)}, message, author)
