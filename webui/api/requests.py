"""Asking a project for something, and what became of what was asked."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from flow.model.snapshot import ProjectView
from flow.project.precheck import Wish
from schema.names import NAME
from schema.request import Request
from webui.access.person import Role
from webui.access.reach import WHAT, role_for
from webui.api.answers import WAITS, Committed, committed
from webui.api.dependencies import MOST, Id, Limit, Now, Offset, Part, Then
from webui.api.errors import CHANGING, READING
from webui.source.outbox import ask_many

routes = APIRouter(tags=["requests"])


class Asked(BaseModel):
    """A request, and the nodes' answer to it."""

    request: str = Field(description="its file in the project's folder")
    kind: str | None = Field(description="start resume pause abort skip or answer; null while nobody has read it")
    verdict: str | None = Field(description="accepted or rejected; null while no node has answered")
    reason: str | None = Field(description="the code of a refusal")
    text: str = Field(description="the refusal in words")
    seq: int | None = Field(description="its place in the project's order; null while no node has answered")
    by: str = Field(description="author of the commit that brought it")
    commit: str = Field(description="that commit of `main`")
    comment: str = Field(description="why, in the words of who asked")
    stage: str | None = Field(description="the stage it is about")
    execution: int | None = Field(description="abort: the execution it ended")
    inputs: dict[str, Any] = Field(description="values it gave, by name")


class Requests(Part[Asked]):
    """So many requests."""


class Many(BaseModel):
    """One request for several projects."""

    model_config = ConfigDict(extra="forbid")
    projects: list[Annotated[str, StringConstraints(pattern=NAME)]] = Field(
        min_length=1, max_length=MOST, description="their ids"
    )
    request: Request = Field(description="what is asked of each")


class Told(BaseModel):
    """What became of a request to one of several projects."""

    project: str = Field(description="its id")
    commit: str | None = Field(description="the commit, where there is one")
    sent: bool = Field(description="false with an empty `refused`: it waits in the outbox")
    refused: str = Field(description="why it was not asked; empty where it was")


@routes.post(
    "/projects/{id}/requests",
    status_code=201,
    responses={**CHANGING, **WAITS},
    summary="Ask for something",
    operation_id="ask_project",
)
def ask(id: Id, request: Request, given: Now, response: Response) -> Committed:
    """Start, resume, pause, abort, skip or answer: one commit. Needs the role operator.

    With `image` or `env` for stages that ask for rights or secrets it needs the role admin.
    It is judged first as the nodes would: what they would reject now is refused with their reason code in `error`, 409
    where it is about the moment, else 422. What became of it says `GET /projects/{id}/requests`.
    """
    person = given.need(Role.OPERATOR, "Asking for anything")
    outbox, view = given.outbox, given.project(id)
    given.need(role_for(view, request), WHAT)
    return committed(outbox.ask(given.snapshot, view.id, _wish(request), person.author), response)


@routes.post("/requests", responses=CHANGING, summary="Ask the same of many projects", operation_id="ask_projects")
def ask_all(many: Many, given: Now) -> list[Told]:
    """Each is judged by itself; one commit for all that can be asked. Needs the role that `ask_project` needs."""
    person = given.need(Role.OPERATOR, "Asking for anything")
    outbox, ids = given.outbox, list(dict.fromkeys(many.projects))
    for view in filter(None, map(given.snapshot.projects.get, ids)):
        given.need(role_for(view, many.request), WHAT)
    told = ask_many(outbox, given.snapshot, ids, _wish(many.request), person.author)
    return [Told(project=id, commit=commit, sent=commit is not None, refused=why) for id, commit, why in told]


@routes.get("/projects/{id}/requests", responses=READING, summary="List requests and their replies")
def list_requests(id: Id, given: Then, limit: Limit = 100, offset: Offset = 0) -> Requests:
    """The newest first: those that no node has answered yet, then the answered ones by `seq`."""
    found = list(_asked(given.project(id)))[::-1]
    return Requests(total=len(found), items=found[offset : offset + limit])


def _wish(request: Request) -> Wish:
    """What was said, and nothing else."""
    return request.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def _asked(view: ProjectView) -> Iterator[Asked]:
    for reply in view.replies:
        yield Asked(
            request=reply.request, kind=reply.kind, verdict=reply.verdict, reason=reply.reason and str(reply.reason),
            text=reply.text, seq=reply.seq, by=reply.by, commit=reply.commit, comment=reply.comment, stage=reply.stage,
            execution=reply.execution, inputs=reply.inputs,
        )  # fmt: skip
    for file in view.unanswered:
        said = file.request
        yield _waiting(
            file.name, by=file.by, commit=file.commit, text=file.problem, kind=said and said.request,
            comment=said.comment if said else "", stage=said and said.stage, execution=said and said.execution,
            inputs=dict(said.inputs) if said else {},
        )  # fmt: skip
    for name in view.withheld:
        yield _waiting(name)


def _waiting(name: str, **known: Any) -> Asked:
    nothing = {"kind": None, "text": "", "by": "", "commit": "", "comment": "", "stage": None, "execution": None}
    return Asked(request=name, verdict=None, reason=None, seq=None, **{**nothing, "inputs": {}, **known})
