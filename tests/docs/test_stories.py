"""Each page as its reader lives it: the blocks are run in order, against real nodes, in an empty folder."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docs import images
from tests.docs.pages import ROOT, blocks
from tests.docs.sshd import SshServer
from tests.docs.terminals import Terminals, environment
from tests.integration.slurm import loopback

PROJECTS = ("crossing", "rehearsal")
"""That docs/operating.md takes for granted."""


@dataclass(frozen=True)
class Story:
    """`expected`: what a block that ends in this line must have said. `setting`: what the page takes for granted."""

    expected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    setting: Callable[[Terminals, ExitStack], None] = lambda terminals, stack: None


def _in_the_sources(terminals: Terminals, stack: ExitStack) -> None:
    terminals.folder = ROOT


def _with_a_node(terminals: Terminals, stack: ExitStack) -> None:
    terminals.start("node", "winslowctl up lab.git --runner process")
    terminals.exports = f"export WINSLOW_REPO={terminals.folder}/lab.git WINSLOW_DATA={terminals.folder}/lab.git.node\n"


def _in_the_example(terminals: Terminals, stack: ExitStack) -> None:
    example = terminals.folder / "example"
    shutil.copytree(ROOT / "example-state-repo", example)
    terminals.folder = example
    terminals.replaced = {
        "/path/to/images": f"{example}/images",
        "/path/to/clip.mp4": f"{example}/POOL/synthetic/video.mp4",
        "--frames 300": "--frames 60",
    }


def _with_a_server(terminals: Terminals, stack: ExitStack) -> None:
    folder = terminals.folder
    server = SshServer(folder / "sshd")
    stack.callback(server.close)
    (folder / "srv" / "git").mkdir(parents=True)
    terminals.environment["PATH"] = f"{server.programs()}:{terminals.environment['PATH']}"
    terminals.replaced = {"/srv/git": f"{folder}/srv/git", "/var/lib/winslow": f"{folder}/{{}}/var/lib/winslow"}


def _with_a_running_lab(terminals: Terminals, stack: ExitStack) -> None:
    _with_a_server(terminals, stack)
    repository = f"{terminals.folder}/srv/git/lab.git"
    for command in (f"init --bare {repository}", *(f"projects create {id} --pipeline hello" for id in PROJECTS)):
        terminals.exports = f"export WINSLOW_REPO={repository}\n"
        assert terminals.run(f"winslowctl {command}") == 0, terminals.said


def _with_an_engine(terminals: Terminals, stack: ExitStack) -> None:
    terminals.environment["DOCKER_HOST"] = images.engine()
    terminals.replaced = images.stand_ins()
    stack.callback(images.remove_containers, terminals.folder)


def _with_a_cluster(terminals: Terminals, stack: ExitStack) -> None:
    terminals.environment["SLURM_CONF"] = str(loopback.need().configuration)


STORIES = {
    "README.md": Story({"winslowctl wait first && winslowctl compare first/1 first/3": ("who",)}),
    "docs/start.md": Story(
        {
            "winslowctl describe first": ("hello world", "greeting.txt", "succeeded"),
            "cat kept.txt": ("Are these the right words?", "execution 1 of w", "exactly"),
            "winslowctl compare w/2 w/3": ("least", "kept", "-3"),
            "winslowctl redo w --stage longset": ("did you mean 'longest'", "nothing was committed"),
            "winslowctl nodes --repo fleet.git": ("one ", "two ", "process"),
        }
    ),
    "docs/two-nodes.md": Story(
        {
            "winslowctl doctor --data /var/lib/winslow": ("git version", "0 projects", "node refs"),
            "winslowctl nodes": ("gpu-01", "gpu-02"),
            "winslowctl describe first": ("succeeded", "gpu-0"),
            "winslowctl logs first": ("letters",),
            "winslowctl events": ("gpu-02",),
            "git push -q": ("nodes/gpu-01.yaml:1:1", "did you mean 'drain'"),
        },
        _with_a_server,
    ),
    "docs/slurm.md": Story(
        {
            "sinfo --summarize": ("main",),
            "winslowctl nodes": ("cluster", "slurm"),
            "winslowctl describe first": ("greet", "succeeded"),
        },
        _with_a_cluster,
    ),
    "docs/own-program.md": Story({}, _with_an_engine),
    "docs/operating.md": Story({}, _with_a_running_lab),
    "docs/contributing.md": Story({}, _in_the_sources),
    "example-state-repo/README.md": Story({}, _in_the_example),
    "cli/template/README.md": Story({"winslowctl logs first": ("letters",)}, _with_a_node),
}


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    desk = tmp_path / "desk"
    desk.mkdir()
    found = Terminals(desk, environment(tmp_path))
    yield found
    found.close()


@pytest.mark.timeout(280)
@pytest.mark.parametrize("page", STORIES)
def test_the_page_works_as_it_is_written(page: str, terminals: Terminals) -> None:
    story = STORIES[page]
    seen = set()
    with ExitStack() as stack:
        story.setting(terminals, stack)
        for block in blocks(ROOT / page):
            terminals.play(block)
            expected = story.expected.get(block.last, ())
            seen.add(block.last)
            assert [word for word in expected if word not in terminals.said] == [], terminals.said
        terminals.close()
    assert set(story.expected) <= seen, "an expected line is no longer the last of a block"
