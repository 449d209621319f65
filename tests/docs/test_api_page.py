"""The commands of docs/api.md, typed in order against a page beside a node."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from state.git.git_repository import GitRepository
from tests.docs.pages import ROOT, blocks
from tests.integration.node.lab import Lab, stage
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

PAGE = ROOT / "docs" / "api.md"
GATE = "  - {name: review, when: manual, inputs: {keep: {type: boolean, default: true}}}\n"
EXPECTED = (
    ('"state":"needs_input"', '"asks":{"stage":"review"', "counted", '"digest":"blake3:', '"event":"claim"', '"n1"'),
    ('"sent":true', '"0002-answer.yaml"'),
    ('"sent":true',),
    ("winslow-digest: blake3:", '"name":"morning.mp4"'),
)
"""What each block must have said."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address of a page that shows a project at its gate."""
    here = Lab(tmp_path / "lab", stage("one", "print('counted')"))
    try:
        text = str(here.repository.fetch() and here.repository.read_main("pipelines/p.yaml"))
        files: dict[str, str | None] = {
            "pipelines/traffic.yaml": text.replace("name: p", "name: traffic", 1) + GATE,
            "projects/crossing/project.yaml": "pipeline: traffic\n",
        }
        here.edit(files)
        here.node()
        here.ask("request: start", "crossing")
        here.until(lambda view: bool(view.executions) and not view.executions[-1].state.active, "crossing")
        data = here.folder / "n1"
        outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
        page = Page(NodeSource(data), outbox, lambda: "Ada <ada@example.org>", b"secret", data)
        server = uvicorn.Server(uvicorn.Config(create_app(page), port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        here.until(lambda view: server.started and page.source.look().snapshot.projects["crossing"] == view, "crossing")
        (tmp_path / "morning.mp4").write_bytes(b"film" * 1000)
        yield tmp_path, f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join(30)
    finally:
        here.close()


def run(folder: Path, text: str) -> str:
    said = subprocess.run(
        ["sh", "-c", text], cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False
    )
    assert said.returncode == 0, (text, said.stdout, said.stderr)
    return said.stdout


def test_the_commands_of_the_page_about_the_api_work(desk: tuple[Path, str]) -> None:
    folder, address = desk
    typed = "set -e\n"
    found = [block for block in blocks(PAGE) if block.kind == "tested by"]
    for block, expected in zip(found, EXPECTED, strict=True):
        text = block.text.replace("127.0.0.1:8484", address)
        said = run(folder, typed + text)
        deadline = time.monotonic() + 30
        while any(word not in said for word in expected) and time.monotonic() < deadline:
            time.sleep(0.2)  # the page sees a commit within a poll of its node; the last command of a block looks
            said += run(folder, typed + text.rstrip().splitlines()[-1])
        assert [word for word in expected if word not in said] == [], said
        typed += "".join(
            line.replace("127.0.0.1:8484", address) + "\n" for line in block.text.splitlines() if "export" in line
        )
