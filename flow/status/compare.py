"""Two executions side by side."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from schema.execution import Execution
from schema.file_input import FileInput


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One thing in both. `change` is the difference of two numbers, `percent` relative to the first."""

    group: str
    name: str
    left: object
    right: object
    change: float | None = None
    percent: float | None = None

    @property
    def same(self) -> bool:
        return self.left == self.right


def compare(left: Execution, right: Execution) -> list[ComparisonRow]:
    """Command, image, times, inputs, environment, values, metrics: every name that either has."""
    rows = [
        ComparisonRow("execution", "stage", left.stage, right.stage),
        ComparisonRow("execution", "state", str(left.state), str(right.state)),
        ComparisonRow("execution", "node", left.claim.node, right.claim.node),
        ComparisonRow("execution", "image", _image(left), _image(right)),
        ComparisonRow("execution", "command", _command(left), _command(right)),
        ComparisonRow("execution", "workspace from", left.workspace.source, right.workspace.source),
        ComparisonRow("execution", "exit code", _exit_code(left), _exit_code(right)),
        _row("execution", "seconds", duration(left), duration(right)),
    ]
    rows += _group("input", left.inputs, right.inputs)
    rows += _group("env", _environment(left), _environment(right))
    one, two = left.result, right.result
    rows += _group("value", one.values if one else {}, two.values if two else {})
    rows += _group("metric", one.metrics if one else {}, two.metrics if two else {})
    return rows


def _image(execution: Execution) -> str | None:
    image = execution.image
    return (image.digest or image.id or image.ref) if image else None


def _command(execution: Execution) -> str:
    return shlex.join(execution.command)


def _exit_code(execution: Execution) -> int | None:
    return execution.result.exit_code if execution.result else None


def duration(execution: Execution) -> float | None:
    """Seconds from start to end by the node's clock; None while it runs, or where a time cannot be read."""
    return execution.ran


def _environment(execution: Execution) -> dict[str, object]:
    """What people set; Winslow's own names differ by nature."""
    flat: dict[str, object] = {}
    for layer in ("pipeline", "stage", "project", "request"):
        flat |= execution.env.get(layer, {})
    return flat


def _group(group: str, left: Mapping[str, object], right: Mapping[str, object]) -> list[ComparisonRow]:
    names = [*left, *(name for name in right if name not in left)]
    return [_row(group, name, _plain(left.get(name)), _plain(right.get(name))) for name in names]


def _plain(value: object) -> object:
    """A file is its digest where there is one: the same path may hold another recording."""
    return str(value) if isinstance(value, FileInput) else value


def _row(group: str, name: str, left: object, right: object) -> ComparisonRow:
    first, second = _number(left), _number(right)
    if first is None or second is None:
        return ComparisonRow(group, name, left, right)
    change = second - first
    return ComparisonRow(group, name, left, right, change, 100 * change / abs(first) if first else None)


def _number(value: object) -> float | None:
    """None for what is no number, or has no difference to others: infinity, and what no float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
