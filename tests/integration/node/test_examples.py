"""Examples of other systems, rewritten as our pipelines: all of them by a real node, and each comes out as it says."""

from collections.abc import Callable
from pathlib import Path

from flow.project.replies import steps_of
from flow.status.states import project_state
from schema import layout
from tests.integration.node.lab import Lab

Make = Callable[[str], Lab]
FOLDER = Path(__file__).parents[3] / "examples" / "graphs"
DONE, FAILED, SKIPPED, PASSED = "done", "failed", "skipped", "passed"
OUTCOMES: dict[str, tuple[dict[str, str], str]] = {
    "gitlab-needs": (dict.fromkeys(("build-a", "build-b", "test-a", "test-b", "deploy"), DONE), "ab"),
    "gitlab-matrix": (dict.fromkeys(("deploy", "smoke"), DONE), "all are there"),
    "gitlab-rules": (
        {"lint": FAILED, "test": DONE, "release": DONE, "preview": SKIPPED, "rescue": PASSED, "report": DONE},
        "report",
    ),
    "gitlab-extends": (dict.fromkeys(("unit", "slow"), DONE), "slow 1"),
    "argo-diamond": (dict.fromkeys("abcd", DONE), "AB AC"),
    "argo-loop": (dict.fromkeys(("generate", "square", "sum"), DONE), "sum 1325"),
    "argo-coinflip": ({"flip": DONE, "heads": DONE, "tails": SKIPPED, "after": DONE}, "over"),
    "argo-recursion": (dict.fromkeys(("flip", "after"), DONE), "3 flips"),
    "dagu-parallel": (
        {"extract": DONE, "users": DONE, "orders": DONE, "audit": FAILED, "load": DONE},
        "3 users, 3 orders",
    ),
    "dagu-preconditions": ({"check": DONE, "work": SKIPPED, "mail": SKIPPED, "log": DONE}, "logged"),
}
"""Where each stage stands at the end, and what the last program says."""


def test_there_is_an_outcome_for_each_example() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(OUTCOMES)
    table = (FOLDER / "README.md").read_text()
    assert all(f"]({name}.yaml)" in table for name in OUTCOMES)


def test_G1_G3_G4_G5_G6_G9_examples_of_other_systems_run_as_they_say(lab: Make) -> None:
    here = lab("  - {name: x, image: host/python}\n")
    files: dict[str, str | None] = {}
    for name in OUTCOMES:
        files[layout.pipeline(name)] = (FOLDER / f"{name}.yaml").read_text()
        files[layout.project(name)] = f"pipeline: {name}\n"
        files[layout.request(name, "0001-start.yaml")] = "request: start\n"
    here.edit(files)
    here.node()
    for name, (stages, said) in OUTCOMES.items():
        view = here.until(lambda view: bool(view.replies) and steps_of(view).wait is not None, name)
        view = here.until(lambda view: not steps_of(view).active and not view.unanswered, name)
        standing = {each.stage: each.status for each in steps_of(view).standings}
        assert standing == stages, name
        assert project_state(here.repository.fetch(), view).state == "succeeded", name
        newest = view.executions[-1]
        logs = [here.repository.read_text(layout.log(name, e.execution, e.slot)) or "" for e in view.executions]
        assert any(said in log for log in logs), (name, newest.slot, logs)
