"""Includes, defaults and repetitions by a real node: resolved when a chain starts, and kept like that."""

from collections.abc import Callable

from flow.project.replies import steps_of
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab

Make = Callable[[str], Lab]
Commands = Callable[[Lab], Command]
CLEANING = """
name: cleaning
stages:
  - {name: clean, image: host/python, command: [python, -c, "print('clean')"]}
"""
OWN = """
name: p
include: [{pipeline: cleaning, prefix: c-}]
default: {image: host/python, retry: {max: 1}}
stages:
  - name: fit
    repeat: {until: "values.error < 10", max: 9}
    command: [python, -c, "import os, pathlib;
      at = pathlib.Path('error'); error = int(at.read_text()) // 2 if at.exists() else 64; at.write_text(str(error));
      pathlib.Path(os.environ['WINSLOW_RESULT']).write_text(f'error={error}')"]
"""


def test_G9_what_a_chain_includes_stays_as_it_was_when_it_started(lab: Make, command: Commands) -> None:
    here = lab("  - {name: x, image: host/python}\n")
    here.edit({"pipelines/cleaning.yaml": CLEANING, "pipelines/p.yaml": OWN})
    ctl = command(here)
    shown = ctl("pipelines", "show", "p", "--resolved")
    assert "name: c-clean" in shown
    assert "include" not in shown
    here.node()
    here.ask("request: start\n")
    view = here.until_reason("Done")
    assert [e.slot for e in view.executions] == ["c-clean", "fit", "fit", "fit", "fit"]
    assert [e.result.values["error"] for e in view.executions[1:] if e.result] == [64, 32, 16, 8]
    assert [e.workspace.source for e in view.executions[1:]] == [1, 2, 3, 4]
    here.edit({"pipelines/cleaning.yaml": CLEANING.replace("name: clean,", "name: renew,")})
    kept = here.view().definition
    assert kept
    assert [stage.name for stage in kept.stages] == ["c-clean", "fit"]
    assert [s.stage for s in steps_of(here.view()).standings] == ["c-clean", "fit"]
    here.edit({"pipelines/cleaning.yaml": None})
    told = ctl("pipelines", "show", "p", "--resolved", code=1)
    assert "pipelines/p.yaml:3:11: include: there is no pipelines/cleaning.yaml that can be read" in told
    here.ask("request: start\n")
    view = here.until(lambda view: len(view.replies) == 2)
    assert view.replies[1].verdict == "rejected"
    assert "pipelines/p.yaml:3:11: include: there is no pipelines/cleaning.yaml" in view.replies[1].text
