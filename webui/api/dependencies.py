"""What operations are given: the page, the snapshot that is looked at, the person who asks, and checked words."""

from dataclasses import dataclass
from pathlib import Path as Folder
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, Field

from flow.model.snapshot import ProjectView, Snapshot
from schema.errors import printable
from schema.execution import Execution
from schema.names import NAME
from schema.suggest import did_you_mean
from webui.access import person as who
from webui.access.person import Person, Role
from webui.api.errors import ProblemAnswer, Refused
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import Look

MOST = 500
FAR = 1_000_000_000
Item = TypeVar("Item")

Id = Annotated[str, Path(pattern=NAME, description="the project's id")]
Number = Annotated[int, Path(ge=1, lt=FAR, description="the execution's number in its project")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="at most so many")]
Offset = Annotated[int, Query(ge=0, lt=FAR, description="so many are left out at the beginning")]
At = Annotated[
    str,
    Query(
        max_length=64,
        description="as it was then: a commit, a time like `2026-03-01T09:30` (UTC), or an age like `2h`",
    ),
]


class Part(BaseModel, Generic[Item]):
    """So many of a list."""

    total: int = Field(description="how many there are in all")
    items: list[Item] = Field(description="those that were asked for by `limit` and `offset`")


@dataclass(frozen=True, slots=True)
class Given:
    """`look` is one for the whole answer, so that it is of one piece; `past` says that it is not of now."""

    page: Page
    look: Look
    scope: Any
    past: bool = False

    @property
    def snapshot(self) -> Snapshot:
        return self.look.snapshot

    @property
    def person(self) -> Person:
        return who.person_in(self.scope)

    def need(self, role: Role, what: str) -> Person:
        """NotAllowed."""
        return who.need(self.scope, role, what)

    @property
    def outbox(self) -> Outbox:
        return self.page.outbox

    def progress(self, record: Execution) -> float | None:
        """In percent, where that is known now."""
        return None if self.past else self.page.progress.of(self.look, record)

    def data(self) -> Folder:
        """The directory of the node here. Refused."""
        if self.page.data is None:
            raise Refused(404, "this page runs on a machine without a node, so there are no files here")
        return self.page.data

    def project(self, id: str) -> ProjectView:
        """Refused names the nearest one."""
        view = self.snapshot.projects.get(id)
        if view is None:
            raise Refused(404, f"there is no project {id!r}{did_you_mean(id, list(self.snapshot.projects)) or ''}")
        if view.purged and view.deletion:
            raise Refused(404, f"project {id!r} was deleted by {view.deletion.by}, and all of it is gone")
        return view

    def execution(self, id: str, number: int) -> tuple[ProjectView, Execution]:
        view = self.project(id)
        record = view.execution(number)
        if record is None:
            raise Refused(404, f"there is no execution {number} of {id}; it has {view.last_execution}")
        return view, record


def _now(request: Request) -> Given:
    page: Page = request.app.state.page
    _checked(request)
    return Given(page, page.source.look(), request.scope)


def _checked(request: Request) -> None:
    """A filter with a slip in its name would seem to hold. Refused names the nearest one."""
    known = request.app.state.queries[request.method, request.scope["route"].path]
    problems = [
        ProblemAnswer(
            file="query", line=None, column=None,
            what=f"there is no {printable(name)[:60]!r}{did_you_mean(name, sorted(known)) or ''}",
        )
        for name in request.query_params
        if name not in known
    ]  # fmt: skip
    if problems:
        raise Refused(422, "; ".join(each.what for each in problems[:20]), problems=problems[:20])


def _then(request: Request, at: At = "") -> Given:
    given = _now(request)
    if not at:
        return given
    return Given(given.page, given.page.pasts.look(at, given.look)[0], request.scope, past=True)


Now = Annotated[Given, Depends(_now)]
Then = Annotated[Given, Depends(_then)]
"""As `Now`, or as `?at=` says."""
