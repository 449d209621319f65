"""The page of the nodes: their load, and draining them by a form."""

import time
from dataclasses import replace

import pygit2
import pytest

from runner.metrics import load
from schema.node import Heartbeat, Inventory, NodeGpu
from state.git.git_repository import GitRepository
from tests.integration.web.conftest import AUTHOR, Bench
from webui.views.charts import GAP, chart, sparkline

EVIL = "<img src=x onerror=alert(1)>"
GPU = NodeGpu(uuid="GPU-1", model=f"Fast {EVIL}", memory=2**33)


@pytest.fixture
def nodes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """`gpu-01` is this machine's, `gpu-02` another's, which beats."""
    seen = bench.source.look()
    inventories = {
        name: Inventory(node=name, incarnation="i", cpus=4, memory=2**34, gpus=(GPU,)) for name in ("gpu-01", "gpu-02")
    }

    def look() -> object:
        now = bench.source._look or seen
        snapshot = replace(now.snapshot, inventories=inventories)
        return replace(now, snapshot=snapshot, node="gpu-01", silence={"gpu-01": 3.0, "gpu-02": 4000.0})

    monkeypatch.setattr(bench.source, "look", look)
    other = GitRepository(str(bench.remote), bench.folder / "other.git")
    other.fetch()
    said = {"cpu": 61.0, "memory": 42.0, "received": 2048.0, "sent": 1024.0, "disk_free": 2.0**31, EVIL: 1.0}
    beat = Heartbeat(node="gpu-02", incarnation="i", counter=1, load={**said, "gpu.GPU-1.use": 77.0})
    other.beat(beat, expected=None)
    return bench


def write_load(bench: Bench) -> None:
    now = time.time()
    for number in range(20):
        values = {"cpu": 20 + number, "memory": 50, "disk": 60, "received": 3e6, "sent": 1e6, "load": 1.5}
        record = load.machine(bench.folder)
        record.wall = lambda moment=now - 100 + number * 5: moment
        record.put(values)
    load.gpu(bench.folder, "GPU-1").put({"use": 93, "memory": 50, "temperature": 71})


def test_R1510_R1520_R1530_every_known_node_is_shown_with_its_load(nodes: Bench) -> None:
    write_load(nodes)
    text = nodes.browser.get("/nodes").text
    for shown in ("gpu-01", "gpu-02", "this machine", "last seen 3 s ago", "last seen 1 h 6 min ago", "4 cores"):
        assert shown in text
    for shown in ("39 %", "50 %", "2.9 MiB/s", "93 %", "71 °C"):  # of this machine
        assert shown in text
    for shown in ("61 %", "42 %", "2.0 KiB/s", "2.0 GiB", "77 %"):  # said by the other one
        assert shown in text
    assert text.count('<svg class="spark"') == 5
    assert "pipx install &#39;winslow-controller[node]&#39; &amp;&amp; winslowctl node --repo" in text.replace(
        "'", "&#39;"
    )


