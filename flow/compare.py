"""Two executions side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

from schema.execution import Execution


@dataclass(frozen=True, slots=True)
class Row:
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


def compare(left: Execution, right: Execution) -> list[Row]:
    """Inputs, environment, command, image, values, metrics: every name that either has."""
    rows = [
        Row("execution", "stage", left.stage, right.stage),
        Row("execution", "state", str(left.state), str(right.state)),
        Row("execution", "node", left.claim.node, right.claim.node),
        Row("execution", "image", _image(left), _image(right)),
        Row("execution", "workspace from", left.workspace.source, right.workspace.source),
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


def _environment(execution: Execution) -> dict[str, object]:
    """What people set; Winslow's own names differ by nature."""
    flat: dict[str, object] = {}
    for layer in ("pipeline", "stage", "project", "request"):
        flat |= execution.env.get(layer, {})
    return flat


def _group(group: str, left: Mapping[str, object], right: Mapping[str, object]) -> list[Row]:
    names = [*left, *(name for name in right if name not in left)]
    return [_row(group, name, _plain(left.get(name)), _plain(right.get(name))) for name in names]


def _plain(value: object) -> object:
    return value.get("path", value) if isinstance(value, dict) else value


def _row(group: str, name: str, left: object, right: object) -> Row:
    if not _number(left) or not _number(right):
        return Row(group, name, left, right)
    first, second = float(left), float(right)  # type: ignore[arg-type]
    change = second - first
    return Row(group, name, left, right, change, 100 * change / abs(first) if first else None)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
