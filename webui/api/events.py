"""What happened: the commits of `winslow/state`."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from webui.api.dependencies import Limit, Now
from webui.api.errors import READING
from webui.views.events import search

routes = APIRouter(tags=["events"])
Word = Annotated[str, Query(max_length=200)]


class Event(BaseModel):
    """One commit of `winslow/state`."""

    commit: str = Field(description="its id; `?at=` takes it")
    time: str = Field(description="by the clock of the node that committed it, UTC")
    event: str = Field(description="what it is: accept reject claim start succeed fail abort lose join ...")
    project: str | None = Field(description="the project it is about")
    execution: int | None = Field(description="the execution it is about")
    stage: str | None = Field(description="the stage it is about")
    node: str | None = Field(description="the node it is about")
    claim: str | None = Field(description="the claim it is about")
    request: str | None = Field(description="the request it answers")
    by: str | None = Field(description="who asked")
    wanted: str | None = Field(description="the commit of `main` it was decided on")
    duration: float | None = Field(description="seconds that it took")
    text: str = Field(description="the fact in words")


class Events(BaseModel):
    """So many events."""

    items: list[Event] = Field(description="the newest first")
    next: str | None = Field(
        description="`before` of the next question; null where there is nothing older. It may be there with few items, "
        "or none: what is asked for is looked for in so many commits at a time"
    )


@routes.get("/events", responses=READING, summary="List events")
def list_events(
    given: Now,
    project: Annotated[Word, Query(description="only of this project")] = "",
    event: Annotated[Word, Query(description="only of this kind")] = "",
    node: Annotated[Word, Query(description="only of this node")] = "",
    q: Annotated[Word, Query(description="a part of the text, the stage, the project or the person")] = "",
    before: Annotated[str, Query(max_length=64, description="`next` of the answer before: go on there")] = "",
    limit: Limit = 100,
) -> Events:
    """The newest first."""
    wanted = {"project": project, "event": event, "node": node, "q": q}
    found, further = search(given.page.source.clone, given.snapshot.state, wanted, before, limit)
    return Events(items=[Event(**asdict(each)) for each in found], next=further or None)
