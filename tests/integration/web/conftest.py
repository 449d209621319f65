"""The page on a real repository, without a node: the tests play the node."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from state.contract.repository import Edit
from state.edits.main import commit_edit
from state.git.git_repository import GitRepository
from state.server.setup import init
from webui.asgi.app import create_app
from webui.pages import login
from webui.site import Page
from webui.source.fleet import Fleet
from webui.source.outbox import Outbox
from webui.source.view_source import Look, OwnSource

AUTHOR = "Ada Lovelace <ada@example.org>"
PIPELINE = """name: p
inputs:
  threshold: {type: number, default: 0.5, min: 0, max: 1}
stages:
  - {name: detect, image: host/x, command: [echo, hi]}
  - {name: review, when: manual, confirm: Good enough?, inputs: {keep: {type: boolean, default: true}}}
"""
FILES = {
    "winslow.yaml": "schema: 1\n",
    "pipelines/p.yaml": PIPELINE,
    "projects/ulm/project.yaml": "name: Ulm crossing\npipeline: p\ntags: [drone]\n",
    "projects/bonn/project.yaml": "pipeline: p\n",
}


@dataclass
class Bench:
    """`browser` asks the page; `repository` is a person's clone."""

    folder: Path
    repository: GitRepository
    source: OwnSource
    outbox: Outbox
    browser: TestClient

    def commit(self, files: dict[str, str | None]) -> None:
        commit_edit(self.repository, lambda _: Edit(files, "edit", AUTHOR), sleep=lambda _: None)
        self.look()

    def look(self) -> Look:
        """The page sees what there is now."""
        self.source.refresh()
        return self.source.look()

    def token(self, path: str) -> str:
        return self.browser.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]

    def ask(self, project: str, **form: str):  # type: ignore[no-untyped-def]
        form["csrf_token"] = self.token(f"/projects/{project}")
        return self.browser.post(f"/projects/{project}/requests", data=form, follow_redirects=False)

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"


def silent(folder: Path) -> Outbox:
    """Commits nothing."""
    return Outbox(folder / "silent", lambda: GitRepository(str(folder / "remote.git"), folder / "page.git"), push=False)


@pytest.fixture(autouse=True)
def _no_attempts_yet() -> None:
    login._attempts.storage.reset()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as each test finds it; made once, as its hook takes long."""
    return made(tmp_path_factory, FILES)


def made(folders: pytest.TempPathFactory, files: dict[str, str]) -> Path:
    remote = folders.mktemp("model") / "remote.git"
    init(remote, bare=True, files=files, author=AUTHOR)
    return remote


@pytest.fixture
def bench(tmp_path: Path, model: Path) -> Iterator[Bench]:
    shutil.copytree(model, tmp_path / "remote.git", symlinks=True)
    url = str(tmp_path / "remote.git")
    source = OwnSource(GitRepository(url, tmp_path / "view.git"), poll=3600)
    outbox = Outbox(tmp_path / "outbox", lambda: GitRepository(url, tmp_path / "page.git"))
    page = Page(source, outbox, lambda: AUTHOR, b"secret", tmp_path, Fleet(source.use))
    with TestClient(create_app(page), base_url="http://localhost") as browser:
        made = Bench(tmp_path, GitRepository(url, tmp_path / "person.git"), source, outbox, browser)
        made.look()
        yield made
