"""Pipelines: definitions, what is wrong with one by line, and putting one on `main` or to discussion."""

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from flow.boards.planned import Planned
from flow.model.snapshot import Snapshot
from schema import layout
from schema.codec import MAX_BYTES
from schema.names import NAME
from schema.pipeline import Pipeline
from webui.access.person import Role
from webui.api.answers import WAITS, Committed, committed
from webui.api.dependencies import Given, Limit, Now, Offset, Part, Then
from webui.api.errors import CHANGING, MATCHING, READING, ProblemAnswer, Refused, placed
from webui.api.etags import TAGGED, IfMatch, expected, tag
from webui.source.pipeline_drafts import PipelineDraft, broken_pipelines, draft, ended, proposed, put, used

routes = APIRouter(tags=["pipelines"])
Name = Annotated[str, Path(pattern=NAME, description="the pipeline's name")]


class PipelineLine(BaseModel):
    """A pipeline in a list."""

    name: str = Field(description="its name")
    description: str = Field(description="for people")
    stages: list[str] = Field(description="names of its stages, in order")
    projects: int = Field(description="how many use it")


class Pipelines(Part[PipelineLine]):
    """So many pipelines."""

    problems: list[str] = Field(description="`file:line:col: what` of definitions on `main` that do not parse")


class Definition(BaseModel):
    """A pipeline in full."""

    name: str = Field(description="its name")
    text: str = Field(description="the file on `main`, to the letter")
    definition: Pipeline | None = Field(description="what it says; null where it does not parse")
    problems: list[ProblemAnswer] = Field(description="what is wrong with the text")
    notes: list[str] = Field(description="what this version does not run of it")
    projects: list[str] = Field(description="ids of the projects that use it")


class DefinitionText(BaseModel):
    """A definition."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=MAX_BYTES, description="YAML")
    comment: str = Field(default="", max_length=200, description="the first line of the commit")


class Foreseen(BaseModel):
    """What the nodes would do with a project."""

    project: str = Field(description="its id")
    replies: list[str] = Field(description="requests that would be answered, and how")
    aborts: int | None = Field(description="the execution that would be ended")
    stage: str | None = Field(description="the stage that would start")
    nodes: list[str] = Field(description="where, the best first")
    waits: str = Field(description="why it would not start yet")
    stale: list[str] = Field(description="stages whose results would be stale")


class Checked(BaseModel):
    """What is wrong with a text, or what would follow from it."""

    problems: list[ProblemAnswer] = Field(description="by line and column; with one of these it cannot be put")
    notes: list[str] = Field(description="what changes")
    plan: list[Foreseen] = Field(description="what the nodes would do then and not now")


class Put(Committed):
    """What became of a definition."""

    branch: str | None = Field(description="proposed: the branch it lies on")
    address: str | None = Field(description="proposed: the merge request, where the server opened one")


@routes.get("/pipelines", responses=READING, summary="List pipelines")
def list_pipelines(given: Then, limit: Limit = 100, offset: Offset = 0) -> Pipelines:
    """By name."""
    snapshot, users = given.snapshot, used(given.snapshot)
    found = sorted(snapshot.pipelines.values(), key=lambda each: each.name)
    lines = [
        PipelineLine(name=each.name, description=each.description, stages=[stage.name for stage in each.stages],
             projects=len(users.get(each.name, ())))
        for each in islice(found, offset, offset + limit)
    ]  # fmt: skip
    broken = broken_pipelines(snapshot)
    return Pipelines(total=len(found), items=lines, problems=broken)


@routes.get("/pipelines/{name}", responses={**READING, **TAGGED}, summary="Look at a pipeline")
def show_pipeline(name: Name, given: Then, response: Response) -> Definition:
    """Its text and what that says."""
    text = _text(given, name)
    if text is None:
        raise Refused(404, f"there is no pipeline {name!r}")
    known = draft(given.snapshot, name, text)
    tag(response, text)
    return Definition(
        name=name,
        text=text,
        definition=given.snapshot.pipelines.get(name),
        problems=placed(known.problems),
        notes=list(known.notes),
        projects=sorted(used(given.snapshot).get(name, ())),
    )


@routes.post("/pipelines/{name}/check", responses=CHANGING, summary="Check a definition")
def check_pipeline(name: Name, text: DefinitionText, given: Now) -> Checked:
    """Nothing is changed: what is wrong by line, or what would follow. Needs the role operator."""
    given.need(Role.OPERATOR, "Checking a pipeline")
    return _checked(_draft(given.snapshot, name, text))


@routes.put("/pipelines/{name}", responses={**CHANGING, **WAITS, **MATCHING, **TAGGED}, summary="Put a pipeline")
def put_pipeline(
    name: Name,
    text: DefinitionText,
    given: Now,
    response: Response,
    propose: Annotated[bool, Query(description="on a branch with a merge request, for discussion")] = False,
    if_match: IfMatch = None,
) -> Put:
    """A commit on `main`, or on a branch. Needs the role admin, or operator with `propose`.

    A text that is no valid definition is 422, with each mistake by line and column.
    """
    role, what = (Role.OPERATOR, "Proposing") if propose else (Role.ADMIN, "Putting a pipeline")
    author, outbox = given.need(role, what).author, given.outbox
    if problems := _draft(given.snapshot, name, text).problems:
        what = "\n".join(str(each) for each in problems[:20])
        raise Refused(422, what, problems=placed(problems))
    condition = expected(given, layout.pipeline(name), if_match)
    if propose:
        made = proposed(outbox, name, text.text, text.comment, author)
        return Put(commit=made.commit, sent=True, branch=made.branch, address=made.address or None)
    tag(response, ended(text.text))
    done = committed(put(outbox, name, text.text, text.comment, author, condition), response)
    return Put(commit=done.commit, sent=done.sent, branch=None, address=None)


@routes.delete("/pipelines/{name}", responses={**CHANGING, **WAITS}, summary="Remove a pipeline")
def remove_pipeline(name: Name, given: Now, response: Response) -> Committed:
    """Its projects go on with the definition they keep. Needs the role admin."""
    author = given.need(Role.ADMIN, "Removing a pipeline").author
    outbox = given.outbox
    if _text(given, name) is None:
        raise Refused(404, f"there is no pipeline {name!r}")
    return committed(outbox.edit({layout.pipeline(name): None}, f"Remove pipeline {name}", author), response)


def _text(given: Given, name: str) -> str | None:
    return given.page.source.clone.read_at(given.snapshot.main, layout.pipeline(name))


def _draft(snapshot: Snapshot, name: str, text: DefinitionText) -> PipelineDraft:
    if len(text.text.encode(errors="replace")) > MAX_BYTES:
        raise Refused(413, f"at most {MAX_BYTES} bytes")
    return draft(snapshot, name, ended(text.text))


def _checked(found: PipelineDraft) -> Checked:
    plan = [_foreseen(each) for each in found.planned[:500]]
    return Checked(problems=placed(found.problems), notes=list(found.notes), plan=plan)


def _foreseen(planned: Planned) -> Foreseen:
    return Foreseen(
        project=planned.project, replies=list(planned.replies), aborts=planned.aborts, stage=planned.stage,
        nodes=list(planned.nodes), waits=planned.waits, stale=list(planned.stale),
    )  # fmt: skip
