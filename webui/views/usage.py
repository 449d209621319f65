"""What one execution used of its machine over time, while it runs and after."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from runner.metrics import load
from schema.execution import Execution
from webui.views.charts import chart
from webui.views.filters import moment, size

Series = Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Panel:
    """Numbers of one unit in one drawing; `top` 0: as high as the highest."""

    title: str
    unit: str
    columns: Mapping[str, str]
    shown: Callable[[float], str]
    top: float = 0.0


def _percent(value: float) -> str:
    return f"{value:.0f} %"


PANELS = (
    Panel("CPU, 100 % is one core", "%", {"cpu": "CPU"}, _percent),
    Panel("Memory", "B", {"memory": "memory"}, size),
    Panel("GPU", "%", {"gpu": "GPU", "gpu_memory": "its memory"}, _percent, 100.0),
    Panel("Progress", "%", {"progress": "progress"}, _percent, 100.0),
)


@dataclass(frozen=True, slots=True)
class UsageView:
    since: float
    until: float
    series: Series

    def panels(self, expected: frozenset[str] = frozenset()) -> list[tuple[Panel, Markup]]:
        """Those of which something is known, or will be, drawn."""
        found: list[tuple[Panel, Markup]] = []
        for panel in PANELS:
            lines = [(name, self.series[key]) for key, name in panel.columns.items()]
            if panel.columns.keys() & expected or any(points for _, points in lines):
                found.append((panel, chart(lines, self.since, self.until, panel.shown, panel.top)))
        return found

    def columns(self) -> dict[str, list[float | None]]:
        """All series over the same times, as a drawing in the browser wants them."""
        values = {name: dict(points) for name, points in self.series.items() if points}
        times = sorted({when for points in values.values() for when in points})
        return {"time": [*times], **{name: [points.get(when) for when in times] for name, points in values.items()}}


def usage(data: Path | None, record: Execution, now: Callable[[], float] = time.time) -> UsageView | None:
    """Nothing of what ran elsewhere."""
    began, ended = moment(record.times.started or record.times.claimed), moment(record.times.finished)
    if data is None or began is None:
        return None
    until = ended.timestamp() + load.STAGES_EVERY if ended and not record.state.active else now()
    since = min(began.timestamp(), until - 1)
    return UsageView(since, until, load.stage(data / "runs" / record.claim.container).all_series(since, until=until))
