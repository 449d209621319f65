"""What GPUs do, asked of a driver's library by the real pynvml."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.integration.gpus.double import BIG, ROOT, SMALL, Driver

LOOK = """
import json, os
from runner import gpus
from runner.metrics import gpu_load
gpus.LIMIT = 0.5
print(json.dumps(gpu_load.GpuLoads(gpus.find(), limit=0.5).look()), flush=True)
os._exit(0)  # whatever hangs in the driver
"""


def look(driver: Driver) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-c", LOOK],
        env={**os.environ, **driver.environment()}, cwd=ROOT, text=True, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(answer.stdout)
    return said


def test_R1510_every_gpu_says_its_use_memory_and_temperature(driver: Driver) -> None:
    driver.say(0, use=35, used=2048, temperature=66)
    driver.say(1, used=0, temperature=30)  # one that does not tell its use
    assert look(driver) == {
        SMALL: {"use": 35, "memory": 25, "temperature": 66}, BIG: {"memory": 0, "temperature": 30},
    }  # fmt: skip


def test_R1510_a_gpu_that_is_lost_says_nothing_and_the_other_goes_on(driver: Driver) -> None:
    driver.say(0, lost=15)
    driver.say(1, use=90)
    assert list(look(driver)) == [BIG]


def test_a_driver_that_hangs_is_not_waited_for(driver: Driver) -> None:
    driver.say(hang=1)
    assert look(driver) == {}
