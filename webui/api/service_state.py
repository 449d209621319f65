"""Who asks, how old the view of the repository is, its settings, and what waits to be sent."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from schema.node import Settings
from webui.access.person import Role
from webui.api.dependencies import Now
from webui.api.errors import CHANGING, READING, Refused

routes = APIRouter(tags=["office"])


class Me(BaseModel):
    """Who asks, as this page knows them."""

    name: str = Field(description="the name in commits")
    author: str = Field(description="`Name <address>`, the author of the commits that this person asks for")
    login: str = Field(description="empty where nobody has to log in")
    role: str = Field(description="reader operator or admin; each may all that those before it may")


class View(BaseModel):
    """What all other answers are made from."""

    main: str = Field(description="commit of `main`: what is wanted")
    state: str = Field(description="commit of `winslow/state`: what is")
    age: float = Field(description="seconds since the server answered last")
    node: str = Field(description="the node on this machine; empty where there is none")
    halted: str | None = Field(description="why that node does nothing, if it does nothing")
    commits: bool = Field(description="whether this page may commit")
    waiting: int = Field(description="how much waits to be sent")
    problems: list[str] = Field(description="`file:line:col: what` of files that do not parse, at most 500")


class Unsent(BaseModel):
    """A change that is not committed yet."""

    id: str = Field(description="of this entry")
    subject: str = Field(description="the first line of its commit")
    author: str = Field(description="who asked for it")
    asked: float = Field(description="when, in seconds since 1970")
    project: str = Field(description="the project it is about; empty where it is about none")
    refused: str = Field(description="why it never will be sent; empty while it waits")


@routes.get("/me", responses=READING, summary="Who am I", operation_id="show_me")
def me(given: Now) -> Me:
    """Says whether a token works, and what it may."""
    person = given.person
    return Me(name=person.name, author=person.author, login=person.login, role=person.role.word)


@routes.get("/view", responses=READING, summary="What is known, and how old that is", operation_id="show_view")
def view(given: Now) -> View:
    """A commit that was made a moment ago is seen within one poll of the repository."""
    look, outbox = given.look, given.page.outbox
    return View(
        main=look.sent or look.snapshot.main,
        state=look.snapshot.state,
        age=round(look.age, 3),
        node=look.node,
        halted=look.halted,
        commits=outbox.push,
        waiting=len(outbox.waiting()),
        problems=[problem.text for problem in look.snapshot.problems[:500]],
    )


@routes.get("/settings", responses=READING, summary="The repository's settings", operation_id="show_settings")
def settings(given: Now) -> Settings:
    """`winslow.yaml`, with what holds where it says nothing."""
    return given.snapshot.settings


@routes.get("/outbox", responses=READING, summary="What waits to be sent", operation_id="list_outbox")
def outbox(given: Now) -> list[Unsent]:
    """Changes that were asked for while the server was away, the oldest first, and those that it refused."""
    return [
        Unsent(id=each.id, subject=each.subject, author=each.author, asked=each.asked, project=each.project,
               refused=each.refused)
        for each in given.page.outbox.waiting()
    ]  # fmt: skip


@routes.delete(
    "/outbox/{id}", responses=CHANGING, summary="Take something out of the outbox", operation_id="remove_from_outbox"
)
def forget(id: Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="of the entry")], given: Now) -> list[Unsent]:
    """It is not sent, or its refusal was seen. What is left is answered. Needs the role operator."""
    given.need(Role.OPERATOR, "Taking something out of the outbox")
    box = given.page.outbox
    if id not in [each.id for each in box.waiting()]:
        raise Refused(404, "there is no such entry; it may have been sent meanwhile")
    box.forget(id)
    return outbox(given)
