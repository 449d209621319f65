"""What people said of a project: by itself, or with what they asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from flow.model.snapshot import ProjectView
from state.edits.comments import comments
from state.git.clone_reader import CloneReader
from webui.source.view_source import Look

WITH_REQUESTS = 20


@dataclass(frozen=True, slots=True)
class ShownComment:
    """`seconds` since 1970, 0 where that is not known; `request` is the one it came with."""

    text: str
    by: str
    execution: int | None = None
    seconds: int = 0
    request: str = ""


def shown(view: ProjectView, look: Look, clone: CloneReader) -> list[ShownComment]:
    """What was said by itself, the newest first, then what was said with the newest requests."""
    found = comments(clone, look.snapshot.main, view.id) if view.last_comment else []
    alone = [ShownComment(each.text, _name(each.by), each.execution, each.seconds) for each in found]
    return [*alone, *islice(_with_requests(view), WITH_REQUESTS)]


def _with_requests(view: ProjectView) -> Iterator[ShownComment]:
    for each in reversed(view.replies):
        if each.comment:
            yield ShownComment(each.comment, _name(each.by), request=each.request)


def _name(author: str) -> str:
    return author.partition(" <")[0]
