"""Removes a throw-away container and its folder once whoever started it is gone, however that came about.

A program of its own: `runner.looking.guard NAME FOLDER`. Its standard input is a pipe that the other one holds open.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from runner.contract.errors import RunnerError
from runner.docker.engine import connect, talking

PATIENCE, PAUSE = 600.0, 2.0
"""Seconds in which an engine that is away is asked again, and between two of these."""


def main() -> int:
    name, folder = sys.argv[1:3]
    while os.read(0, 4096):
        pass
    end = time.monotonic() + PATIENCE
    while not removed(name):
        if time.monotonic() > end:
            return 1  # the folder tells the next use what is left to remove
        time.sleep(PAUSE)
    shutil.rmtree(Path(folder), ignore_errors=True)
    return 0


def removed(name: str) -> bool:
    """Whether there is no such container any more."""
    try:
        api = connect().api
        with talking():
            if api.containers(all=True, filters={"name": f"^/{name}$"}):
                api.remove_container(name, v=True, force=True)
    except RunnerError:
        return False
    return True
