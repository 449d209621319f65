"""What Winslow adds to a container: stage to stage with Docker, beside create-start-wait-remove by the SDK."""

import docker

from benchmarks import floors, stages
from runner.engine import engine
from runner.hostimage import build_base

IMAGE = "host/python"


def measure(rounds: int) -> dict[str, object]:
    if not engine():
        return {"skipped": "no Docker Engine answers"}
    client = docker.from_env()
    if not client.images.list(IMAGE):
        build_base(IMAGE)
    floor = floors.container(client, IMAGE, rounds)
    stage = f'image: {IMAGE}, command: [python3, -c, "import time; print(time.time())"]'
    found = stages.latency(rounds, stage, "--runner", "docker", "--slots", "1")
    return {"floor_container": floor, **found}
