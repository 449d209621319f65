"""Comments on a project: to read and to leave."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from schema.comment import Comment
from state.edits.comments import MOST, comments
from webui.access.person import Role
from webui.api.answers import WAITS, Committed, committed
from webui.api.dependencies import Id, Now, Then
from webui.api.errors import CHANGING, READING

routes = APIRouter(tags=["comments"])


class Said(BaseModel):
    """What somebody said."""

    number: int = Field(description="of its file in the project's folder")
    comment: str = Field(description="what was said")
    execution: int | None = Field(description="the execution it is about; null: the project")
    by: str = Field(description="author of the commit that brought it")
    at: datetime = Field(description="when that commit was made, by its committer's clock")
    commit: str = Field(description="that commit of `main`")


@routes.get("/projects/{id}/comments", responses=READING, summary="List comments")
def list_comments(id: Id, given: Then) -> list[Said]:
    """The newest first, and of more than 50 the newest 50. What was said with requests stands with these."""
    view = given.project(id)
    found = comments(given.page.source.clone, given.snapshot.main, view.id, MOST)
    return [
        Said(number=each.number, comment=each.text, execution=each.execution, by=each.by,
             at=datetime.fromtimestamp(each.seconds, UTC), commit=each.commit)
        for each in found
    ]  # fmt: skip


@routes.post(
    "/projects/{id}/comments",
    status_code=201,
    responses={**CHANGING, **WAITS},
    summary="Comment",
    operation_id="add_comment",
)
def comment(id: Id, said: Comment, given: Now, response: Response) -> Committed:
    """Of the project, or of one of its executions: one commit, from which nothing follows. Needs the role operator."""
    person = given.need(Role.OPERATOR, "Commenting")
    fields = said.model_dump(exclude_none=True)
    return committed(given.outbox.comment(given.snapshot, given.project(id).id, fields, person.author), response)
