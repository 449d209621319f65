"""What becomes of work whose records were lost for good: what people are told, what nodes do, and that all goes on."""

import os
import subprocess
import sys
from collections.abc import Callable

from schema import layout
from schema.execution import State
from state.edits.lost_tips import LostRecord, find, lost_records
from state.git.git_repository import GitRepository
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage
from tests.integration.node.test_exclusive import until
from tests.integration.node.test_upkeep import git

Labs = Callable[..., Lab]


def said(lab: Lab, node: str, text: str) -> None:
    until(lambda: text in (lab.folder / f"{node}.log").read_text())


def recover(lab: Lab, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli.main", "--repo", lab.url, "--data", str(lab.folder / "n1"), "recover", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})


def branch_that_went_on(lab: Lab) -> str:
    """n1 runs v/1 and is killed; the state goes back to before; n2, who never saw it, makes v/1 anew. The lost tip."""
    first = lab.node()
    lab.until(lambda _: "n1" in lab.repository.fetch().inventories)
    night = lab.repository.fetch()
    lab.ask("request: start")
    lab.until_state(State.RUNNING)
    until(lambda: lab.ran() == ["long"])
    first.kill()
    lost = lab.repository.fetch().state
    git(lab.remote, ["update-ref", layout.STATE, night.state])
    lab.node("n2")
    lab.until(lambda view: any(e.claim.node == "n2" and e.state is State.RUNNING for e in view.executions))
    until(lambda: lab.ran() == ["long", "long"])
    return lost


def test_F11_what_is_lost_for_good_is_named_where_it_ran_and_all_goes_on(lab: Labs) -> None:
    here = lab(stage("long", UNTIL_TOLD), lost_after="120s")
    lost = branch_that_went_on(here)
    here.node()
    said(here, "n1", "went back")
    said(here, "n2", "halted")
    people = GitRepository(here.url, here.folder / "people.git")
    [found] = find(people, [here.folder / "n1" / "clone.git"])
    assert lost_records(people, found) == [LostRecord("v", 1, "long", "n1", "running", "running")]
    done = recover(here, "--let-stand", lost, "--yes")
    assert done.returncode == 0, done.stderr
    assert "v/1 (long) on n1, running, is lost; its number is running now" in done.stderr
    said(here, "n1", "the record of v/1 (long) was lost with commits of winslow/state, and is n2's")
    here.go()
    [record] = here.until_reason("Done").executions
    assert (record.claim.node, record.state, here.ran()) == ("n2", State.SUCCEEDED, ["long", "long"])
    assert "nothing to recover" in recover(here).stdout
    assert not list((here.folder / "n1" / "node" / "claims").iterdir())
