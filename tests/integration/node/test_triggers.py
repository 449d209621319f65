"""Triggers by real nodes on a real repository: files of the pool, ends of projects, and the clock."""

import json
import time
from collections.abc import Callable

import pytest

from flow.project.replies import steps_of
from schema.reasons import Wait
from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab, stage

Make = Callable[[str], Lab]
WATCHED = """
pool: {files: "*.txt", settle: 200ms}
create: {pipeline: q, name: "$[[ file.name ]]", inputs: {text: "$[[ file.path ]]"}}
"""
AFTER = "project: {name: v}\nstart: {project: w}\n"
READING = """
name: q
inputs: {text: {type: file}}
stages:
  - {name: read, image: host/python, command: [python, -c, "import os; print(open(os.environ['INPUT_TEXT']).read())"]}
"""


@pytest.fixture(autouse=True)
def _with_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TRIGGERS", "1")


def until(condition: Callable[[], bool], lab: Lab) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "\n".join(p.read_text()[-2000:] for p in lab.folder.glob("*.log"))
        time.sleep(0.1)


def made(lab: Lab, trigger: str) -> list[str]:
    return [id for id in lab.repository.fetch().projects if id.startswith(f"{trigger}-")]


def test_G8_two_nodes_make_one_project_of_a_new_file_and_run_it(lab: Make) -> None:
    here = lab(stage("a"))
    here.edit({"pipelines/q.yaml": READING, "triggers/arrived.yaml": WATCHED})
    for name in ("n1", "n2"):
        (here.folder / name / "pool").mkdir(parents=True)
        here.node(name)
    notes = [here.folder / name / "node" / "trigger-files" for name in ("n1", "n2")]
    until(lambda: all(path.exists() for path in notes), here)
    for name in ("n1", "n2"):
        (here.folder / name / "pool" / "drone.txt").write_text("frames")
    until(lambda: bool(made(here, "arrived")), here)
    [id] = made(here, "arrived")
    view = here.until(lambda view: bool(view.replies) and steps_of(view).wait is not None, id)
    view = here.until_reason("Done", id)
    assert view.project
    assert (view.project.name, len(view.executions), len(view.replies)) == ("drone.txt", 1, 1)
    assert made(here, "arrived") == [id]


def test_G8_an_end_starts_another_project_and_a_time_that_passed_is_caught_up_once(lab: Make) -> None:
    here = lab(stage("a"))
    project = "pipeline: p\n"
    hourly = "schedule: {cron: '0 * * * *'}\nstart: {project: x}\n"
    here.edit({f"projects/{id}/project.yaml": project for id in ("w", "x")} | {"triggers/after.yaml": AFTER})
    here.edit({"triggers/hourly.yaml": hourly})
    for name in ("n1", "n2"):
        known = {"hourly": {"seen": "0 * * * * UTC", "begun": time.time() - 3 * 3600}}
        (here.folder / name / "node").mkdir(parents=True)
        (here.folder / name / "node" / "triggers").write_text(json.dumps(known))
        here.node(name)
    here.until_reason("Done", "x")
    notes = [here.folder / name / "node" / "triggers" for name in ("n1", "n2")]
    until(lambda: all("after" in path.read_text() for path in notes), here)
    here.ask("request: start\n")
    here.until_reason("Done", "v")
    here.until_reason("Done", "w")
    time_of = here.view("x").replies
    assert [reply.request.startswith("start-hourly-") for reply in time_of] == [True]
    assert [reply.request for reply in here.view("w").replies] == ["start-after-v.1.yaml"]
    reply = here.view("w").replies[0]
    assert reply.by == "trigger after <winslow@winslow.invalid>"
    assert reply.comment == "by trigger after: v succeeded"


def test_a_node_without_the_right_to_main_goes_on_and_says_so(lab: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    here = lab(stage("a"))
    here.edit({"triggers/after.yaml": AFTER, "projects/w/project.yaml": "pipeline: p\n"})
    hook = here.remote / "hooks" / "pre-receive"
    node = here.node()
    until(lambda: (here.folder / "n1" / "node" / "triggers").exists(), here)
    here.ask("request: start\n")
    hook.write_text("#!/bin/sh\nwhile read old new ref; do [ $ref != refs/heads/main ] || exit 1; done\n")
    here.until_reason("Done", "v")
    until(lambda: "trigger after: " in (here.folder / "n1.log").read_text(), here)
    assert "refused" in (here.folder / "n1.log").read_text()
    node.stop()
    assert (
        steps_of(GitRepository(here.url, here.folder / "x.git").fetch().projects["w"]).waits[0].reason
        is Wait.NOT_STARTED
    )
