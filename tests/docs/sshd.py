"""A Git server by ssh, as the pages call it `git@server`: a real sshd on this machine, and an `ssh` that finds it.

The server's own folders stand under `root`; the pages' paths are replaced by these.
"""

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

HANG = 20.0
SSH = """#!/bin/sh
exec {ssh} -F {folder}/client/config -l {user} "$@"
"""
CONFIG = """Host server
  HostName 127.0.0.1
  Port {port}
  IdentityFile {inside}/key
  IdentitiesOnly yes
  UserKnownHostsFile {inside}/known_hosts
  StrictHostKeyChecking yes
"""
SSHD = """Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/pid
StrictModes no
UsePAM no
PasswordAuthentication no
"""


class SshServer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if program is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no sshd here: install openssh-server")
        self.port = _free_port()
        self._keys()
        (folder / "sshd_config").write_text(SSHD.format(port=self.port, folder=folder))
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.client_folder(folder / "client")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = [program, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "log")]
        self.child = subprocess.Popen(command)
        self._wait()

    def _keys(self) -> None:
        for name in ("key", "host"):
            run = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(run, check=True, timeout=HANG)
        (self.folder / "authorized_keys").write_text((self.folder / "key.pub").read_text())

    def client_folder(self, folder: Path, *, inside: str = "") -> None:
        """What a client needs to reach this server as `server`; `inside` is where it will see the folder."""
        folder.mkdir(mode=0o700)
        shutil.copy(self.folder / "key", folder / "key")
        public = (self.folder / "host.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}")
        (folder / "config").write_text(CONFIG.format(port=self.port, inside=inside or folder))
        for file in folder.iterdir():
            file.chmod(0o600)

    def programs(self) -> Path:
        """A folder for the front of PATH, with an `ssh` that knows this server as `server`."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "ssh"
        script.write_text(SSH.format(ssh=shutil.which("ssh"), folder=self.folder, user=self.user))
        script.chmod(0o755)
        return folder

    def _wait(self) -> None:
        deadline = time.monotonic() + HANG
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                log = self.folder / "log"
                assert self.child.poll() is None, log.read_text() if log.exists() else ""
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def close(self) -> None:
        self.child.terminate()
        self.child.wait(HANG)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
