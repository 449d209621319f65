"""Records of load: fine for an hour, means of minutes for longer; rates; GPUs."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from runner.gpus import NoGpus, Nvml
from runner.metrics import load
from runner.metrics.gpu_load import GpuLoads
from runner.metrics.measure import Machine, rates


class Wall:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0 - 1_700_000_000.0 % 60

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


def record(folder: Path, wall: Wall) -> load.Record:
    return load.Record(folder, load.MACHINE, wall=wall)


def test_R1510_a_minute_that_is_over_gets_its_mean_also_over_a_restart(tmp_path: Path, wall: Wall) -> None:
    made, begin = record(tmp_path, wall), wall.now
    for number in range(6):
        made.put({"cpu": number * 10})
        wall.now += 5
    made = record(tmp_path, wall)
    for number in range(6, 12):
        made.put({"cpu": number * 10})
        wall.now += 5
    made = record(tmp_path, wall)
    made.put({"cpu": 99})
    [point] = made.minutes.points(begin, wall.now)
    assert (point.time, point.values[0]) == (begin, 55)


def test_R1520_a_day_comes_from_the_minutes_and_has_a_bounded_number_of_points(tmp_path: Path, wall: Wall) -> None:
    made = record(tmp_path, wall)
    for number in range(1440):
        made.minutes.put(wall.now, [number % 100, *[0.0] * 6])
        wall.now += 60
    day = made.series("cpu", wall.now - load.DAY)
    assert 250 <= len(day) <= load.MOST
    assert [moment for moment, _ in day] == sorted(moment for moment, _ in day)
    assert all(0 <= value <= 100 for _, value in day)
    assert len(made.series("cpu", 0)) <= load.MOST


def test_R1510_the_last_hour_is_fine_also_when_it_is_asked_for_a_moment_later(tmp_path: Path, wall: Wall) -> None:
    made, since = record(tmp_path, wall), wall.now + 1000 - load.HOUR
    for number in range(10):
        made.put({"cpu": number})
        wall.now += 5
    wall.now = since + load.HOUR + 0.5
    assert [value for _, value in made.series("cpu", since)] == list(range(10))


def test_R1510_what_was_not_measured_is_a_gap(tmp_path: Path, wall: Wall) -> None:
    made = record(tmp_path, wall)
    made.put({"cpu": 1})
    wall.now += 5
    made.put({"memory": 2})
    assert made.newest() == {"memory": 2}
    assert [value for _, value in made.series("cpu", wall.now - 60)] == [1]
    wall.now += 61
    assert made.newest() == {}


def test_R1530_the_rate_of_a_network_is_no_jump_when_its_counter_begins_anew() -> None:
    assert rates({"eth0": (100, 50)}, {"eth0": (1100, 150)}, 10) == {"received": 100, "sent": 10}
    assert rates({"eth0": (2**32 - 5, 50)}, {"eth0": (10, 60)}, 10) == {"received": 0, "sent": 1}
    assert rates({"eth0": (5, 5)}, {"eth0": (5, 5), "eth1": (10**12, 10**12)}, 10) == {"received": 0, "sent": 0}
    assert rates({}, {"eth0": (5, 5)}, 10) == {}
    assert rates({"eth0": (5, 5)}, {"eth0": (9, 9)}, 0) == {}


def test_R1510_R1520_R1530_a_look_at_this_machine_says_everything(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.look()
    for _ in range(1000):  # until the kernel's clock ticked
        found = machine.look()
        if "cpu" in found:
            break
        sum(range(10_000))
    assert set(found) == set(load.COLUMNS[load.MACHINE])
    for name in ("cpu", "memory", "disk"):
        assert 0 <= found[name] <= 100


def test_a_gpus_name_makes_no_path(tmp_path: Path) -> None:
    made = load.gpu(tmp_path, "../../GPU-1/..")
    assert made.fine.path.parent.parent == tmp_path / "load"


class Error(Exception):
    pass


def driver(**changes: object) -> SimpleNamespace:
    facts = {
        "NVMLError": Error,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlDeviceGetHandleByUUID": lambda uuid: uuid,
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=80),
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=25, total=100),
        "nvmlDeviceGetTemperature": lambda handle, sensor: 60,
    }
    return SimpleNamespace(**facts | changes)


def gpus(nvml: object) -> Nvml:
    made = Nvml(nvml, pace=1e9, limit=1.0)
    made._looked = made.now()
    made._known = {"GPU-1": SimpleNamespace(uuid="GPU-1")}  # type: ignore[dict-item]
    return made


def test_R1510_a_gpu_says_its_use_memory_and_temperature() -> None:
    assert GpuLoads(gpus(driver())).look() == {"GPU-1": {"use": 80, "memory": 25, "temperature": 60}}


def test_a_gpu_that_does_not_tell_its_use_still_says_the_rest_and_one_that_fails_says_nothing() -> None:
    def fails(*_: object) -> None:
        raise Error

    silent = GpuLoads(gpus(driver(nvmlDeviceGetUtilizationRates=fails)))
    assert silent.look() == {"GPU-1": {"memory": 25, "temperature": 60}}
    assert GpuLoads(gpus(driver(nvmlDeviceGetHandleByUUID=fails))).look() == {}
    assert GpuLoads(NoGpus()).look() == {}


def test_R1450_what_ended_long_ago_is_still_shown(tmp_path: Path, wall: Wall) -> None:
    record = load.Record(tmp_path, load.STAGE, every=10, wall=wall)
    began = wall.now
    for _ in range(30):
        record.put({"cpu": 100.0})
        wall.now += 10
    ended, wall.now = wall.now, wall.now + 20 * load.DAY
    assert len(record.all_series(began, until=ended)["cpu"]) == 30
