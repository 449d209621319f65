"""Nodes: what they have, run and do; draining one and ending that."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from flow.node.node_states import NodeState
from flow.placement import capacity
from schema import layout
from schema.names import NAME
from schema.node import Inventory, NodeSettings
from schema.quantities import Span
from schema.suggest import did_you_mean
from state.edits import giving_back
from state.edits import nodes as drains
from webui.access.person import Role
from webui.api.answers import WAITS, Committed, committed
from webui.api.dependencies import Given, Limit, Now, Offset, Part
from webui.api.errors import CHANGING, READING, Refused
from webui.views import node_rows

routes = APIRouter(tags=["nodes"])
Name = Annotated[str, Path(pattern=NAME, description="the node's name")]


class Run(BaseModel):
    """An execution that a node holds."""

    project: str = Field(description="its project")
    execution: int = Field(description="its number")
    stage: str = Field(description="what runs")
    state: str = Field(description="claimed preparing or running")
    gpus: list[str] = Field(description="GPUs that it has, by UUID")


class Node(BaseModel):
    """A machine that runs stages."""

    name: str = Field(description="its name")
    here: bool = Field(description="it is the node of this page's machine")
    joined: bool = Field(description="false: people named it, and it has not been seen yet")
    state: str = Field(description="the first that holds of " + ", ".join(NodeState))
    why: str | None = Field(description="since when, or why")
    drain: bool = Field(description="it takes nothing new")
    halted: str | None = Field(description="why it does nothing, if it does nothing")
    silence: float | None = Field(
        description="seconds without a sign of life, as seen from here; null before the first"
    )
    silent: bool = Field(description="nobody answers there: it is stopped, or silent for too long")
    labels: list[str] = Field(description="its own and those that people gave it")
    slots: int | None = Field(description="stages at once; null: as many as fit")
    runs: list[Run] = Field(description="what it holds")
    load: dict[str, float] = Field(
        description="what its machine does: `cpu` `memory` `disk` in percent, `disk_free` in bytes, `received` "
        "`sent` in bytes a second; `gpu.<uuid>.use` `.memory` in percent, `.temperature` in °C"
    )
    inventory: Inventory | None = Field(description="hardware and versions, as it said them itself")


class Nodes(Part[Node]):
    """So many nodes."""


class Drain(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="", max_length=1000, description="kept in the commit's message")


class Yield(BaseModel):
    """For how long."""

    model_config = ConfigDict(extra="forbid")
    time: Span | None = Field(default=None, alias="for", description="like `2h`; nothing: until it is taken back")


@routes.get("/nodes", responses=READING, summary="List nodes")
def list_nodes(given: Now, limit: Limit = 100, offset: Offset = 0) -> Nodes:
    """By name. The load of other machines is what they said last, about once a minute."""
    found = _all(given)
    return Nodes(total=len(found), items=[_told(given, each) for each in found[offset : offset + limit]])


@routes.get("/nodes/{name}", responses=READING, summary="Look at a node")
def show_node(name: Name, given: Now) -> Node:
    """What it has, holds and does."""
    _known(given, name)
    return next(_told(given, each) for each in _all(given) if each.name == name)


@routes.post("/nodes/{name}/drain", responses={**CHANGING, **WAITS}, summary="Let a node take nothing new")
def drain_node(name: Name, given: Now, response: Response, why: Drain | None = None) -> Committed:
    """What runs goes on. A commit of `nodes/NAME.yaml`. Needs the role operator."""
    return _drained(given, name, True, why, response)


@routes.post("/nodes/{name}/undrain", responses={**CHANGING, **WAITS}, summary="Let a node work again")
def undrain_node(name: Name, given: Now, response: Response, why: Drain | None = None) -> Committed:
    """A commit of `nodes/NAME.yaml`. Needs the role operator."""
    return _drained(given, name, False, why, response)


@routes.post("/nodes/{name}/yield", responses={**CHANGING, **WAITS}, summary="Give a node back to its owner")
def yield_node(name: Name, given: Now, response: Response, wish: Yield | None = None) -> Committed:
    """It takes nothing new, and what may be interrupted ends. A commit of `nodes/NAME.yaml`.

    Needs the role operator.
    """
    return _given_back(given, name, giving_back.wish_id(), wish.time if wish else None, response)


@routes.post("/nodes/{name}/unyield", responses={**CHANGING, **WAITS}, summary="Let a node work for others again")
def unyield_node(name: Name, given: Now, response: Response) -> Committed:
    """A commit of `nodes/NAME.yaml`. Needs the role operator."""
    return _given_back(given, name, None, None, response)


def _given_back(given: Given, name: str, asked: str | None, time: float | None, response: Response) -> Committed:
    author = given.need(Role.OPERATOR, "Giving a node back").author
    _known(given, name)
    giving_back.given_back(given.page.source.clone.read_main(layout.node(name)), name, asked, time)
    return committed(given.outbox.give_back(name, asked, time, author), response)


def _drained(given: Given, name: str, drain: bool, why: Drain | None, response: Response) -> Committed:
    author = given.need(Role.OPERATOR, "Draining a node").author
    outbox = given.outbox
    _known(given, name)
    drains.check(given.snapshot, name, drain)
    drains.files(given.page.source.clone.read_main(layout.node(name)), name, drain)  # a file that is wrong is said now
    return committed(outbox.drain(name, drain, why.reason if why else "", author), response)


def _all(given: Given) -> list[node_rows.NodeRow]:
    return node_rows.all_nodes(given.look, given.page.fleet, given.page.data)


def _known(given: Given, name: str) -> None:
    names = [*given.snapshot.inventories, *given.snapshot.nodes]
    if name not in names:
        raise Refused(404, f"there is no node {name!r}{did_you_mean(name, names) or ''}")


def _told(given: Given, node: node_rows.NodeRow) -> Node:
    said, own = given.snapshot.nodes.get(node.name), node.inventory
    labels: dict[str, Any] = dict.fromkeys([*(own.labels if own else ()), *(said.labels if said else ())])
    slots = capacity.slots(own, said or NodeSettings()) if own else None
    runs = [
        Run(project=id, execution=each.execution, stage=each.stage, state=str(each.state), gpus=list(each.gpus))
        for id, each in node.runs
    ]
    return Node(
        name=node.name, here=node.here, joined=own is not None,
        state=str(node.standing.state), why=node.standing.text or None, drain=node.drain, halted=node.halted,
        silence=node.silence, silent=node.silent, labels=list(labels), slots=slots, runs=runs, load=dict(node.load),
        inventory=own,
    )  # fmt: skip
