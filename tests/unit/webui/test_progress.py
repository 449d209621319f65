"""Progress of what runs on other nodes: asked for in the background, seldom, and forgotten when a node is away."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner import launch_progress
from runner.launch_progress import Preparing
from runner.store.errors import NotFound
from schema.execution import Execution
from webui.source.view_source import Look
from webui.views import progress
from webui.views.progress import EVERY, KEPT, RESTS, ProgressReader

MINE, OTHER = "a" * 32, "b" * 32


class There:
    """Other nodes; `answers` is what they say, or why they do not."""

    def __init__(self) -> None:
        self.asked, self.now = list[str](), 0.0
        self.slow = threading.Event()
        self.slow.set()
        self.answers: Mapping[str, float] | Exception = {OTHER: 42.0}

    def ask(self, look: Look, node: str, containers: Sequence[str]) -> Mapping[str, float]:
        self.slow.wait(10)
        self.asked.append(node)
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


def record(node: str, container: str, state: str = "running") -> Execution:
    return Execution.model_validate({
        "execution": 1, "stage": "one", "chain": 1, "request": "0001-start.yaml", "state": state,
        "claim": {"id": container, "container": container, "node": node, "incarnation": "i", "epoch": 1},
    })  # fmt: skip


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> There:
    monkeypatch.setattr(progress, "running", lambda snapshot, node: [OTHER])
    return There()


def known(there: There, tmp_path: Path) -> ProgressReader:
    return ProgressReader(tmp_path, lambda: there.now, there.ask)


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "progress":
            thread.join(10)


LOOK: Any = Look(snapshot=None, heard=0.0, node="n1")  # type: ignore[arg-type]


def test_another_node_is_asked_seldom_and_nobody_waits_for_it(there: There, tmp_path: Path) -> None:
    found = known(there, tmp_path)
    there.slow.clear()
    assert found.of(LOOK, record("n2", OTHER)) is None
    there.slow.set()
    settle()
    assert found.of(LOOK, record("n2", OTHER)) == 42.0
    settle()
    assert there.asked == ["n2"]
    there.now = EVERY
    found.of(LOOK, record("n2", OTHER))
    settle()
    assert there.asked == ["n2", "n2"]


def test_what_a_node_said_is_forgotten_when_it_is_away_and_it_is_left_alone(there: There, tmp_path: Path) -> None:
    found = known(there, tmp_path)
    found.of(LOOK, record("n2", OTHER))
    settle()
    there.answers = NotFound("too old")
    for there.now in (EVERY, EVERY + 1, KEPT):
        assert found.of(LOOK, record("n2", OTHER)) == 42.0
        settle()
    there.now = KEPT + 1
    assert found.of(LOOK, record("n2", OTHER)) is None
    assert len(there.asked) == 2
    there.now, there.answers = EVERY + RESTS, {OTHER: 50.0}
    found.of(LOOK, record("n2", OTHER))
    settle()
    assert found.of(LOOK, record("n2", OTHER)) == 50.0


def test_here_it_is_read_and_what_has_ended_has_none(there: There, tmp_path: Path) -> None:
    (tmp_path / "runs" / MINE / "io").mkdir(parents=True)
    file = tmp_path / "runs" / MINE / "io" / "progress"
    file.write_text("7\n")
    found = known(there, tmp_path)
    assert found.of(LOOK, record("n1", MINE)) == 7.0
    file.write_text("")
    assert found.of(LOOK, record("n1", MINE)) == 7.0, "it is being written anew"
    assert found.of(LOOK, record("n2", OTHER, "succeeded")) is None
    assert not there.asked


def test_how_far_the_preparation_was_is_not_said_of_the_program(there: There, tmp_path: Path) -> None:
    run = tmp_path / "runs" / MINE
    run.mkdir(parents=True)
    found = known(there, tmp_path)
    launch_progress.show(run, Preparing("hashing rec.mp4", 98.0))
    assert found.of(LOOK, record("n1", MINE)) == 98.0
    launch_progress.show(run, None)
    assert found.of(LOOK, record("n1", MINE)) is None
