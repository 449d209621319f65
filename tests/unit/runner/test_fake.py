"""The fake's own script, beyond what all runners share."""

from pathlib import Path

import pytest

from runner.contract.errors import ImageUnavailable
from runner.contract.fake import FakeRunner
from runner.contract.labels import Owner
from runner.contract.spec import Ending, Spec

OWNER = Owner("r", "n", "i")


class Machine:
    def __init__(self) -> None:
        self.now = 100.0
        self.runner = FakeRunner(OWNER, lambda: self.now)

    def run(self, **script: str) -> str:
        environment = {f"FAKE_{name.upper()}": value for name, value in script.items()}
        path = Path("/nowhere")
        spec = Spec("c", OWNER.labels(), "i", ("x",), None, environment, workspace=path, directory=path, grace=10)
        self.runner.create(spec)
        self.runner.start("c")
        return "c"


def test_it_runs_as_long_as_it_was_told() -> None:
    machine = Machine()
    machine.run(seconds="5", exit="3")
    machine.now += 4.9
    assert machine.runner.containers()["c"].running
    machine.now += 0.1
    found = machine.runner.containers()["c"]
    assert (found.exit_code, found.ending, found.started) == (3, Ending.EXIT, 100.0)
    machine.now += 1000
    assert machine.runner.containers()["c"] is found


def test_lack_of_memory() -> None:
    machine = Machine()
    machine.run(oom="1")
    machine.now += 1
    assert machine.runner.containers()["c"].ending is Ending.OOM


def test_output_comes_evenly_until_the_end() -> None:
    machine = Machine()
    machine.run(seconds="10", output_every="3")
    assert machine.runner.containers()["c"].last_output is None
    machine.now += 7
    assert machine.runner.containers()["c"].last_output == 106.0
    assert machine.runner.log("c") == ["line 1", "line 2"]
    machine.now += 100
    assert machine.runner.containers()["c"].last_output == 109.0
    assert len(machine.runner.log("c")) == 3


def test_KILL_comes_after_the_grace_and_repeated_stops_do_not_move_it() -> None:
    machine = Machine()
    machine.run(seconds="100", ignore_term="1")
    machine.runner.stop("c")
    machine.now += 9
    machine.runner.stop("c")
    assert machine.runner.containers()["c"].running
    machine.now += 1
    assert machine.runner.containers()["c"].exit_code == 137


def test_a_reboot_ends_what_runs_and_nothing_else() -> None:
    machine = Machine()
    machine.run(seconds="5")
    machine.runner.machine_reboot()
    found = machine.runner.containers()["c"]
    assert (found.ending, found.exit_code) == (Ending.INFRASTRUCTURE, 255)
    machine.now += 100
    machine.runner.machine_reboot()
    assert machine.runner.containers()["c"] is found


def test_an_image_that_is_missing() -> None:
    machine = Machine()
    with pytest.raises(ImageUnavailable):
        machine.run(image_missing="1")
    assert machine.runner.containers() == {}
