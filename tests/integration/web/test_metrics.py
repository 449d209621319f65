"""What Prometheus reads, and that the documentation names nothing else."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as families
from starlette.requests import Request

from flow.status.states import STATES
from runner.metrics import load
from schema.node import Health, Inventory, NodeGpu
from tests.integration.web.conftest import Bench
from webui.access.person import KEY, Person, Role
from webui.asgi.metrics import Metrics
from webui.source.view_source import NothingYet

DOCS = Path(__file__).parents[3] / "docs" / "operating.md"
GPUS = (NodeGpu(uuid="GPU-1"), NodeGpu(uuid="GPU-2", health=Health.LOST))


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A page beside a node with two GPUs, which has halted, and has not heard of another one for long."""
    inventories = {name: Inventory(node=name, incarnation="i", slots=3, gpus=GPUS) for name in ("n1", "n2")}

    def look() -> object:
        found = bench.source._look
        assert found
        snapshot = replace(found.snapshot, inventories=inventories)
        return replace(found, snapshot=snapshot, node="n1", silence={"n1": 3.0, "n2": 4000.0}, halted="went back")

    monkeypatch.setattr(bench.source, "look", look)
    load.machine(bench.folder).put({"cpu": 20, "memory": 50, "disk": 60, "received": 3e6, "sent": 1e6, "load": 1.5})
    load.gpu(bench.folder, "GPU-1").put({"use": 93, "memory": 50, "temperature": 71})
    return bench


def scraped(bench: Bench, accept: str = "text/plain", parse=families) -> dict[tuple[str, ...], float]:  # type: ignore[no-untyped-def]
    answer = bench.browser.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in parse(answer.text)
        for sample in family.samples
    }


def test_a_lab_finds_what_it_would_be_alerted_on(lab: Bench) -> None:
    lab.ask("ulm", request="start", stage="detect")
    lab.look()
    found = scraped(lab)
    assert found["winslow_ready",] == 1
    assert found["winslow_halted",] == 1
    assert 0 <= found["winslow_view_age_seconds",] < 300
    assert sum(found["winslow_projects", state] for state in STATES) == 2
    assert found["winslow_node_silence_seconds", "n2"] == 4000
    assert found["winslow_node_slots", "n1"] == 3
    assert found["winslow_stages_waiting", "ManualApproval"] == 0
    assert found["winslow_cpu_ratio",] == 0.2
    assert found["winslow_network_received_bytes_per_second",] == 3e6
    assert found["winslow_gpu_ratio", "GPU-1"] == 0.93
    assert found["winslow_gpu_temperature_celsius", "GPU-1"] == 71
    assert (found["winslow_gpu_healthy", "GPU-1"], found["winslow_gpu_healthy", "GPU-2"]) == (1, 0)
    assert 0 < found["winslow_disk_free_bytes",] <= found["winslow_disk_bytes",]


def test_requests_that_wait_for_the_server_are_counted(lab: Bench) -> None:
    away = lab.remote.with_name("away.git")
    lab.remote.rename(away)
    lab.ask("ulm", request="start")
    assert scraped(lab)["winslow_outbox_unsent",] == 1
    assert scraped(lab)["winslow_outbox_refused",] == 0


def test_projects_make_no_labels(lab: Bench) -> None:
    before = scraped(lab).keys()
    lab.commit({f"projects/more-{number}/project.yaml": "pipeline: p\n" for number in range(20)})
    assert scraped(lab).keys() == before


def test_it_is_also_said_as_open_metrics(lab: Bench) -> None:
    assert scraped(lab, "application/openmetrics-text; version=1.0.0", open_families)["winslow_ready",] == 1


def test_without_a_view_it_says_just_that(lab: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def look() -> object:
        raise NothingYet("wait")

    monkeypatch.setattr(lab.source, "look", look)
    found = scraped(lab)
    assert found["winslow_ready",] == 0
    assert ("winslow_view_age_seconds",) not in found
    assert ("winslow_disk_free_bytes",) in found


def test_who_may_not_read_the_page_may_not_read_its_metrics(lab: Bench) -> None:
    scope = {"type": "http", "headers": [], KEY: Person("nobody <n@b>", Role.NOBODY)}
    assert Metrics(lab.browser.app).answer(Request(scope)).status_code == 403  # type: ignore[arg-type]


def test_every_metric_that_the_documentation_names_is_there(lab: Bench) -> None:
    section = DOCS.read_text().partition("\n## Watching\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"winslow_[a-z_]+", section))
    found = {name for name, *_ in scraped(lab)}
    assert named
    assert named - found == {"winslow_executions_ended"}  # nothing has ended here
    assert found <= named
