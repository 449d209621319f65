"""M5: what NVML says, read by the real pynvml from a double of the driver's library."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.gpus.double import BIG, ROOT, SMALL, Driver, Probe

LOST = 15


def test_M5_gpus_are_found_with_what_stages_ask_for(probe: Probe) -> None:
    found = probe.look()
    assert found["look"] == [
        {
            "uuid": SMALL,
            "model": "NVIDIA GeForce RTX 2080",
            "memory": 8 * 2**30,
            "driver": "570.86.10",
            "compute_capability": "7.5",
            "health": "ok",
            "watched": True,
            "part_of": "",
        },
        {
            "uuid": BIG,
            "model": "NVIDIA RTX A6000",
            "memory": 49140 * 2**20,
            "driver": "570.86.10",
            "compute_capability": "8.6",
            "health": "ok",
            "watched": True,
            "part_of": "",
        },
    ]
    assert found["text"].startswith(f"NVIDIA GeForce RTX 2080 8 GiB ({SMALL}, ok); NVIDIA RTX A6000 48 GiB")


def test_M5_programs_of_others_are_seen(driver: Driver, probe: Probe) -> None:
    driver.say(1, pids=3)
    assert probe.health() == {SMALL: "ok", BIG: "busy"}
    driver.say(1, pids=0)
    assert probe.health() == {SMALL: "ok", BIG: "ok"}


def test_M5_an_old_driver_is_asked_in_its_own_way(tmp_path: Path) -> None:
    driver = Driver(tmp_path, "-DOLD")
    probe = Probe(driver)
    try:
        driver.say(0, pids=1)
        assert probe.health() == {SMALL: "busy", BIG: "ok"}
    finally:
        probe.close()


@pytest.mark.parametrize("code", [LOST, 16, 999])
def test_M5_a_gpu_that_fell_off_the_bus_is_lost_until_it_is_back(driver: Driver, probe: Probe, code: int) -> None:
    assert probe.lost(SMALL, BIG) == []
    driver.say(0, lost=code)
    assert probe.health() == {SMALL: "lost", BIG: "ok"}
    assert probe.lost(SMALL) == [SMALL]
    assert probe.lost(BIG) == []
    driver.say(0, lost=0)
    assert probe.health() == {SMALL: "ok", BIG: "ok"}


def test_M5_a_gpu_without_a_handle_is_lost(driver: Driver, probe: Probe) -> None:
    probe.look()
    driver.say(1, handle=LOST)
    assert probe.health() == {SMALL: "ok", BIG: "lost"}


def test_M5_a_gpu_that_is_not_listed_any_more_is_lost(driver: Driver, probe: Probe) -> None:
    probe.look()
    driver.say(1, lost=LOST)
    probe.look()
    driver.say(count=1)  # the next session does not list it
    driver.say(1, lost=0)
    assert probe.health() == {SMALL: "ok", BIG: "lost"}
    assert probe.lost(BIG) == [BIG]


def test_M5_one_that_nobody_has_ever_seen_here_is_lost_to_who_holds_it(probe: Probe) -> None:
    assert probe.lost("GPU-of-before-the-restart") == ["GPU-of-before-the-restart"]


def test_M5_a_driver_that_hangs_costs_a_moment_and_no_stage(driver: Driver, probe: Probe) -> None:
    probe.look()
    driver.say(hang=1)
    first, second = probe.look(), probe.look()
    assert [gpu["health"] for gpu in first["look"]] == ["unknown", "unknown"]
    assert first["text"] == "unknown: NVML does not answer within 0.5 s"
    assert second["took"] < first["took"]  # the hanging question is not asked, nor waited for, twice
    assert probe.lost(SMALL) == []  # nothing is blamed on a driver that says nothing
    driver.say(hang=0)
    end = time.monotonic() + 30
    while probe.health() != {SMALL: "ok", BIG: "ok"}:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_M5_a_driver_that_does_not_match_its_library_leaves_gpus_unknown(driver: Driver, probe: Probe) -> None:
    driver.say(init=18)
    found = probe.look()
    assert found["look"] == []
    assert found["text"] == "unknown: NVML says: RM has detected an NVML/RM version mismatch."
    assert not found["certain"]
    driver.say(init=0)
    assert probe.health() == {SMALL: "ok", BIG: "ok"}


def test_M5_a_library_without_its_kernel_module_is_no_gpu(driver: Driver, probe: Probe) -> None:
    driver.say(init=9)
    found = probe.look()
    assert (found["look"], found["text"]) == ([], "none: a driver, but no GPU")


def test_M5_without_a_driver_nothing_is_loaded_and_nothing_said() -> None:
    program = (
        "import sys; import controller.node.assembly; from runner import gpus;"
        "found = gpus.find(); found.look(fresh=True);"
        "print(found.text, 'pynvml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.stdout, done.stderr) == ("none: no NVIDIA driver on this machine False\n", "")
