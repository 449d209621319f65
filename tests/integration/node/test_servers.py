"""Whole nodes, as processes of their own, on repositories behind real servers."""

from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest

from cli.doctor import _signs
from schema import layout
from schema.execution import State
from tests.integration.git.test_beats import refuse
from tests.integration.node.lab import Lab, stage
from tests.servers.http import HttpServer
from tests.servers.proxy import Proxy

Make = Callable[..., Lab]


@pytest.fixture
def http_lab(lab: Make, http: HttpServer, tmp_path: Path) -> Callable[[str], Lab]:
    def make(stages: str) -> Lab:
        here = lab(stages)
        here.url = http.url(here.remote)
        return here

    return make


@pytest.mark.parametrize("kind", ["http", "ssh"])
def test_a_node_works_over_a_real_server(request: pytest.FixtureRequest, lab: Make, kind: str) -> None:
    server = request.getfixturevalue(kind)
    here = lab(stage("a") + stage("b"))
    here.url = server.url(here.remote)
    here.node()
    here.ask("request: start\n")
    here.until_reason("Done")
    assert here.ran() == ["a", "b"]


@pytest.mark.parametrize(("kind", "round_trip", "stages"), [("http", 0.25, "ab"), ("ssh", 0.1, "a")])
def test_F25_stages_go_on_over_a_slow_link_and_nobody_is_taken_for_lost(
    request: pytest.FixtureRequest, lab: Make, kind: str, round_trip: float, stages: str
) -> None:
    """As five seconds are to polls of five: the lab polls twenty times as often."""
    server = request.getfixturevalue(kind)
    here = lab("".join(stage(name) for name in stages))
    proxy = Proxy(server.port, delay=round_trip / 2)
    here.url = server.url(here.remote, proxy.port)
    for name in ("n1", "n2"):
        here.node(name)
    here.ask("request: start\n")
    view = here.until_reason("Done")
    proxy.end()
    assert here.ran() == list(stages)
    assert {execution.state for execution in view.executions} == {State.SUCCEEDED}


def test_nodes_whose_server_refuses_their_refs_see_each_other_by_branches(http_lab: Callable[[str], Lab]) -> None:
    here = http_lab(stage("a", "time.sleep(0.2)"))
    refuse(here.remote, "refs/winslow/*")
    nodes = {name: here.node(name) for name in ("n1", "n2")}
    here.ask("request: start\n")
    view = here.until(lambda view: bool(view.executions))
    nodes[view.executions[0].claim.node].kill()
    here.until_reason("Done")
    names = set(pygit2.Repository(str(here.remote)).references)
    assert {f"{layout.NODE_BRANCHES}{name}" for name in nodes} <= names
    assert not [name for name in names if name.startswith("refs/winslow/")]
    assert "declined a heartbeat" not in (here.folder / "n1.log").read_text()


def test_the_doctor_says_where_signs_of_life_go(lab: Make) -> None:
    here = lab(stage("a"))
    assert next(_signs(str(here.remote)))[1] == "ok"
    refuse(here.remote, "refs/winslow/*")
    name, result, text = next(_signs(str(here.remote)))
    assert (name, result) == ("node refs", "warn")
    assert "branches winslow-nodes/" in text
    assert "no such refs here" in text
    refuse(here.remote, "refs/winslow/*|refs/heads/winslow-nodes/*", "nor branches")
    _, result, text = next(_signs(str(here.remote)))
    assert result == "fail"
    assert "force-push branches winslow-nodes/*" in text
