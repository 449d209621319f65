"""Projects: which there are, how each stands; making, changing and deleting one."""

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from flow.status.states import STATES
from schema import layout
from schema.inputs import Value
from schema.names import NAME, PINNED
from schema.project import Tag
from state.edits.projects import changed, created, deleted, differing
from webui.access.person import Role
from webui.api.answers import WAITS, Committed, committed
from webui.api.dependencies import Id, Limit, Now, Offset, Then
from webui.api.errors import CHANGING, MATCHING, READING, Refused
from webui.api.etags import TAGGED, IfMatch, expected, tag
from webui.api.late import PATH
from webui.api.project_answers import ProjectDetail, Projects, detail, project
from webui.views.project_rows import fits, row, rows

routes = APIRouter(tags=["projects"])
Text = Annotated[str, Query(max_length=200)]
Inputs = Annotated[dict[str, Value], Field(max_length=200)]
State = Annotated[str, Query(pattern=f"^(|{'|'.join(STATES)})$", description=f"only these: {', '.join(STATES)}")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewProject(Body):
    """A project to be made."""

    id: str = Field(pattern=NAME, description="lower-case letters, digits, `.` `_` `-`; it names the project for good")
    pipeline: str = Field(pattern=PINNED, description="an existing pipeline, or `NAME@COMMIT`")
    name: str = Field(default="", max_length=200, description="for people")
    tags: list[Tag] = Field(default=[], max_length=50, description="for people, and for filtering")
    inputs: Inputs = Field(default={}, description="values of the pipeline's inputs, by name")
    priority: int = Field(default=50, ge=0, le=100, description="the larger, the sooner a node takes it")
    description: str = Field(default="", max_length=4000, description="for people")
    start: bool = Field(default=False, description="ask for its start in the same commit")


def _without_defaults(described: dict[str, Any]) -> None:
    """What is not named has no value; the defaults only say that it need not be named."""
    for field in described["properties"].values():
        field.pop("default", None)


class ProjectChange(Body):
    """What is to be otherwise. What is not named stays as it is, comments in the file too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_defaults)
    name: str = Field(default="", max_length=200, description="a new name for people")
    pipeline: str = Field(default="", pattern=PINNED, description="another pipeline, from its next start on")
    tags: list[Tag] = Field(default=[], max_length=50, description="the tags, all of them")
    inputs: Inputs = Field(default={}, description="values by name; others stay")
    priority: int = Field(default=50, ge=0, le=100, description="the larger, the sooner a node takes it")
    description: str = Field(default="", max_length=4000, description="for people")


@routes.get("/projects", responses=READING, summary="List projects")
def list_projects(
    given: Then,
    q: Annotated[Text, Query(description="a part of the id or the name, in any case")] = "",
    tag: Annotated[Text, Query(description="only projects with this tag")] = "",
    state: State = "",
    pipeline: Annotated[Text, Query(description="only projects of this pipeline")] = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Projects:
    """By id. Each line says what the first page of the browser says: state, reason, stages, node."""
    wanted = {"q": q, "tag": tag, "state": state, "pipeline": pipeline}
    found = sorted(
        (each for each in rows(given.snapshot).values() if fits(each, wanted)), key=lambda each: each.view.id
    )
    return Projects(
        total=len(found), items=[project(each, given.progress) for each in islice(found, offset, offset + limit)]
    )


@routes.get("/projects/{id}", responses={**READING, **TAGGED}, summary="Look at a project")
def show_project(id: Id, given: Then, response: Response) -> ProjectDetail:
    """Also what a manual stage that waits asks, with the type of each answer. `ETag` is of `project.yaml`."""
    found = row(given.snapshot, given.project(id))
    tag(response, given.page.source.clone.read_at(given.snapshot.main, layout.project(id)))
    return detail(found, given.progress, given.page.source.clone)


@routes.post("/projects", status_code=201, responses={**CHANGING, **WAITS}, summary="Make a project")
def make_project(new: NewProject, given: Now, response: Response) -> Committed:
    """A commit of `projects/ID/project.yaml`; with `start` of its first request too. Needs the role operator."""
    person = given.need(Role.OPERATOR, "Making a project")
    outbox = given.outbox
    known = given.snapshot.projects.get(new.id)
    if known and known.project and not known.deletion:
        raise Refused(409, f"project {new.id!r} exists; PATCH changes it")
    fields: dict[str, Any] = new.model_dump(exclude={"id", "start"}, exclude_unset=True)
    files = created(given.snapshot, new.id, fields, start=new.start)
    message = f"Create project {new.id}" + (" and start it" if new.start else "")
    response.headers["Location"] = f"{PATH}/projects/{new.id}"
    return committed(outbox.edit(files, message, person.author), response)


@routes.patch("/projects/{id}", responses={**CHANGING, **WAITS, **MATCHING, **TAGGED}, summary="Change a project")
def change_project(
    id: Id, change: ProjectChange, given: Now, response: Response, if_match: IfMatch = None
) -> Committed:
    """Name, pipeline, tags, inputs, priority, description. Needs the role operator."""
    person = given.need(Role.OPERATOR, "Changing a project")
    outbox, view = given.outbox, given.project(id)
    condition = expected(given, layout.project(id), if_match)
    wanted = change.model_dump(exclude_unset=True)
    inputs = wanted.pop("inputs", {})
    wanted = differing(view.project, wanted)
    if not wanted and not inputs:
        raise Refused(422, "there is nothing in it that would change the project")
    text = given.page.source.clone.read_main(layout.project(id))
    files = changed(given.snapshot, id, text, wanted, inputs)
    message = f"Edit project {id}: {', '.join([*wanted, *inputs])}"
    tag(response, files[layout.project(id)])
    return committed(outbox.edit(files, message, person.author, condition), response)


@routes.delete("/projects/{id}", responses={**CHANGING, **WAITS}, summary="Delete a project")
def delete_project(
    id: Id,
    given: Now,
    response: Response,
    now: Annotated[bool, Query(description="without the time in which it can be restored")] = False,
) -> Committed:
    """With all its files on every node, once the time is over in which it can be restored. Needs the role admin."""
    person = given.need(Role.ADMIN, "Deleting a project")
    outbox, view = given.outbox, given.project(id)
    if view.deletion:
        raise Refused(409, f"project {id!r} is deleted already")
    return committed(outbox.edit(*deleted(id, now=now), person.author), response)
