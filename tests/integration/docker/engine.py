"""An engine and a base image for tests. Without an engine they are skipped on a laptop, and fail in CI."""

import functools
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

GUARD = 20.0

SCRIPT = Path(__file__).parents[3] / "scripts" / "docker-engine"
IMAGE = "winslow/test-base:1"


@functools.cache
def address() -> str:
    """`unix://…`, or a text that starts with `!` and says why there is none."""
    done = subprocess.run([SCRIPT, "start"], capture_output=True, text=True, timeout=90, check=False)
    return done.stdout.strip().removeprefix("DOCKER_HOST=") if done.returncode == 0 else f"!{done.stderr.strip()}"


def need() -> str:
    """The address, put where the SDK looks for it; the image is there afterwards."""
    found = address()
    if found.startswith("!"):
        if os.environ.get("CI"):
            pytest.fail(found[1:], pytrace=False)
        pytest.skip(found[1:])
    os.environ["DOCKER_HOST"] = found
    _image()
    return found


@functools.cache
def _image() -> None:
    from runner.docker.host_image import build_base

    known = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False)
    if known.returncode:
        build_base(IMAGE)


class Daemon:
    """An engine of its own, to be killed; in a network of its own, or it would take the bridge of others away."""

    def __init__(self, base: Path, without: str = "") -> None:
        self.base, self.host, self.without = base, f"unix://{base}/s", without
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        base = self.base
        apart = ["unshare", "-n"]
        if self.without:
            apart += ["-m", "sh", "-c", f'umount /sys/fs/cgroup/{self.without} && exec "$@"', "sh"]
        argv = [*apart, "dockerd", "--host", self.host, "--data-root", f"{base}/d", "--exec-root", f"{base}/e"]
        argv += ["--pidfile", f"{base}/p", "--iptables=false", "--bridge=none", *more]
        for stale in ("p", "e/containerd/containerd.pid"):  # a number that a zombie may still have
            (base / stale).unlink(missing_ok=True)
        with (base / "log").open("ab") as out:
            self.child = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True)
        end = time.monotonic() + GUARD
        while not self.answers():
            assert time.monotonic() < end, (base / "log").read_text()[-500:]
            time.sleep(0.1)

    def answers(self) -> bool:
        import docker as sdk

        try:
            sdk.DockerClient(self.host, timeout=5).ping()
        except (sdk.errors.DockerException, OSError):
            return False
        return True

    def end(self, how: signal.Signals) -> None:
        if self.child is not None:
            self.child.send_signal(how)
            self.child.wait(GUARD)
            self.child = None


@contextmanager
def private(without: str = "") -> Iterator[Daemon]:
    """An engine that nobody else uses; nothing of it is left. `without`: the controller of cgroups that it lacks."""
    base = Path(f"/var/tmp/winslow-{secrets.token_hex(3)}")
    base.mkdir()
    daemon = Daemon(base, without)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.end(signal.SIGTERM)
        subprocess.run(f"umount -q {base}/d; rm -rf {base}", shell=True, check=False)
