"""Stages that branch, join and have points, by a real node: one project after another through the same stages."""

from collections.abc import Callable

import pytest

from runner.store.tree import Tree
from runner.store.workspaces import Workspaces
from schema.execution import Execution, State
from schema.reasons import End
from tests.integration.node.lab import Lab

Make = Callable[[str], Lab]
STAGES = """
  - {name: cut, image: host/python, command: [python, -c, "import os; open('cut', 'w').write('cut');
      print('parts=[1, 2, 3]', file=open(os.environ['WINSLOW_RESULT'], 'w'))
      "]}
  - name: work
    image: host/python
    parallel: {for_each: "$[[ stages.cut.values.parts ]]", as: part}
    command: [python, -c, "import os; part = os.environ['INPUT_PART'];
      open('same', 'w').write(open('cut').read() + part);
      print('part=' + part, file=open(os.environ['WINSLOW_RESULT'], 'w'))"]
  - {name: other, image: host/python, needs: [cut], command: [python, -c, "open('same', 'w').write('other')"]}
  - {name: never, image: host/python, needs: [cut], if: "stages.cut.values.parts == 'none'", command: [python]}
  - name: join
    image: host/python
    needs: [other, work, {stage: never, optional: true}]
    command: [python, -c, "import os, pathlib, sys; needs = pathlib.Path(os.environ['WINSLOW_NEEDS']);
      seen = ' '.join((needs / p / 'same').read_text() for p in ('other', 'work/1', 'work/2', 'work/3'));
      open('all', 'w').write(seen + ' ' + sys.argv[1])", "$[[ stages.work.values.part ]]"]
"""


def text(lab: Lab, record: Execution, path: str) -> str:
    assert record.result
    assert record.result.manifest
    tree: Tree = Workspaces(lab.folder / "n1").tree(record.result.manifest)
    return tree.read(path, 1000).decode()


def slots(records: tuple[Execution, ...]) -> list[str]:
    return sorted(record.slot for record in records)


def test_G3_G4_a_join_sees_the_result_of_every_need_and_a_point_is_redone_alone(lab: Make) -> None:
    here = lab(STAGES)
    here.node()
    here.ask("request: start\n")
    view = here.until_reason("Done")
    assert slots(view.executions) == ["cut", "join", "other", "work.1", "work.2", "work.3"]
    join = next(record for record in view.executions if record.stage == "join")
    assert text(here, join, "all") == "other cut1 cut2 cut3 [1, 2, 3]"
    assert text(here, join, "same") == "other"
    assert "stages.cut.values.parts ([1, 2, 3]) == 'none'" in join.conditions["never"]
    known = {each.execution: each for each in view.executions}
    for stage, needed in join.needs.items():
        for each in needed:
            made = known[each.execution]
            assert (made.stage, made.result and made.result.manifest) == (stage, each.manifest)
    here.ask("request: start\nstage: work.2\n")
    again = here.until(lambda view: len(view.replies) == 2 and len(view.executions) == 8)
    here.until_reason("Done")
    assert slots(again.executions[6:]) == ["join", "work.2"]


def test_G6_fail_fast_ends_what_runs(lab: Make) -> None:
    stages = """
  - {name: slow, image: host/python, command: [python, -c, "import time; time.sleep(600)"]}
  - {name: bad, image: host/python, needs: [], command: [python, -c, "raise SystemExit(3)"]}
"""
    here = lab(stages)
    here.edit({"pipelines/p.yaml": f"name: p\nfail_fast: true\nstages:\n{stages}"})
    here.node()
    here.ask("request: start\n")
    view = here.until_reason("Failed")
    ended = {record.stage: (record.state, record.reason) for record in view.executions}
    assert ended == {"slow": (State.ABORTED, End.FAIL_FAST), "bad": (State.FAILED, End.EXIT_CODE)}


@pytest.mark.parametrize("target", ["execution: 2", "stage: work.1"])
def test_G4_one_point_is_aborted_and_the_others_come_to_their_end(lab: Make, target: str) -> None:
    stages = """
  - {name: cut, image: host/python, command: [python, -c, "print(1)"]}
  - name: work
    image: host/python
    parallel: {matrix: {seconds: [600, 0, 0]}, max: 2}
    command: [python, -c, "import os, time; time.sleep(int(os.environ['INPUT_SECONDS']))"]
"""
    here = lab(stages)
    here.node()
    here.ask("request: start\n")
    here.until(lambda view: any(e.slot == "work.1" and e.state is State.RUNNING for e in view.executions))
    here.ask(f"request: abort\n{target}\n")
    view = here.until_reason("Failed")
    assert {e.slot: e.state for e in view.executions if e.stage == "work"} == {
        "work.1": State.ABORTED,
        "work.2": State.SUCCEEDED,
        "work.3": State.SUCCEEDED,
    }
