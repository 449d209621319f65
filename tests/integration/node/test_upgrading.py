"""Nodes are upgraded one after the other while they have work: no stage notices."""

from collections import Counter
from collections.abc import Callable
from functools import partial

from schema.execution import State
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage

Labs = Callable[..., Lab]
PROJECTS = 6


def test_L8_nodes_that_are_restarted_one_by_one_under_load_restart_no_stage(lab: Labs) -> None:
    """Four run, two wait; then a new process of each node in turn, twice, with a start asked for in between."""
    program = f"print(os.environ['WINSLOW_PROJECT'], file=open(os.environ['RUNS'], 'a')); {UNTIL_TOLD}"
    told = lab(stage("one", program), lost_after="60s")  # longer than a restart takes, as by default
    told.edit({f"projects/w{number}/project.yaml": "pipeline: p\n" for number in range(PROJECTS)})
    nodes = {name: told.node(name) for name in ("n1", "n2")}
    for number in range(PROJECTS - 1):
        told.ask("request: start", f"w{number}")
    told.until(lambda _: len(running(told)) == 4)
    before = claims(told)
    for turn in range(2):
        for name in nodes:
            assert nodes[name].stop() == 0
            if turn == 0 and name == "n1":
                told.ask("request: start", f"w{PROJECTS - 1}")
            nodes[name] = told.node(name)
            told.until(partial(lambda node, _: _is_back(told, node), name))
    assert {claim for claim in claims(told) if claim in before} == before  # the very same executions run on
    told.go()
    for number in range(PROJECTS):
        view = told.until_reason("Done", f"w{number}")
        assert [(record.attempt, record.state) for record in view.executions] == [(1, State.SUCCEEDED)]
    programs = Counter(line for line in told.ran() if line != "one")
    assert programs == {f"w{number}": 1 for number in range(PROJECTS)}


def _is_back(told: Lab, name: str) -> bool:
    inventory = told.repository.fetch().inventories[name]
    return inventory.away is None


def running(told: Lab) -> list[str]:
    return [line for line in told.ran() if line != "one"]


def claims(told: Lab) -> set[str]:
    views = told.repository.fetch().projects.values()
    return {record.claim.id for view in views for record in view.executions if record.state.active}
