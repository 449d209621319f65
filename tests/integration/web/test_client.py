"""A client that a generator made of the document of the API does the main job, with nothing written by hand."""

import base64
import importlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage
from webui.api.service import create_api

CONTENT = bytes(range(256)) * 40
PROGRAM = "print('begun', flush=True); open('copy.bin', 'wb').write(open(os.environ['INPUT_FILM'], 'rb').read())"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package `winslow_client`, importable for the time of the test."""
    folder = tmp_path_factory.mktemp("client")
    document, config = folder / "openapi.json", folder / "config.yml"
    page: Any = object()
    document.write_text(json.dumps(create_api(page).openapi()))
    config.write_text("post_hooks: []\n")
    command = [str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--meta", "none"]
    where = ["--path", str(document), "--output-path", str(folder / "winslow_client"), "--config", str(config)]
    done = subprocess.run([*command, *where, "--fail-on-warning"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def operation(group: str, name: str) -> Any:
    return importlib.import_module(f"winslow_client.api.{group}.{name}")


def model(name: str) -> Any:
    return getattr(importlib.import_module("winslow_client.models"), name)


@pytest.mark.usefixtures("generated")
def test_K4_a_generated_client_makes_starts_waits_reads_uploads_and_downloads(lab: Callable[..., Lab]) -> None:
    here = lab(stage("one", PROGRAM, artifacts="{paths: [copy.bin]}"))
    text = here.repository.fetch() and (here.repository.read_main("pipelines/p.yaml") or "")
    here.edit({"pipelines/p.yaml": text.replace("stages:", "inputs: {film: {type: file}}\nstages:", 1)})
    made = House(here)
    try:
        _main_job(made)
    finally:
        made.close()


def _main_job(made: House) -> None:
    client = importlib.import_module("winslow_client").Client(base_url=f"{made.url}/api/v1")
    where = f"where {base64.b64encode(b'pool:film.bin').decode()}"
    begun = operation("contents", "begin_upload").sync_detailed(
        client=client, upload_length=len(CONTENT), upload_metadata=where
    )
    assert begun.status_code == 201, begun.content
    id, file = begun.headers["location"].rpartition("/")[2], importlib.import_module("winslow_client.types").File
    sent = operation("contents", "send_piece").sync_detailed(
        id, client=client, body=file(payload=io.BytesIO(CONTENT)), upload_offset=0
    )
    assert sent.status_code == 204, sent.content
    new = model("NewProject").from_dict({"id": "aachen", "pipeline": "p", "inputs": {"film": "film.bin"}})
    assert operation("projects", "make_project").sync_detailed(client=client, body=new).status_code == 201
    wish = model("Request").from_dict({"request": "start"})
    assert operation("requests", "ask_project").sync_detailed("aachen", client=client, body=wish).status_code == 201
    made.until(lambda: operation("projects", "show_project").sync("aachen", client=client).state == "succeeded")
    log = operation("executions", "show_log").sync_detailed("aachen", 1, client=client)
    assert b"begun" in log.content
    listed = operation("files", "list_execution_files").sync("aachen", 1, client=client)
    assert "copy.bin" in [each.path for each in listed.items]
    got = operation("contents", "get_execution_file").sync_detailed("aachen", 1, "copy.bin", client=client)
    assert got.content == CONTENT


def test_each_model_has_a_name_of_its_own_and_each_operation_too() -> None:
    page: Any = object()
    document = create_api(page).openapi()
    titles = [each["title"] for each in document["components"]["schemas"].values()]
    assert len(titles) == len(set(titles))
    assert not [name for name in document["components"]["schemas"] if "__" in name]
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    assert all("_" in id for id in ids)
