"""Nodes: what they have, what they do, and whether they take work."""

import time

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from markupsafe import Markup

from flow.status.lanes import lanes
from runner.metrics import load
from schema import layout
from schema.suggest import did_you_mean
from state.edits import nodes
from webui.pages.common import look, page, person
from webui.views.charts import chart, sparkline
from webui.views.filters import size
from webui.views.node_rows import NodeRow, all_nodes

pages = Blueprint("nodes", __name__)
SPANS = {"hour": load.HOUR, "day": load.DAY, "month": load.MONTH}
MOST_STAGES = 8


def _all() -> list[NodeRow]:
    return all_nodes(look(), page().fleet, page().data)


def _sparks(node: NodeRow) -> dict[str, Markup]:
    """The last hour in few points, of this machine's node."""
    data, now = page().data, time.time()
    if data is None or not node.here:
        return {}
    since = now - load.HOUR
    found = load.machine(data).all_series(since, 48)
    sparks = {name: sparkline(found[name], since, now, f"{name} of the last hour", _percent, 100.0)
              for name in ("cpu", "memory")}  # fmt: skip
    for name in ("received", "sent"):
        sparks[name] = sparkline(found[name], since, now, f"{name} in the last hour", _rate)
    for gpu in node.inventory.gpus if node.inventory else ():
        use = load.gpu(data, gpu.uuid).series("use", since, 48)
        sparks[gpu.uuid] = sparkline(use, since, now, "GPU in the last hour", _percent, 100.0)
    return sparks


@pages.get("/nodes")
def index() -> str:
    template = "_nodes.html" if request.headers.get("HX-Request") else "nodes.html"
    now = time.time()
    shown = list(lanes(look().snapshot, now - load.DAY, now).values())
    return render_template(template, nodes=_all(), sparks_of=_sparks, repo=page().repo, lanes=shown)


@pages.get("/nodes/<name>")
def show(name: str) -> str:
    found = {node.name: node for node in _all()}
    if name not in found:
        abort(404, f"There is no node {name[:80]!r}{did_you_mean(name, list(found)) or ''}")
    span = request.args.get("span", "hour")
    span = span if span in SPANS else "hour"
    template = "_node.html" if request.headers.get("HX-Request") else "node.html"
    drawn = _charts(found[name], SPANS[span]) if found[name].here else {}
    return render_template(template, node=found[name], span=span, spans=SPANS, charts=drawn)


def _charts(node: NodeRow, span: float) -> dict[str, Markup]:
    data, now = page().data, time.time()
    if data is None:
        return {}
    since = now - span
    found = load.machine(data).all_series(since)

    def lines(*names: str) -> list[tuple[str, list[tuple[float, float]]]]:
        return [(name, found[name]) for name in names]

    drawn = {
        "CPU and memory": chart(lines("cpu", "memory"), since, now, _percent, 100.0),
        "Network, received and sent": chart(lines("received", "sent"), since, now, _rate),
        "Disk of the data directory": chart(lines("disk"), since, now, _percent, 100.0),
        "Load": chart(lines("load"), since, now, lambda value: f"{value:.1f}"),
    }
    for project, run in node.runs[:MOST_STAGES]:
        each = load.stage(data / "runs" / run.claim.container).all_series(since)
        title = f"Stage {project}/{run.execution} {run.stage}"
        drawn[f"{title}: CPU, 100 % is one core"] = chart([("cpu", each["cpu"])], since, now, _percent)
        drawn[f"{title}: memory"] = chart([("memory", each["memory"])], since, now, size)
    for gpu in node.inventory.gpus if node.inventory else ():
        each = load.gpu(data, gpu.uuid).all_series(since)
        title = f"{gpu.model or 'GPU'} {gpu.uuid[:12]}"
        drawn[f"{title}: use and memory"] = chart(
            [("use", each["use"]), ("memory", each["memory"])], since, now, _percent, 100.0
        )
        drawn[f"{title}: temperature"] = chart(
            [("temperature", each["temperature"])], since, now, lambda value: f"{value:.0f} °C", 100.0
        )
    return drawn


def _rate(value: float) -> str:
    return f"{size(value)}/s"


def _percent(value: float) -> str:
    return f"{value:.0f} %"


@pages.post("/nodes/drain")
def drain() -> Response:
    """Commits `nodes/<node>.yaml`, as `winslowctl drain` does."""
    node, wanted = request.form.get("node", ""), request.form.get("drain") == "on"
    nodes.check(look().snapshot, node, wanted)
    nodes.files(page().source.clone.read_main(layout.node(node)), node, wanted)  # a file that is wrong is said now
    commit = page().outbox.drain(node, wanted, request.form.get("reason", ""), person().author)
    subject = nodes.message(node, wanted)
    flash(f"{subject}: committed as {commit[:12]}" if commit else f"{subject}: sent when the server is back")
    return redirect(url_for("nodes.index"), code=303)  # type: ignore[return-value]
