"""R5: an image that comes as a file reaches stages by a registry, or by the engine that loads it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from schema.execution import State
from tests.contract.runners import Bench
from tests.integration.docker.test_images import lab, log_of  # noqa: F401
from tests.integration.docker.test_registry import registry  # noqa: F401
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
NAME = "lab-carried/speeds:1.4"
STAGE = "name: p\nstages:\n  - {{name: one, image: '{}', command: [cat, /words]}}\n"


@pytest.fixture
def carried(tmp_path: Path, bench: Bench) -> Iterator[Path]:
    """An archive of an image that this engine does not know any more."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {bench.image}\nCOPY words /words\n")
    (folder / "words").write_text(f"carried by hand {tmp_path}\n")
    client, file = docker.from_env(), tmp_path / "speeds.tar"
    image, _ = client.images.build(path=str(folder), tag=NAME, rm=True)
    file.write_bytes(b"".join(client.images.get(NAME).save(named=True)))
    client.images.remove(str(image.id), force=True)
    yield file
    for each in client.images.list():
        if any("lab-carried/" in tag or tag.endswith("/lab/speeds:1.4") for tag in each.tags):
            client.images.remove(str(each.id), force=True)


def images_verb(where: Lab, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "WINSLOW_REPO": str(where.remote), "XDG_CACHE_HOME": str(where.folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "-o", "json", "images", *words],
        cwd=Path(__file__).parents[3], env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_R5_I2_an_image_in_a_file_is_pushed_and_run_by_its_digest(
    lab: Lab,  # noqa: F811
    registry: str,  # noqa: F811
    carried: Path,
) -> None:
    refused = images_verb(lab, "push", str(carried))
    assert refused.returncode == 1
    assert "winslow.yaml names no registry" in refused.stderr
    lab.edit({"winslow.yaml": f"schema: 1\nlost_after: 60s\nregistry: {registry}/lab\n"})
    assert "--name and --tag" in images_verb(lab, "push", str(carried), "--tag", "0123456789ab").stderr
    done = images_verb(lab, "push", str(carried))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["image"] == f"{registry}/lab/speeds@{told['digest']}"
    client = docker.from_env()
    client.images.remove(told["id"], force=True)  # an engine that never had it
    lab.edit({"pipelines/p.yaml": STAGE.format(told["image"])})
    lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.SUCCEEDED).executions
    assert "carried by hand" in log_of(lab, record)
    assert record.image
    assert record.image.digest == told["digest"]
    client.images.remove(told["image"], force=True)


def test_R5_an_image_in_a_file_is_run_where_it_was_loaded_without_any_registry(
    lab: Lab,  # noqa: F811
    carried: Path,
) -> None:
    done = images_verb(lab, "import", str(carried))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["image"] == NAME
    lab.edit({"pipelines/p.yaml": STAGE.format(NAME)})
    lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.SUCCEEDED).executions
    assert "carried by hand" in log_of(lab, record)
    assert record.image
    assert record.image.id == told["id"]


def test_S1_a_file_does_not_take_the_name_of_another_image(
    lab: Lab,  # noqa: F811
    carried: Path,
    bench: Bench,
) -> None:
    client = docker.from_env()
    client.api.tag(bench.image, "lab-carried/speeds", "1.4")
    before = client.images.get(NAME).id
    refused = images_verb(lab, "import", str(carried))
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    assert client.images.get(NAME).id == before
    assert images_verb(lab, "import", str(carried), "--replace").returncode == 0
    assert client.images.get(NAME).id != before


def test_a_damaged_file_is_given_to_no_engine(lab: Lab, carried: Path) -> None:  # noqa: F811
    content = bytearray(carried.read_bytes())
    at = content.index(b"carried by hand")
    content[at : at + 7] = b"CARRIED"
    carried.write_bytes(content)
    refused = images_verb(lab, "import", str(carried))
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr
