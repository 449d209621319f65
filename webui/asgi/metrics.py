"""`/metrics`: what a lab would be alerted on, as Prometheus reads it. Every number is read when it is asked for.

Labels are states, reasons, nodes and GPUs; never projects, of which there are thousands.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from flow.model.memo import Memo
from flow.model.snapshot import Snapshot
from flow.node.node_states import NodeState, standings
from flow.project.active import open_views
from flow.status.states import STATES
from runner.metrics import load
from schema.node import Health
from schema.reasons import Wait
from state.contract.errors import StateError
from webui.access.person import NotAllowed, Role, need
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import Look
from webui.views.project_rows import rows

SETTLED = (Wait.DONE, Wait.NOT_STARTED)
"""Reasons for which nothing waits."""
MACHINE = {
    "cpu": ("winslow_cpu_ratio", "Share of this machine's processors in use", 100),
    "memory": ("winslow_memory_ratio", "Share of this machine's memory in use", 100),
    "disk": ("winslow_disk_ratio", "Share of the data directory's disk in use", 100),
    "received": ("winslow_network_received_bytes_per_second", "Received by this machine", 1),
    "sent": ("winslow_network_sent_bytes_per_second", "Sent by this machine", 1),
    "load": ("winslow_load", "Processes that run or want to, of the last minute", 1),
}
GPU = {
    "use": ("winslow_gpu_ratio", "Share of the time in which the GPU computed", 100),
    "memory": ("winslow_gpu_memory_ratio", "Share of the GPU's memory in use", 100),
    "temperature": ("winslow_gpu_temperature_celsius", "Of the GPU", 1),
}


class Metrics:
    def __init__(self, page: Page) -> None:
        self.page = page

    def answer(self, request: Request) -> Response:
        try:
            need(request.scope, Role.READER, "Reading the metrics")
        except NotAllowed as error:
            return PlainTextResponse(f"{error}\n", 403)
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(Facts(self.page)), headers={"content-type": kind})


class Facts(Collector):
    """Of one moment. What is not known is left out, so that an alert can ask for its absence."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def collect(self) -> Iterator[Metric]:
        try:
            look = self.page.source.look()
        except (StateError, OSError, ValueError):
            look = None
        yield _one("winslow_ready", "Whether this page has a view of the repository", look is not None)
        if look is not None:
            yield from _of_view(look)
            yield from _of_work(look.snapshot)
            yield from _of_nodes(look)
        yield from _of_outbox(self.page.outbox)
        if self.page.data is not None:
            yield from _of_machine(self.page.data, look)


def _gauge(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    found = GaugeMetricFamily(name, text, labels=[label])
    for which, value in values:
        found.add_metric([which], value)
    return found


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _of_view(look: Look) -> Iterator[Metric]:
    yield _one("winslow_view_age_seconds", "Since the repository's server last answered", look.age)
    yield _one("winslow_halted", "Whether this node has halted, because a branch went back", look.halted is not None)
    yield _one("winslow_problems", "Files that cannot be read as what they should be", len(look.snapshot.problems))


def _of_work(snapshot: Snapshot) -> Iterator[Metric]:
    now = [row.now for row in rows(snapshot).values()]
    states = Counter(each.state for each in now)
    reasons = Counter(each.reason for each in now if each.state != "running")
    waits = [wait for wait in Wait if wait not in SETTLED]
    yield _gauge("winslow_projects", "Projects by state", "state", ((each, states[each]) for each in STATES))
    text = "Stages that wait, by reason"
    yield _gauge("winslow_stages_waiting", text, "reason", ((wait, reasons[wait]) for wait in waits))
    ended = GaugeMetricFamily("winslow_executions_ended", "Executions in the repository", labels=["state", "reason"])
    for (state, reason), count in sorted(_ended(snapshot).items()):
        ended.add_metric([state, reason], count)
    yield ended


def _count_ended(snapshot: Snapshot) -> Counter[tuple[str, str]]:
    executions = (each for view in snapshot.projects.values() for each in view.executions)
    return Counter((each.state.value, each.reason or "") for each in executions if each.state.ended)


_ended: Memo[Snapshot, Counter[tuple[str, str]]] = Memo(_count_ended, 2)


def _of_nodes(look: Look) -> Iterator[Metric]:
    snapshot = look.snapshot
    running = Counter(each.claim.node for view in open_views(snapshot) for each in view.executions if each.state.active)
    nodes = sorted(snapshot.inventories)
    drains = {name: settings.drain for name, settings in snapshot.nodes.items()}
    text = "Executions that a node holds"
    yield _gauge("winslow_executions_running", text, "node", ((node, running[node]) for node in nodes))
    slots = ((node, snapshot.inventories[node].slots) for node in nodes)
    yield _gauge("winslow_node_slots", "Stages that a node runs at once", "node", slots)
    yield _gauge("winslow_node_drains", "Whether a node drains", "node", ((n, drains.get(n, False)) for n in nodes))
    told = GaugeMetricFamily("winslow_node_state", "1 for the state that a node is in", labels=["node", "state"])
    for node, found in standings(snapshot).items():
        for state in NodeState:
            told.add_metric([node, state], found.state is state)
    yield told
    text = "Since the last sign of life that was seen from here"
    yield _gauge("winslow_node_silence_seconds", text, "node", sorted(look.silence.items()))


def _of_outbox(outbox: Outbox) -> Iterator[Metric]:
    waiting = outbox.waiting()
    refused = sum(bool(each.refused) for each in waiting)
    yield _one("winslow_outbox_unsent", "Requests of this page that wait for the server", len(waiting) - refused)
    yield _one("winslow_outbox_refused", "Requests of this page that the server refused", refused)


def _of_machine(data: Path, look: Look | None) -> Iterator[Metric]:
    room = shutil.disk_usage(data)
    yield _one("winslow_disk_free_bytes", "Free on the data directory's disk", room.free)
    yield _one("winslow_disk_bytes", "Size of the data directory's disk", room.total)
    said = load.machine(data).newest()
    for name, (metric, text, whole) in MACHINE.items():
        if name in said:
            yield _one(metric, text, said[name] / whole)
    inventory = look.snapshot.inventories.get(look.node) if look else None
    if inventory is None or not inventory.gpus:
        return
    health = ((gpu.uuid, gpu.health is Health.OK) for gpu in inventory.gpus)
    yield _gauge("winslow_gpu_healthy", "Whether stages can be given the GPU", "gpu", health)
    yield from _of_gpus({gpu.uuid: load.gpu(data, gpu.uuid).newest() for gpu in inventory.gpus})


def _of_gpus(said: Mapping[str, Mapping[str, float]]) -> Iterator[Metric]:
    for name, (metric, text, whole) in GPU.items():
        values = ((uuid, found[name] / whole) for uuid, found in said.items() if name in found)
        yield _gauge(metric, text, "gpu", values)
