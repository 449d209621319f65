"""Git over SSH: a server with a host key of its own, one authorised key, and the client's configuration for it."""

import getpass
import os
import subprocess
from pathlib import Path

from tests.servers.programs import Program, answers, found, free_port

HOST = "winslow-test-server"
SERVER = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
MaxStartups 100
AcceptEnv GIT_PROTOCOL
"""
CLIENT = """
Host {host} 127.0.0.1
  HostName 127.0.0.1
  User {user}
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile none
  HostKeyAlias {host}
  StrictHostKeyChecking yes
"""


class SshServer:
    """Serves every repository that the user of the tests can reach. `config` is the client's configuration."""

    def __init__(self, folder: Path) -> None:
        sshd, keygen, _ = found("sshd", "ssh-keygen", "ssh")
        folder.mkdir(mode=0o700)
        self.folder, self.port = folder, free_port()
        for name in ("host", "key", "other"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        (folder / "known").write_text(f"{HOST} {(folder / 'host.pub').read_text()}")
        self.authorise("key")
        (folder / "sshd.conf").write_text(SERVER.format(folder=folder, port=self.port))
        self.config = folder / "config"
        self.config.write_text(CLIENT.format(folder=folder, host=HOST, user=getpass.getuser()))
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = [sshd, "-D", "-e", "-f", str(folder / "sshd.conf")]
        self.sshd = Program(command, folder / "sshd.log", lambda: answers(self.port))

    def authorise(self, key: str) -> None:
        """From now on only this key (`key`, which clients have, or `other`) is taken."""
        (self.folder / "authorized").write_text((self.folder / f"{key}.pub").read_text())

    def url(self, repository: Path, port: int | None = None) -> str:
        """Also at another port: that of a proxy. What is said in a URL comes before the configuration."""
        return f"ssh://{HOST}:{port or self.port}{repository}"

    def end(self) -> None:
        self.sshd.end()
