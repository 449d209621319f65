"""I2, R5: a registry by one command, from which a node takes an image that another one built."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import requests

from runner.building.registry import MANIFESTS
from schema.execution import State
from tests.contract.runners import Bench
from tests.integration.docker.test_images import builds, lab, log_of, words  # noqa: F401
from tests.integration.node.lab import HANG, Lab

pytestmark = pytest.mark.docker


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Its address; skipped where Debian's package is not installed."""
    import shutil

    if not shutil.which("docker-registry"):
        if os.environ.get("CI"):
            pytest.fail("docker-registry is not installed")
        pytest.skip("docker-registry is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "cli.main", "registry", "up", "--listen", address, "--folder", str(tmp_path / "r")]
    child = subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert f"registry: {address}/lab" in "".join(child.stdout.readline() for _ in range(3))
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline:
        try:
            if requests.get(f"http://{address}/v2/", timeout=5).ok:
                break
        except requests.RequestException:
            time.sleep(0.1)
    yield address
    child.kill()
    child.wait()


def test_I2_R5_what_one_node_built_another_takes_by_digest(
    lab: Lab,  # noqa: F811
    registry: str,
    monkeypatch: pytest.MonkeyPatch,
    bench: Bench,
) -> None:
    lab.edit({"winslow.yaml": f"schema: 1\nlost_after: 60s\nregistry: {registry}/lab\n"})
    words(lab, "from a registry")
    builder = lab.node()
    lab.until(lambda _: bool(builds(lab)) and builds(lab)[-1].state is State.SUCCEEDED)
    [build] = builds(lab)
    assert build.result
    image = str(build.result.values["image"])
    assert image.startswith(f"{registry}/lab/hello@sha256:")
    builder.stop()
    client = docker.from_env()
    client.images.remove(str(build.result.values["id"]), force=True)  # an engine that never had it
    monkeypatch.setenv("TEST_BUILD", "")
    lab.node("n2")
    lab.ask("request: start\n")
    [record] = lab.until_state(State.SUCCEEDED).executions
    assert record.claim.node == "n2"
    assert "from a registry" in log_of(lab, record)
    assert record.image
    assert record.image.digest == build.result.values["digest"]

    words(lab, "newer")
    lab.nodes[-1].terminate()
    lab.nodes[-1].wait()
    gone = _gc(lab, "--dry-run")
    assert "hello" not in gone  # the chain still keeps it
    lab.edit({"projects/v/project.yaml": None, "images/hello/Dockerfile": None, "images/hello/words": None})
    client.images.remove(image, force=True)


def _tag(registry: str, digest: str, repository: str, tag: str) -> None:
    """As a person does it who pushes beside the builds, by the registry's own protocol."""
    url = f"http://{registry}/v2"
    found = requests.get(f"{url}/lab/hello/manifests/{digest}", headers={"Accept": MANIFESTS}, timeout=10)
    manifest = found.json()
    for blob in (manifest["config"], *manifest["layers"]):
        mount = {"mount": blob["digest"], "from": "lab/hello"}
        assert requests.post(f"{url}/{repository}/blobs/uploads/", params=mount, timeout=10).status_code == 201
    kind = {"Content-Type": found.headers["Content-Type"]}
    put = requests.put(f"{url}/{repository}/manifests/{tag}", data=found.content, headers=kind, timeout=10)
    assert put.status_code == 201, put.text


def _gc(where: Lab, *options: str) -> str:
    environment = {**os.environ, "WINSLOW_REPO": str(where.remote), "XDG_CACHE_HOME": str(where.folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "registry", "gc", *options],
        cwd=Path(__file__).parents[3], env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_I2_what_nothing_names_is_collected(lab: Lab, registry: str, bench: Bench) -> None:  # noqa: F811
    lab.edit({"winslow.yaml": f"schema: 1\nlost_after: 60s\nregistry: {registry}/lab\n"})
    words(lab, "first")
    lab.node()
    lab.until(lambda _: len(builds(lab)) == 1 and builds(lab)[0].state is State.SUCCEEDED)
    words(lab, "second")
    lab.until(lambda _: len(builds(lab)) == 2 and builds(lab)[1].state is State.SUCCEEDED)
    old, new = (each.result.values["digest"] for each in builds(lab) if each.result)
    _tag(registry, str(old), "lab/hello", "mine")
    assert "nothing to delete" in _gc(lab), "a person named it too"
    _tag(registry, str(new), "lab/hello", "mine")
    _tag(registry, str(old), "lab/other", "0123456789ab")
    told = _gc(lab)
    assert "lab/other" not in told, "no build made that"
    assert str(old) in told
    assert str(new) not in told
    assert "nothing to delete" in _gc(lab)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--listen", "0.0.0.0:5000"], "--passwords"),
        (["--certificate", "/nonexistent"], "go together"),
        (["--passwords", "/nonexistent"], "there is no file"),
    ],
)
def test_a_registry_for_others_needs_tls_and_passwords(options: list[str], why: str) -> None:
    command = [sys.executable, "-m", "cli.main", "registry", "up", *options]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode
    assert why in done.stderr
