"""Shapes of projects: one in a list, and one in full."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from flow.project.replies import steps_of
from flow.status.states import state_class
from schema.execution import Execution
from schema.inputs import Input, Value
from state.git.clone_reader import CloneReader
from webui.api.answers import StageNow, stage
from webui.api.dependencies import Part
from webui.views.exhibits import exhibits, newest
from webui.views.project_rows import ProjectRow
from webui.views.wording import asks

Far = Callable[[Execution], float | None]
"""How far an execution is, in percent."""


class ProjectLine(BaseModel):
    """A project on one line: where it stands, and why."""

    id: str = Field(description="its id, the name of its folder")
    name: str = Field(description="for people; the id where nobody gave one")
    pipeline: str = Field(description="`NAME`, or `NAME@COMMIT` where it is pinned")
    tags: list[str] = Field(description="for people, and for filtering")
    state: str = Field(description="running needs_input failed paused queued succeeded new or invalid")
    state_class: str = Field(description="RUNNING PAUSED SUCCEEDED or FAILED")
    reason: str | None = Field(description="the reason code why it does not go on")
    text: str = Field(description="the reason in words")
    could: list[str] = Field(description="nodes that could run the stage it waits at")
    stage: str | None = Field(description="the stage it is at")
    execution: int | None = Field(description="number of the execution it is at")
    node: str | None = Field(description="where that runs")
    gpus: list[str] = Field(description="GPUs that it has, by UUID")
    progress: float | None = Field(description="percent, where its stage says so, here or on a node that can be asked")
    since: str | None = Field(description="when its newest execution began or ended, by the node's clock")
    stages: list[StageNow] = Field(description="every stage, in the order of the pipeline")


class Projects(Part[ProjectLine]):
    """So many projects."""


class Shown(BaseModel):
    """A file to look at before answering."""

    path: str = Field(description="in the workspace of the execution that left it")
    kind: str = Field(description="image, video or other")
    contents: str = Field(description="address of its contents")


class Question(BaseModel):
    """What a manual stage asks. Answer it by a request of kind `answer`, values in `inputs`."""

    stage: str = Field(description="the stage that asks")
    text: str = Field(description="its question")
    inputs: dict[str, Input] = Field(description="typed questions, by name")
    show: list[Shown] = Field(description="what to look at first")


class Deletion(BaseModel):
    """How a project left `main`. Until its time is over, bringing project.yaml back restores it."""

    commit: str = Field(description="the commit that removed it")
    by: str = Field(description="that commit's author")
    now: bool = Field(description="without the time in which it can be restored")


class ProjectDetail(ProjectLine):
    """All about a project but its executions and requests, which have lists of their own."""

    description: str = Field(description="for people")
    inputs: dict[str, Value] = Field(description="values that the project gives its pipeline")
    env: dict[str, Value] = Field(description="environment of every stage")
    priority: int = Field(description="0 to 100; the larger, the sooner a node takes it")
    asks: Question | None = Field(description="what waits for a person's answer")
    takes: dict[str, Input] = Field(description="what its pipeline takes as inputs, by name")
    last_execution: int = Field(description="number of its newest execution; 0 before the first")
    unanswered: int = Field(description="requests that have no reply yet")
    problem: str = Field(description="what is wrong with its file or its pipeline's; empty where nothing is")
    deletion: Deletion | None = Field(description="how it left `main`, if it did")


def project(row: ProjectRow, far: Far) -> ProjectLine:
    return ProjectLine(**_line(row, far))


def detail(row: ProjectRow, far: Far, clone: CloneReader) -> ProjectDetail:
    view = row.view
    said, gone, pipeline = view.project, view.deletion, view.pipeline or view.definition
    return ProjectDetail(
        **_line(row, far),
        description=said.description if said else "",
        inputs=said.inputs if said else {},
        env=said.env if said else {},
        priority=said.priority if said else 50,
        asks=_question(row, clone),
        takes=pipeline.inputs if pipeline else {},
        last_execution=view.last_execution,
        unanswered=view.asked,
        problem=view.damage or view.problem or view.pipeline_problem,
        deletion=Deletion(commit=gone.commit, by=gone.by, now=gone.now) if gone else None,
    )


def _line(row: ProjectRow, far: Far) -> dict[str, Any]:
    now = row.now
    runs = now.execution if now.execution and now.execution.state.active else None
    return {
        "id": row.view.id, "name": row.title, "pipeline": now.pipeline, "tags": list(row.tags), "state": now.state,
        "state_class": state_class(now.state), "reason": now.reason and str(now.reason), "text": now.text,
        "could": list(now.could), "stage": now.stage, "execution": now.execution.execution if now.execution else None,
        "node": runs.claim.node if runs else None, "gpus": list(runs.gpus) if runs else [],
        "progress": far(runs) if runs else None, "since": row.since, "stages": [stage(each) for each in row.stages],
    }  # fmt: skip


def _question(row: ProjectRow, clone: CloneReader) -> Question | None:
    wait = steps_of(row.view).wait
    if row.now.state != "needs_input" or wait is None:
        return None
    shown = [
        Shown(path=each.path, kind=each.kind if each.kind in ("image", "video") else "other", contents=quote(each.raw))
        for each in exhibits(row.view, newest(row.view), clone)
    ]
    return Question(stage=row.now.stage or "", text=wait.text, inputs=dict(asks(row.view)), show=shown)
