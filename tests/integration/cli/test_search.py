"""A search by two real nodes: each trial once, and the best first when they are compared."""

from collections.abc import Callable

from schema.execution import State
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
PIPELINE = """
name: p
inputs: {x: {type: number, default: 0}}
stages:
  - name: fit
    image: host/python
    command: [python, -c, "import json, os; x = float(os.environ['INPUT_X']);
      json.dump({'score': -abs(x - 3)}, open('metrics.json', 'w'))"]
    artifacts: {paths: [metrics.json], reports: {metrics: metrics.json}}
"""


def test_G7_two_nodes_search_without_a_master(lab: Labs, command: Commands) -> None:
    here = lab("  - {name: x, image: host/python}\n")
    here.edit({"pipelines/p.yaml": PIPELINE})
    ctl = command(here)
    here.node("n1"), here.node("n2")
    told = ctl(
        "sweep", "v", "--stage", "fit", "--input", "x=0:10", "--search", "halton", "--trials", "5", "--max", "2",
        "--by", "score", code=0,
    )  # fmt: skip
    assert told
    view = here.until_reason("Done")
    trials = [e for e in view.executions if e.stage == "fit"]
    assert sorted(e.slot for e in trials) == [f"fit.{number}" for number in range(1, 6)]
    assert {e.state for e in trials} == {State.SUCCEEDED}
    assert len({e.inputs["x"] for e in trials}) == 5
    best = max(trials, key=lambda e: e.result.metrics["score"] if e.result else 0)
    rows = ctl.json("compare", "v", "--stage", "fit", "--by", "score")
    assert rows[0]["execution"] == best.execution
    assert "--search wants --by METRIC" in ctl(
        "sweep", "v", "--stage", "fit", "--input", "x=0:9", "--search", "tpe", code=2
    )
