"""What Winslow adds to a container: stage to stage with Docker, beside create-start-wait-remove by the SDK."""

import docker

from benchmarks import floors, stages
from runner.contract.errors import EngineUnavailable
from runner.docker.engine import engine
from runner.docker.host_image import build_base

IMAGE = "host/python"
TELL = "import time; print(time.time())"


def measure(rounds: int) -> dict[str, object]:
    try:
        engine()
    except EngineUnavailable as error:
        return {"skipped": str(error)}
    client = docker.from_env()
    if not client.images.list(IMAGE):
        build_base(IMAGE)
    floor = floors.container(client, IMAGE, ["python3", "-c", TELL], rounds)
    stage = f'image: {IMAGE}, command: [python3, -c, "{TELL}"]'
    found = stages.latency(rounds, stage, "--runner", "docker", "--slots", "1")
    return {"floor_container": floor, **found}
