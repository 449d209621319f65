"""Workspaces of containers: an overlay that the engine mounts, and that goes with the container."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.store.workspaces import Opened, Workspaces
from schema.execution import State
from tests.contract.runners import Bench
from tests.integration.docker.test_node import define, lab
from tests.integration.node.lab import Lab
from tests.unit.runner.store.trees import need_overlays

pytestmark = pytest.mark.docker
STAGES = (64000, 64000)
FIRST = "import os; os.makedirs('d/e'); [open(p, 'w').write(p) for p in ('a', 'b', 'd/e/x')]; os.chmod('b', 0o700)"
SECOND = (
    "import os, shutil; open('a', 'a').write('!'); open('b', 'r+').write('B'); shutil.rmtree('d'); os.mkdir('d'); "
    "open('d/new', 'w'); os.mkdir('own'); os.rename('a', 'own/a')"
)


@pytest.fixture
def store(tmp_path: Path, bench: Bench) -> Workspaces:
    """`bench` makes sure that an engine answers."""
    need_overlays(tmp_path)
    return Workspaces(tmp_path / "data", STAGES)


def run(bench: Bench, runner: Any, opened: Opened, program: str) -> str:
    spec = replace(bench.spec(program), workspace=opened.path, overlay=opened.overlay)
    bench.run(runner, spec)
    ended = bench.end(runner, spec.id)
    assert ended.exit_code == 0, (spec.directory / "log").read_text()
    return spec.id


def test_containers_change_what_earlier_ones_left_without_a_copy(bench: Bench, store: Workspaces) -> None:
    """Also a file, a program and folders that another container made: one user owns them all."""
    runner = bench.runner()
    run(bench, runner, store.open("p", 1, "c1"), FIRST)
    first = store.finish("p", 1)
    run(bench, runner, store.open("p", 2, "c2", first), SECOND)
    second = store.tree(store.finish("p", 2))
    assert {row.path: row.kind.value for row in second.rows.values()} == {
        "b": "x", "d": "d", "d/new": "f", "own": "d", "own/a": "f",
    }  # fmt: skip
    assert (second.read("own/a", 9), second.read("b", 9)) == (b"a!", b"B")
    before = store.tree(first)
    assert [(row.path, before.read(row.path, 9)) for row in before.files()] == [
        ("a", b"a"),
        ("b", b"b"),
        ("d/e/x", b"d/e/x"),
    ]
    for row in before.files():
        store.objects.verify(row.value)


def test_a_container_that_runs_shows_its_files(bench: Bench, store: Workspaces) -> None:
    runner = bench.runner()
    opened = store.open("p", 1, "c1", store.edit(None, {}))
    program = "import time; open('now', 'w').write('x'); print('up', flush=True); time.sleep(60)"
    spec = replace(bench.spec(program), workspace=opened.path, overlay=opened.overlay)
    bench.run(runner, spec)
    bench.until(lambda: "now" in store.look("p", 1).rows)
    assert bench.until(lambda: store.look("p", 1).read("now", 9)) == b"x"


def test_no_volume_is_left_when_the_container_goes(bench: Bench, store: Workspaces) -> None:
    import docker

    runner, api = bench.runner(), docker.from_env().api
    container = run(bench, runner, store.open("p", 1, "c1"), "pass")
    [mount] = [m for m in api.inspect_container(f"winslow-{container}")["Mounts"] if m["Destination"] == "/workspace"]
    assert mount["Type"] == "volume"
    mounted = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(store.data) in line]
    assert mounted == []
    runner.remove(container)
    with pytest.raises(docker.errors.NotFound):
        api.inspect_volume(mount["Name"])


@pytest.mark.parametrize("failpoint", ["workspace-ready:2", "after-create:2", "workspace-hashed:2", "workspace-kept:2"])
def test_F12_a_killed_node_repairs_the_workspaces_of_its_containers(lab: Lab, failpoint: str) -> None:
    need_overlays(lab.folder)
    text = '  - {name: NAME, image: host/python, command: [python, -c, "PROGRAM"]}\n'
    first = text.replace("NAME", "one").replace("PROGRAM", "open('a', 'w').write('1')")
    second = text.replace("NAME", "two").replace("PROGRAM", "open('a', 'a').write('2')")
    define(lab, first + second)
    killed = lab.node(failpoint=failpoint)
    lab.ask("request: start\n")
    assert killed.died()
    lab.node()
    records = lab.until_reason("Done").executions
    assert [record.state for record in records] == [State.SUCCEEDED] * 2
    store = Workspaces(lab.folder / "n1")
    assert [store.look("v", number).read("a", 9) for number in (1, 2)] == [b"1", b"12"]


def test_containers_get_copies_where_no_overlay_can_be(lab: Lab) -> None:
    """The comma cannot stand in mount options."""
    text = '  - {name: NAME, image: host/python, command: [python, -c, "PROGRAM"]}\n'
    first = text.replace("NAME", "one").replace("PROGRAM", "open('a', 'w').write('1')")
    define(lab, first + text.replace("NAME", "two").replace("PROGRAM", "open('a', 'a').write('2')"))
    lab.node_in("n1", "n,1")
    lab.ask("request: start\n")
    lab.until_reason("Done")
    store = Workspaces(lab.folder / "n,1")
    assert [store.look("v", number).read("a", 9) for number in (1, 2)] == [b"1", b"12"]


__all__ = ["lab"]
