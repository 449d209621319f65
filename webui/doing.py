"""How far an execution is: percent, where it runs on this machine, and about how long it still takes."""

import time
from dataclasses import dataclass
from pathlib import Path

from flask import current_app, g

from flow.estimate import Estimate, estimate
from flow.world import ProjectView
from runner import feedback
from schema.execution import Execution, State
from webui.filters import moment

NOTHING = Estimate()
MOST = 500
"""Executions whose last word is remembered."""
_LAST: dict[Path, float] = {}


@dataclass(frozen=True, slots=True)
class Doing:
    percent: float | None = None
    estimate: Estimate = NOTHING


def _percent(folder: Path) -> float | None:
    """What it said last: a program that writes its progress anew empties the file for a moment."""
    said = feedback.progress(folder)
    if said is None:
        return _LAST.get(folder)
    if len(_LAST) >= MOST and folder not in _LAST:
        _LAST.clear()
    _LAST[folder] = said
    return said


def doing(view: ProjectView, record: Execution | None) -> Doing | None:
    """None of what does not run, and of the past."""
    if record is None or not record.state.active or g.get("moment") is not None:
        return None
    data = current_app.extensions["winslow"].data
    percent = _percent(data / "runs" / record.claim.container) if data is not None else None
    began = moment(record.times.started)
    if began is None or record.state is not State.RUNNING:
        return Doing(percent)
    return Doing(percent, estimate(view, record, max(0.0, time.time() - began.timestamp()), percent))
