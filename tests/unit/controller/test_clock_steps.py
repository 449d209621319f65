"""A clock on the wall that is set is told with the size of the step, and makes no flood of commits."""

from controller.loop.clock_steps import GATHERED, TOLD, ClockSteps


class Clocks:
    def __init__(self) -> None:
        self.boot, self.wrong, self.said = 100.0, 1_700_000_000.0, list[str]()
        self.steps = ClockSteps(lambda: self.boot + self.wrong, lambda: self.boot, self.said.append)
        self.steps.look()

    def after(self, seconds: float, step: float = 0.0) -> str:
        self.boot += seconds
        self.wrong += step
        return self.steps.look()


def test_T2_a_step_is_told_with_its_size_for_a_day() -> None:
    clocks = Clocks()
    assert clocks.after(5) == clocks.after(5, 0.5) == ""
    told = clocks.after(5, -3600)
    assert told.startswith("set back by 3600 s, seen at 2023-11-14 ")
    assert clocks.after(TOLD - 1) == told
    assert clocks.after(1) == ""
    [said] = clocks.said
    assert said == "the clock of this machine was set back by 3600 s; durations do not change, recorded times do"


def test_many_steps_are_told_together() -> None:
    clocks = Clocks()
    first = clocks.after(5, 7)
    assert {clocks.after(1, 10) for _ in range(20)} == {first}
    assert clocks.after(GATHERED).startswith("set forward by 200 s in all, in 20 steps, seen at ")
    assert len(clocks.said) == 21


def test_a_machine_that_slept_has_set_no_clock() -> None:
    clocks = Clocks()
    assert clocks.after(8 * 3600.0) == ""
