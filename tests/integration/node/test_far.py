"""Logs and files of another node, by the command on this one."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from peer.client.executions import file_path, log_path, rows_path
from peer.client.signed import Key
from runner.logs.archive import archive
from runner.store.digests import of_bytes
from runner.store.packed import Packed
from schema.execution import State
from tests.integration.node.lab import HANG, Lab, stage
from tests.integration.node.test_peers import Fleet

Labs = Callable[..., Lab]
ODD = "open(bytes([111, 100, 100, 255, 10, 120]), 'w').write('x'); open('r.txt', 'w').write('hello')"
TALKS = "[(print('line', n, flush=True), time.sleep(0.05)) for n in range(60)]; open('now.txt', 'w').write('half')"


def two(lab: Labs, program: str) -> Fleet:
    made = Fleet(lab(stage("one", program, node="{labels: [n1]}"), lost_after="20s"))
    for name in ("n1", "n2"):
        made.start(name)
    made.lab.until(lambda _: len(made.lab.repository.fetch().inventories) == 2)
    made.lab.until(lambda _: all(listens(address) for address in made.addresses.values()))
    return made


def listens(address: str) -> bool:
    """On a busy machine a node runs stages before its child answers others."""
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture
def fleets() -> Iterator[list[Fleet]]:
    made: list[Fleet] = []
    yield made
    for each in made:
        each.close()


def winslowctl(fleet: Fleet, *arguments: str) -> subprocess.CompletedProcess[str]:
    """On the machine of n2."""
    options = ["--repo", str(fleet.lab.remote), "--data", str(fleet.lab.folder / "n2")]
    env = {**os.environ, "XDG_CACHE_HOME": str(fleet.lab.folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *options, *arguments],
        capture_output=True, text=True, check=False, timeout=HANG, cwd=Path(__file__).parents[3], env=env,
    )  # fmt: skip


def until(fleet: Fleet, condition: Callable[[], bool]) -> None:
    fleet.lab.until(lambda _: condition())


def test_R1450_R1340_logs_and_files_are_had_from_the_node_that_has_them(lab: Labs, fleets: list[Fleet]) -> None:
    fleet = two(lab, f"print('hello from afar'); {ODD}")
    fleets.append(fleet)
    fleet.lab.ask("request: start")
    view = fleet.lab.until_reason("Done")
    until(fleet, lambda: "hello from afar" in winslowctl(fleet, "logs", "v/1").stdout)
    data = fleet.lab.folder / "n1"
    assert archive(data / "runs" / view.executions[0].claim.container, Packed(data / "store"))
    told = winslowctl(fleet, "logs", "v/1")
    assert "hello from afar" in told.stdout
    assert told.stderr == ""
    listed = json.loads(winslowctl(fleet, "files", "ls", "v/1", "-o", "json").stdout)
    assert {"r.txt", "odd\ufffd\nx"} <= {row["path"] for row in listed}
    target = fleet.lab.folder / "got.txt"
    assert winslowctl(fleet, "files", "get", "v/1/r.txt", "--to", str(target)).returncode == 0
    assert target.read_text() == "hello"
    assert "2" in winslowctl(fleet, "files", "du", "v/1").stdout
    shutil.rmtree(data / "runs" / view.executions[0].claim.container)  # as if it had been dropped there
    dropped = winslowctl(fleet, "logs", "v/1")
    assert "hello from afar" in dropped.stdout
    fleet.end("n1")
    away = winslowctl(fleet, "files", "get", "v/1/r.txt", "--to", str(target))
    assert away.returncode == 1
    assert "does not answer" in away.stderr
    summary = winslowctl(fleet, "logs", "v/1")
    assert "hello from afar" in summary.stdout
    assert "this is what the repository has" in summary.stderr


def test_M15_the_log_of_a_stage_that_runs_elsewhere_is_followed(lab: Labs, fleets: list[Fleet]) -> None:
    fleet = two(lab, TALKS)
    fleets.append(fleet)
    fleet.lab.ask("request: start")
    fleet.lab.until_state(State.RUNNING)
    until(fleet, lambda: winslowctl(fleet, "logs", "v/1").returncode == 0)
    told = winslowctl(fleet, "logs", "v/1", "-f").stdout
    lines = [line for line in told.splitlines() if " O line " in line]
    assert [int(line.rpartition(" ")[2]) for line in lines] == list(range(60))


def test_R1340_files_of_a_stage_that_runs_elsewhere_are_had_as_they_are_now(lab: Labs, fleets: list[Fleet]) -> None:
    """What it has not touched has a digest; what it has, has none yet, and is another the next time."""
    here = lab(
        stage("one", "open('old', 'w').write('old'); open('same', 'w').write('same')")
        + stage("two", "open('old', 'w').write('first'); open('new', 'w').close(); "
                "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]; "
                "open('old', 'w').write('second'); "
                "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.end'), True)]"),
        lost_after="20s",
    )  # fmt: skip
    fleet = Fleet(here)
    fleets.append(fleet)
    fleet.start("n1")
    here.until(lambda _: bool(here.repository.fetch().inventories))
    here.ask("request: start")
    here.until_state(State.RUNNING, 2)
    fleet.start("n2")

    def had(name: str, content: str) -> bool:
        target = here.folder / "had"
        target.unlink(missing_ok=True)
        return winslowctl(fleet, "files", "get", f"v/2/{name}", "--to", str(target)).returncode == 0 and (
            target.read_text() == content
        )

    until(fleet, lambda: had("old", "first"))
    listed = json.loads(winslowctl(fleet, "files", "ls", "v/2", "-o", "json").stdout)
    assert {row["path"]: row["digest"] for row in listed} == {"new": None, "old": None, "same": of_bytes(b"same")}
    Path(f"{here.runs}.go").touch()
    until(fleet, lambda: had("old", "second"))
    assert had("same", "same")
    Path(f"{here.runs}.end").touch()
    here.until_reason("Done")
    listed = json.loads(winslowctl(fleet, "files", "ls", "v/2", "-o", "json").stdout)
    assert {row["path"]: row["digest"] for row in listed}["old"] == of_bytes(b"second")


def test_a_nudge_wakes_the_other_node(lab: Labs, fleets: list[Fleet]) -> None:
    fleet = two(lab, "pass")
    fleets.append(fleet)
    touched = fleet.lab.folder / "n2" / "nudge"
    before = touched.stat().st_mtime_ns
    fleet.lab.ask("request: start")
    fleet.lab.until_reason("Done")
    until(fleet, lambda: touched.stat().st_mtime_ns > before)


def test_S9_nothing_outside_is_given_and_nothing_to_strangers(lab: Labs, fleets: list[Fleet]) -> None:
    fleet = two(lab, ODD)
    fleets.append(fleet)
    fleet.lab.ask("request: start")
    container = fleet.lab.until_reason("Done").executions[0].claim.container
    key = Key(fleet.lab.folder / "n2" / "node" / "peer.key")

    def asked(path: str, header: str = "") -> int:
        signed = header or key.header("n2", "n1", path)
        url = f"http://{fleet.addresses['n1']}{path}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, headers={"Authorization": signed}), timeout=5
            ) as got:
                return int(got.status)
        except urllib.error.HTTPError as error:
            return error.code

    deadline = time.monotonic() + HANG
    while asked(log_path(container)) != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert asked(rows_path("v", 1)) == 200
    assert asked(file_path("v", 1, "r.txt")) == 200
    for path in (
        file_path("v", 1, "../../../node/peer.key"), file_path("v", 1, "/etc/passwd"), rows_path("..", 1),
        "/peer/runs/" + quote("../node", safe="") + "/log", "/peer/objects/" + quote("../../node/peer.key", safe=""),
    ):  # fmt: skip
        assert asked(path) in (400, 404), path
    for header in (
        "Winslow n2 AAAA",
        key.header("n2", "n1", rows_path("v", 1)),
        key.header("n2", "n3", log_path(container)),
    ):
        assert asked(log_path(container), header) == 401
