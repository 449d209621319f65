"""How far an execution is: percent, where that is known, and about how long it still takes."""

import time
from dataclasses import dataclass

from flask import current_app, g

from flow.model.snapshot import ProjectView
from flow.status.estimate import Estimate, estimate
from schema.execution import Execution, State
from webui.views.filters import moment

NOTHING = Estimate()


@dataclass(frozen=True, slots=True)
class Doing:
    percent: float | None = None
    estimate: Estimate = NOTHING


def doing(view: ProjectView, record: Execution | None) -> Doing | None:
    """None of what does not run, and of the past."""
    if record is None or not record.state.active or g.get("moment") is not None:
        return None
    percent = current_app.extensions["winslow"].progress.of(g.look, record)
    began = moment(record.times.started)
    if began is None or record.state is not State.RUNNING:
        return Doing(percent)
    return Doing(percent, estimate(view, record, max(0.0, time.time() - began.timestamp()), percent))
