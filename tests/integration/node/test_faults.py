"""Faults of the server and crowds, on real nodes and real git: what came of them is read from the history alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pygit2

from schema import layout
from schema.execution import State
from state.contract.commit_message import Read, parse
from tests.integration.node.lab import HANG, Lab, stage

Labs = Callable[..., Lab]
WAITS = "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]"
NO_ANSWER = """#!/bin/sh
# After the first push that does this has landed, the server dies before it says so.
while read -r old new ref; do
  if [ ! -e no-answer ] && git log --format=%s "$old..$new" | grep -q "^{verb} "; then
    git log --format='%(trailers:key=Winslow-Claim,valueonly)' "$old..$new" >no-answer
    kill -9 $PPID
  fi
done
"""


def lose_the_answer_to(lab: Lab, verb: str) -> None:
    hook = lab.remote / "hooks" / "post-receive"
    hook.write_text(NO_ANSWER.format(verb=verb))
    hook.chmod(0o755)


def history(lab: Lab) -> list[Read]:
    repo = pygit2.Repository(str(lab.remote))
    return [parse(commit.message) for commit in repo.walk(repo.references[layout.STATE].target)]


def verbs(lab: Lab) -> list[str]:
    return [each.trailers.get("Event", "") for each in history(lab)]


def test_F1_eight_nodes_and_one_stage_make_one_claim_and_one_container(lab: Labs) -> None:
    here = lab(stage("one"), lost_after="20s")
    names = [f"n{number}" for number in range(8)]
    for name in names:
        here.node(name)
    here.until(lambda view: here.repository.fetch().heartbeats.keys() >= set(names))
    here.ask("request: start")
    view = here.until_reason("Done")
    assert [(each.execution, each.claim.epoch, each.state) for each in view.executions] == [(1, 1, State.SUCCEEDED)]
    assert verbs(here).count("claim") == 1
    assert here.ran() == ["one"]
    assert len(list(here.folder.glob("*/runs/*"))) == 1


def test_F2_a_claim_whose_answer_was_lost_is_launched_once_as_it_is(lab: Labs) -> None:
    here = lab(stage("one"))
    lose_the_answer_to(here, "claim")
    here.node()
    here.ask("request: start")
    [record] = here.until_reason("Done").executions
    here.until(lambda _: (here.remote / "no-answer").exists())  # the hook writes it after the ref has moved
    assert (record.state, record.claim.epoch) == (State.SUCCEEDED, 1)
    assert verbs(here).count("claim") == 1
    assert here.ran() == ["one"]


def test_F2_a_result_whose_answer_was_lost_counts_once(lab: Labs) -> None:
    here = lab(stage("one"))
    lose_the_answer_to(here, "succeed")
    here.node()
    here.ask("request: start")
    [record] = here.until_reason("Done").executions
    here.until(lambda _: (here.remote / "no-answer").exists())  # the hook writes it after the ref has moved
    assert (record.state, record.claim.epoch) == (State.SUCCEEDED, 1)
    assert verbs(here).count("succeed") == 1
    assert here.ran() == ["one"]


def test_F10_four_stages_end_while_the_server_is_away_and_nobody_takes_them_over(lab: Labs) -> None:
    lost_after = 4.0
    here = lab(stage("one", WAITS), lost_after=f"{lost_after:g}s")
    projects = [f"p{number}" for number in range(4)]
    wanted: dict[str, str | None] = {layout.project(id): "pipeline: p\n" for id in projects}
    here.edit({**wanted, layout.project("v"): None})
    here.node("n1")
    here.node("n2")
    for id in projects:
        here.ask("request: start", id)
    for id in projects:
        here.until(lambda view: [each.state for each in view.executions] == [State.RUNNING], id)
    here.take_away()
    gone = time.monotonic()
    Path(f"{here.runs}.go").touch()
    while len(list(here.folder.glob("n*/node/outbox/*.json"))) < 4 or time.monotonic() < gone + 1.5 * lost_after:
        assert time.monotonic() < gone + HANG, "the stages did not end"
        time.sleep(0.1)
    here.bring_back()
    for id in projects:
        here.until(lambda view: [each.state for each in view.executions] == [State.SUCCEEDED], id)
    assert {each.claim.epoch for id in projects for each in here.view(id).executions} == {1}
    assert not {"lose", "take-back", "supersede"} & set(verbs(here))
    assert len(here.ran()) == 4


@contextmanager
def growing(file: Path) -> Iterator[None]:
    """Somebody copies it there, without a pause."""
    over = threading.Event()

    def write() -> None:
        with file.open("wb", buffering=0) as target:
            while not over.wait(0.001):
                target.write(b"x" * 4096)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def test_M7_an_input_that_still_grows_is_waited_for_once_said_and_can_be_aborted(lab: Labs) -> None:
    here = lab(stage("one"))
    pipeline = f"name: p\nenv: {{RUNS: {here.runs}}}\ninputs: {{video: {{type: file}}}}\nstages:\n{stage('one')}"
    here.edit({"pipelines/p.yaml": pipeline, "projects/v/project.yaml": "pipeline: p\ninputs: {video: rec.mp4}\n"})
    pool = here.folder / "n1" / "pool"
    pool.mkdir(parents=True)
    with growing(pool / "rec.mp4"):
        here.node()
        here.ask("request: start")
        here.until(lambda view: "still written to" in (here.folder / "n1.log").read_text())
        waits = here.until_state(State.PREPARING).execution(1)
        assert waits
        assert "still written to" in waits.text
        here.ask("request: abort")
        here.until_state(State.ABORTED)
        here.ask("request: resume")
        here.until(lambda view: view.execution(2) is not None)
    here.until_state(State.SUCCEEDED, 2)
    assert here.ran() == ["one"]
    assert (here.folder / "n1.log").read_text().count("v/1: ") == 1
