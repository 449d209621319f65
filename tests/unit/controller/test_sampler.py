"""The sampler with a machine and GPUs that say what the test wants."""

from pathlib import Path

from controller.node.sampler import Sampler, Stages, of_gpus
from runner.contract.usage import Usage, of_stats
from runner.metrics import load


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


def test_R1510_R1520_a_running_stage_is_kept_and_one_that_ended_leaves_no_jump(tmp_path: Path) -> None:
    now = 0.0
    used: dict[str, Usage] = {"c": Usage(5.0, 1000)}
    stages = Stages(tmp_path, lambda: ["c", "unknown"], used.get, lambda: now)
    stages.sample()
    record = load.stage(tmp_path / "runs" / "c")
    assert record.newest() == {"memory": 1000}
    now, used["c"] = 10.0, Usage(25.0, 2000)
    stages.sample()
    assert record.newest() == {"cpu": 200, "memory": 2000}
    del used["c"]
    stages.sample()
    assert not (tmp_path / "runs" / "unknown").exists()


def test_what_the_engine_says_of_an_ended_container_is_nothing() -> None:
    assert of_stats({"cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {}}) is None
    said = {"usage": 100, "stats": {"inactive_file": 30}}
    assert of_stats({"cpu_stats": {"cpu_usage": {"total_usage": 2e9}}, "memory_stats": said}) == Usage(2.0, 70.0)


def test_R1510_a_stage_s_gpus_and_progress_are_kept_with_its_use(tmp_path: Path) -> None:
    newest = {"gpu.A.use": 50.0, "gpu.A.memory": 10.0, "gpu.B.use": 100.0, "gpu.C.use": 1.0}
    (tmp_path / "runs" / "c" / "io").mkdir(parents=True)
    (tmp_path / "runs" / "c" / "io" / "progress").write_text("40")
    gpus = lambda id: of_gpus(newest, ("A", "B", "gone"))  # noqa: E731
    Stages(tmp_path, lambda: ["c"], lambda id: Usage(1.0, 1000), gpus=gpus).sample()
    found = load.stage(tmp_path / "runs" / "c").newest()
    assert found == {"memory": 1000, "gpu": 75, "gpu_memory": 10, "progress": 40}
