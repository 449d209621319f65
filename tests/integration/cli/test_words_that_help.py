"""What is said beside a wish: what it does not do, and what does."""

import io
from collections.abc import Callable

import pytest

from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
FAILS = stage("one", "import sys; sys.exit(3)")
GATE = "  - {name: look, when: manual, inputs: {keep: {type: boolean, default: true}}}\n"


def test_a_chain_keeps_its_definition_and_resume_says_so(lab: Labs, command: Commands) -> None:
    here = lab(FAILS + GATE)
    ctl = command(here)
    here.node()
    ctl("start", "v")
    assert ctl.run("wait", "v", "--timeout", "20s").code == 3
    said = ctl.run("retry", "v")
    assert (said.code, said.err) == (0, ""), "nothing to say: the pipeline is as it was"
    here.until(lambda view: len(view.executions) == 2)
    ctl.run("wait", "v", "--timeout", "20s")
    text = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    here.edit({"pipelines/p.yaml": str(text).replace("sys.exit(3)", "sys.exit(0)")})
    assert "`winslowctl redo v --stage one` takes the new one" in ctl.run("resume", "v").err


def test_the_input_of_a_gate_is_asked_for_when_it_is_reached(lab: Labs, command: Commands) -> None:
    ctl = command(lab(FAILS + GATE))
    said = ctl("projects", "create", "w", "--pipeline", "p", "--input", "keep=true", code=1)
    assert "keep: no such input of the pipeline: stage 'look' asks a person for it, when it is reached" in said
    assert "winslowctl answer" in ctl("start", "v", "--input", "keep=true", code=1)


def test_a_dash_is_standard_input(lab: Labs, command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    ctl = command(lab(FAILS))
    monkeypatch.setattr("sys.stdin", io.StringIO("name: q\nstages: [{name: a, image: host/python}]\n"))
    ctl("pipelines", "put", "-")
    assert "name: q" in ctl("pipelines", "show", "q")
    monkeypatch.setattr("sys.stdin", io.StringIO("it rained\n"))
    ctl("comment", "v", "-")
    monkeypatch.setattr("sys.stdin", io.StringIO("nonsense: [\n"))
    assert "-:" in ctl("pipelines", "put", "-", code=1)


def test_ps_names_the_command_that_helps(lab: Labs, command: Commands) -> None:
    ctl = command(lab(FAILS))
    assert "NotStarted: never started → winslowctl start v" in ctl("ps")
