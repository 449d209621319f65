"""The sampler with a machine and GPUs that say what the test wants."""

from pathlib import Path

from controller.sampler import Sampler
from runner import load


class Says:
    def __init__(self, *answers: dict) -> None:  # type: ignore[type-arg]
        self.answers = list(answers)

    def look(self) -> dict:  # type: ignore[type-arg]
        return self.answers.pop(0)


def test_R1510_a_sample_is_kept_and_said(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path, Says({"cpu": 12.345, "memory": 40.0}), Says({"GPU-1": {"use": 75.0}}))
    sampler.sample()
    assert sampler.newest == {"cpu": 12.3, "memory": 40.0, "gpu.GPU-1.use": 75.0}
    assert load.machine(tmp_path).newest()["memory"] == 40
    assert load.gpu(tmp_path, "GPU-1").newest() == {"use": 75}


def test_a_disk_that_takes_nothing_leaves_the_newest_numbers(tmp_path: Path) -> None:
    (tmp_path / "load").write_text("in the way")
    sampler = Sampler(tmp_path, Says({"cpu": 1.0}), Says({}))
    sampler.sample()
    assert sampler.newest == {"cpu": 1.0}
