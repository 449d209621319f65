"""Nodes: what they have, what they do, and whether they take work."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from markupsafe import Markup

from flow.status.lanes import lanes
from runner.metrics import load
from schema import layout
from schema.quantities import parse_duration
from schema.suggest import did_you_mean
from state.edits import giving_back, nodes
from webui.pages.common import look, page, person
from webui.source.load_histories import Series
from webui.views.charts import chart, sparkline
from webui.views.filters import size
from webui.views.node_rows import NodeRow, all_nodes

pages = Blueprint("nodes", __name__)
SPANS = {"hour": load.HOUR, "day": load.DAY, "month": load.MONTH}
MOST_STAGES = 8


def _all() -> list[NodeRow]:
    return all_nodes(look(), page().fleet, page().data)


def _others(nodes: list[NodeRow], span: float) -> Mapping[str, Series]:
    """How the load of the others went, asked of all at once."""
    names = [node.name for node in nodes if not node.here and node.standing.answers]
    return page().histories.of(names, look().snapshot.inventories, span)


def _sparks(node: NodeRow, others: Mapping[str, Series]) -> dict[str, Markup]:
    """The last hour in few points; GPUs of this machine's node alone."""
    data, now = page().data, time.time()
    since = now - load.HOUR
    found = others.get(node.name, {}) if data is None or not node.here else load.machine(data).all_series(since, 48)
    sparks = {name: sparkline(found[name], since, now, f"{name} of the last hour", _percent, 100.0)
              for name in ("cpu", "memory") if name in found}  # fmt: skip
    for name in ("received", "sent"):
        if name in found:
            sparks[name] = sparkline(found[name], since, now, f"{name} in the last hour", _rate)
    if data is None or not node.here:
        return sparks
    for gpu in node.inventory.gpus if node.inventory else ():
        use = load.gpu(data, gpu.uuid).series("use", since, 48)
        sparks[gpu.uuid] = sparkline(use, since, now, "GPU in the last hour", _percent, 100.0)
    return sparks


@pages.get("/nodes")
def index() -> str:
    template = "_nodes.html" if request.headers.get("HX-Request") else "nodes.html"
    now = time.time()
    shown = list(lanes(look().snapshot, now - load.DAY, now).values())
    nodes = _all()
    sparks = partial(_sparks, others=_others(nodes, load.HOUR))
    return render_template(template, nodes=nodes, sparks_of=sparks, repo=page().repo, lanes=shown)


@pages.get("/nodes/<name>")
def show(name: str) -> str:
    found = {node.name: node for node in _all()}
    if name not in found:
        abort(404, f"There is no node {name[:80]!r}{did_you_mean(name, list(found)) or ''}")
    span = request.args.get("span", "hour")
    span = span if span in SPANS else "hour"
    template = "_node.html" if request.headers.get("HX-Request") else "node.html"
    drawn = _charts(found[name], SPANS[span]) if found[name].here else _far_charts(found[name], SPANS[span])
    return render_template(template, node=found[name], span=span, spans=SPANS, charts=drawn)


def _charts(node: NodeRow, span: float) -> dict[str, Markup]:
    data, now = page().data, time.time()
    if data is None:
        return {}
    since = now - span
    drawn = _machine(load.machine(data).all_series(since), since, now)
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


def _far_charts(node: NodeRow, span: float) -> dict[str, Markup]:
    now = time.time()
    series = _others([node], span).get(node.name)
    return _machine(series, now - span, now) if series else {}


def _machine(found: Series, since: float, now: float) -> dict[str, Markup]:
    def lines(*names: str) -> list[tuple[str, Sequence[tuple[float, float]]]]:
        return [(name, found.get(name, ())) for name in names]

    return {
        "CPU and memory": chart(lines("cpu", "memory"), since, now, _percent, 100.0),
        "Network, received and sent": chart(lines("received", "sent"), since, now, _rate),
        "Disk of the data directory": chart(lines("disk"), since, now, _percent, 100.0),
        "Load": chart(lines("load"), since, now, lambda value: f"{value:.1f}"),
    }


def _rate(value: float) -> str:
    return f"{size(value)}/s"


def _percent(value: float) -> str:
    return f"{value:.0f} %"


@pages.post("/nodes/yield")
def give_back() -> Response:
    """Commits `nodes/<node>.yaml`, as `winslowctl yield` does: its owner wants the machine, or no longer does."""
    node, wanted = request.form.get("node", ""), request.form.get("yield") != "off"
    nodes.check_known(look().snapshot, node)
    try:
        time = parse_duration(request.form["for"]) if request.form.get("for") else None
    except ValueError as error:
        abort(422, str(error))
    asked = giving_back.wish_id() if wanted else None
    giving_back.given_back(page().source.clone.read_main(layout.node(node)), node, asked, time)  # what is wrong, now
    commit = page().outbox.give_back(node, asked, time, person().author)
    subject = giving_back.message(node, asked, time)
    flash(f"{subject}: committed as {commit[:12]}" if commit else f"{subject}: sent when the server is back")
    return redirect(url_for("nodes.index"), code=303)  # type: ignore[return-value]


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
