"""Shapes that operations of several subjects give."""

from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from flow.status.states import StageState, state_class


class Committed(BaseModel):
    """What became of a change. It is a commit that a person could have made."""

    commit: str | None = Field(description="the commit on `main`; null while the server is away")
    sent: bool = Field(description="false: it waits in the outbox and is sent when the server is back (status 202)")


def committed(commit: str | None, response: Response) -> Committed:
    if commit is None:
        response.status_code = 202
    return Committed(commit=commit, sent=commit is not None)


WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": Committed, "description": "The server is away; it is sent when it is back."}
}


class StageNow(BaseModel):
    """Where one stage of a project stands."""

    stage: str = Field(description="its name in the pipeline")
    state: str = Field(
        description="pending waiting queued preparing running succeeded failed aborted lost skipped or stale"
    )
    state_class: str = Field(description="RUNNING PAUSED SUCCEEDED or FAILED; aborted and lost count as FAILED")
    reason: str | None = Field(description="a reason code, where it waits or did not succeed")
    text: str = Field(description="the reason in words")
    execution: int | None = Field(description="number of its newest execution")
    needs: list[str] = Field(default=[], description="stages that it needs, where the pipeline is no row")
    points: list["StageNow"] = Field(default=[], description="of its matrix, each named STAGE.NUMBER")


def stage(state: StageState) -> StageNow:
    return StageNow(
        needs=list(state.needs),
        points=[stage(point) for point in state.points],
        stage=state.stage,
        state=state.state,
        state_class=state_class(state.state),
        reason=state.reason and str(state.reason),
        text=state.text,
        execution=state.execution,
    )