@pytest.mark.parametrize("span", ["hour", "day", "month", "nonsense"])
def test_R1510_R1520_R1530_a_node_shows_its_load_over_time(nodes: Bench, span: str) -> None:
    write_load(nodes)
    text = nodes.browser.get(f"/nodes/gpu-01?span={span}").text
    assert text.count('<svg class="chart"') == 6
    assert 'hx-trigger="every 5s"' in text
    assert len(text) < 40_000
    fragment = nodes.browser.get(f"/nodes/gpu-01?span={span}", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert fragment.count('<svg class="chart"') == 6


def test_R1510_another_node_shows_what_it_said_last(nodes: Bench) -> None:
    text = nodes.browser.get("/nodes/gpu-02").text
    assert "61 %" in text
    assert 'class="chart"' not in text
    assert 'class="spark"' not in text


def test_S6_names_of_gpus_and_of_numbers_make_no_element(nodes: Bench) -> None:
    write_load(nodes)
    for path in ("/nodes", "/nodes/gpu-01", "/nodes/gpu-02"):
        text = nodes.browser.get(path).text
        assert "<img" not in text
        assert "&lt;img" in text


def drain(bench: Bench, **form: str):  # type: ignore[no-untyped-def]
    form["csrf_token"] = bench.token("/nodes")
    return bench.browser.post("/nodes/drain", data=form, follow_redirects=False)


def test_R1510_a_form_drains_a_node_and_ends_it_and_the_rest_of_its_file_stays(nodes: Bench) -> None:
    nodes.commit({"nodes/gpu-02.yaml": "labels: [big]  # the one below the window\n"})
    assert drain(nodes, node="gpu-02", drain="on", reason="new disk\nX: y").status_code == 303
    nodes.source.refresh()
    assert nodes.source.clone.read_main("nodes/gpu-02.yaml") == (
        "labels: [big]  # the one below the window\ndrain: true\n"
    )
    newest = pygit2.Repository(str(nodes.remote)).revparse_single("main")
    assert newest.message.strip() == "Drain node gpu-02\n\nnew disk X: y"
    assert f"{newest.author.name} <{newest.author.email}>" == AUTHOR
    assert "drains" in nodes.browser.get("/nodes").text
    assert drain(nodes, node="gpu-02", drain="on").status_code == 422
    assert drain(nodes, node="gpu-02", drain="off").status_code == 303
    nodes.source.refresh()
    assert not nodes.source.look().snapshot.nodes["gpu-02"].drain


def test_R1510_a_drain_waits_for_the_server_and_keeps_what_was_written_meanwhile(nodes: Bench) -> None:
    away = nodes.remote.with_name("away.git")
    nodes.remote.rename(away)
    assert drain(nodes, node="gpu-02", drain="on").status_code == 303
    assert "Not yet sent: Drain node gpu-02" in nodes.browser.get("/nodes").text
    away.rename(nodes.remote)
    nodes.commit({"nodes/gpu-02.yaml": "slots: 3\n"})
    nodes.outbox.send_all()
    nodes.source.refresh()
    assert nodes.source.clone.read_main("nodes/gpu-02.yaml") == "slots: 3\ndrain: true\n"


@pytest.mark.parametrize("node", ["gpu-03", "", "../main", EVIL])
def test_a_node_that_is_not_there_is_not_drained(nodes: Bench, node: str) -> None:
    before = nodes.source.look().snapshot.main
    answer = drain(nodes, node=node, drain="on")
    assert answer.status_code == 422
    assert "<img" not in answer.text
    nodes.source.refresh()
    assert nodes.source.look().snapshot.main == before


def test_S7_without_the_token_no_node_is_drained(nodes: Bench) -> None:
    assert nodes.browser.post("/nodes/drain", data={"node": "gpu-01", "drain": "on"}).status_code == 400


def test_an_unknown_node_is_not_found_and_the_nearest_is_named(nodes: Bench) -> None:
    answer = nodes.browser.get("/nodes/gpu-011")
    assert answer.status_code == 404
    assert "gpu-01" in answer.text


def test_a_drawing_breaks_its_line_where_numbers_are_missing_and_escapes_its_words() -> None:
    points = [(float(x), 1.0) for x in (0, 1, 2, 3 + GAP * 2, 4 + GAP * 2)]
    assert sparkline(points, 0, 20, EVIL, str).count("<polyline") == 2
    assert "<img" not in sparkline(points, 0, 20, EVIL, str)
    assert "unknown" in chart([("cpu", [])], 0, 20, str)
    assert "<circle" in sparkline([(1.0, 1.0)], 0, 20, "one", str)


def give_back(bench: Bench, form: dict[str, str]):  # type: ignore[no-untyped-def]
    form["csrf_token"] = bench.token("/nodes")
    return bench.browser.post("/nodes/yield", data=form, follow_redirects=False)


def test_L5_a_form_gives_a_node_back_to_its_owner_and_takes_it_again(nodes: Bench) -> None:
    answer = give_back(nodes, {"node": "gpu-02", "yield": "on", "for": "2h"})
    assert answer.status_code in (200, 303)
    wish = nodes.source.look().snapshot.nodes["gpu-02"].gives_back
    assert wish
    assert wish.time == 7200.0
    assert "in use" in nodes.browser.get("/nodes").text
    give_back(nodes, {"node": "gpu-02", "yield": "off"})
    assert nodes.source.look().snapshot.nodes["gpu-02"].gives_back is None
    assert give_back(nodes, {"node": "gpu-02", "for": "soon"}).status_code == 422
    assert give_back(nodes, {"node": "gpu-02", "yield": "on", "for": "0s"}).status_code == 422, "not for ever"
    assert nodes.source.look().snapshot.nodes["gpu-02"].gives_back is None
