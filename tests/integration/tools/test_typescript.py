"""A typed client, made of the document of the API by openapi-typescript, compiles strictly and does the main job."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.house import House
from tests.integration.node.lab import Lab, stage
from tests.tools.npm import modules
from webui.api.service import create_api

PROGRAM = "print('begun', flush=True); open('copy.bin', 'wb').write(open(os.environ['INPUT_FILM'], 'rb').read())"
STRICT = ("--strict", "--module", "nodenext", "--target", "es2022", "--types", "node", "--noUncheckedIndexedAccess")


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`main_job.js`, made with nothing but the document."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(modules())
    (folder / "package.json").write_text('{"type": "module"}')
    page: Any = object()
    (folder / "openapi.json").write_text(json.dumps(create_api(page).openapi()))
    shutil.copy(Path(__file__).with_name("main_job.ts"), folder)
    bin = "node_modules/.bin"
    run(folder, f"{bin}/openapi-typescript", "openapi.json", "-o", "api.d.ts", "--default-non-nullable", "false")
    run(folder, f"{bin}/tsc", *STRICT, "main_job.ts")
    return folder / "main_job.js"


def test_K4_a_typed_client_uploads_makes_starts_waits_reads_and_downloads(
    lab: Callable[..., Lab], program: Path
) -> None:
    here = lab(stage("one", PROGRAM, artifacts="{paths: [copy.bin]}"))
    here.repository.fetch()
    text = here.repository.read_main("pipelines/p.yaml") or ""
    here.edit({"pipelines/p.yaml": text.replace("stages:", "inputs: {film: {type: file}}\nstages:", 1)})
    (here.folder / "film.bin").write_bytes(bytes(range(256)) * 40)
    made = House(here)
    try:
        found = json.loads(run(program.parent, "node", program.name, made.url, str(here.folder / "film.bin")))
    finally:
        made.close()
    assert found["state"] == "succeeded"
    assert "begun" in found["log"]
    assert "copy.bin" in found["paths"]
    assert found["same"]
    assert "every stage is done" in found["refused"]["text"]
