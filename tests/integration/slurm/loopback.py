"""A real Slurm on loopback for tests: its own key, ports, folders. Without Slurm they are skipped, and fail in CI."""

import atexit
import functools
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

GUARD = 120.0
PARTITION = "main"
NEEDED = ("slurmctld", "slurmd", "munged", "sbatch")

CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={base}/munge/sock
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd.pid
SlurmctldLogFile={base}/slurmctld.log
SlurmdLogFile={base}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdTimeout=30
KillWait=2
GresTypes=gpu
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 {gres}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=1 State=UP
"""


class SlurmOnLoopback:
    """One machine of two cores and two GPUs, as far as Slurm counts, which files stand for."""

    def __init__(self, base: Path) -> None:
        self.base, self.host = base, socket.gethostname().split(".")[0]
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.configuration = base / "slurm.conf"

    def start(self) -> None:
        for folder in ("state", "spool", "munge"):
            (self.base / folder).mkdir()
        self.base.chmod(0o755)
        (self.base / "munge").chmod(0o755)
        (self.base / "munge" / "key").write_bytes(secrets.token_bytes(1024))
        (self.base / "munge" / "key").chmod(0o400)
        # What stands for a GPU has to be a device; nobody opens it.
        (self.base / "gres.conf").write_text(
            "".join(f"Name=gpu Type=toy File=/dev/{each}\n" for each in ("null", "zero"))
        )
        text = CONFIGURATION.format(
            host=self.host,
            user=pwd.getpwuid(os.getuid()).pw_name,
            base=self.base,
            controller=_free_port(),
            daemon=_free_port(),
            gres="RealMemory=4000 Gres=gpu:toy:2 State=UNKNOWN",
        )
        self.configuration.write_text(text)
        self._munge()
        self.start_controller()
        self.start_daemon()

    def _munge(self) -> None:
        folder = self.base / "munge"
        self._spawn(
            "munged", "-F", "-f", "--key-file", folder / "key", "-S", folder / "sock", "--pid-file",
            folder / "pid", "--log-file", folder / "log", "--seed-file", folder / "seed",
        )  # fmt: skip
        self._until(lambda: (folder / "sock").exists(), "munged")

    def start_controller(self) -> None:
        self._spawn("slurmctld", "-D", "-f", self.configuration)
        self._until(lambda: "UP" in self.ask("scontrol", "ping"), "slurmctld")

    def start_daemon(self) -> None:
        self._spawn("slurmd", "-D", "-f", self.configuration, "-N", self.host)
        self._until(lambda: self.ask("sinfo", "-h", "-o", "%T").strip() in ("idle", "mixed", "allocated"), "slurmd")

    def stop(self, name: str, *, kill: bool = False) -> None:
        child = self.children.pop(name)
        (child.kill if kill else child.terminate)()
        child.wait(GUARD)

    def ask(self, *command: object) -> str:
        given = {**os.environ, "SLURM_CONF": str(self.configuration)}
        done = subprocess.run([str(each) for each in command], capture_output=True, text=True, env=given, timeout=GUARD)
        return done.stdout if done.returncode == 0 else ""

    def jobs(self, states: str = "all") -> list[str]:
        return self.ask("squeue", "-h", f"--states={states}", "-o", "%i %j %T").splitlines()

    def close(self) -> None:
        for number in self.ask("squeue", "-h", "-o", "%i").split():
            self.ask("scancel", "--signal=KILL", "--full", number)
        for name in ("slurmd", "slurmctld", "munged"):
            if name in self.children:
                self.stop(name, kill=name == "slurmd")
        shutil.rmtree(self.base, ignore_errors=True)

    def _spawn(self, name: str, *arguments: object) -> None:
        with (self.base / f"{name}.out").open("ab") as out:
            self.children[name] = subprocess.Popen(
                [_path(name), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "SLURM_CONF": str(self.configuration)},
                start_new_session=True,
            )

    def _until(self, done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + GUARD
        while not done():
            text = (self.base / f"{what}.out").read_text(errors="replace")[-1000:]
            assert self.children[what].poll() is None, f"{what} ended: {text}"
            assert time.monotonic() < end, f"{what} is not up: {text}"
            time.sleep(0.1)


def _path(name: str) -> str:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or ""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@functools.cache
def _started() -> SlurmOnLoopback:
    found = SlurmOnLoopback(Path(tempfile.mkdtemp(prefix="winslow-slurm-")))
    atexit.register(found.close)
    found.start()
    return found


def need() -> SlurmOnLoopback:
    """One for all tests of this process, named in the environment where Slurm's commands look."""
    missing = [name for name in NEEDED if not _path(name)]
    if missing:
        text = f"{', '.join(missing)} not installed: apt-get install slurm-wlm munge"
        if os.environ.get("CI"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)
    found = _started()
    os.environ["SLURM_CONF"] = str(found.configuration)
    return found
