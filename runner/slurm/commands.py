"""Slurm's own commands, with fixed arguments, a bare environment and a limit of time; what they say becomes an error.

Whether Slurm is away or refuses decides what follows: the first is tried again, the second ends the stage.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence

from runner import bounded_run
from runner.bounded_run import Bounds, SaysTooMuch, TakesTooLong
from runner.contract.errors import EngineRefused, EngineUnavailable
from runner.process.program_folders import SYSTEM_PATH
from runner.slurm import jobs
from runner.slurm.jobs import SlurmJob
from schema.quantities import readable_size

NEEDED = ("sbatch", "squeue", "scontrol", "scancel", "sinfo")
LIMIT = 30.0
"""Seconds for one command. Slurm's own limit for a message is 10, and it tries some of them again."""
MOST = 64 * 1024 * 1024
"""Bytes that are read of an answer: one that says more is no answer."""
SILENT = "it said nothing"
_GONE = (SILENT, "Invalid job id", "already finished", "already completing", "Job/step already")
_PASSES = (
    "Unable to contact slurm controller", "Socket timed out", "Connection refused", "Connection timed out",
    "connect failure", "Zero Bytes were transmitted", "in standby mode", "authentication", "munge", "Munge",
    "temporarily unable", "Resource temporarily unavailable", "try again", "Communication connection failure",
    "MaxSubmitJob", "GrpSubmitJob", "Unexpected message received", "Slurm controller not responding",
    "DNS SRV lookup failed",
)  # fmt: skip
"""Of what Slurm says: it passes by itself, or with whoever sees to the cluster; the job is not to blame."""
_SUBMITTED = re.compile(r"([0-9]{1,12})(?:;.*)?")


class SlurmCommands:
    """For threads: each call is a process of its own."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        given = os.environ if given is None else given
        kept = {name: given[name] for name in ("HOME", "USER", "LOGNAME", "SLURM_CONF") if name in given}
        self.path = f"{given.get('PATH', '')}:{SYSTEM_PATH}".strip(":")
        self.environment = {**kept, "PATH": self.path, "LC_ALL": "C", "TZ": "UTC"}

    def missing(self) -> list[str]:
        return [name for name in NEEDED if shutil.which(name, path=self.path) is None]

    def submit(self, options: Sequence[str], script: str) -> str:
        """The number of the job, which has not begun. EngineRefused, EngineUnavailable."""
        answer = self._run("sbatch", "--parsable", *options, given=script).strip()
        found = _SUBMITTED.fullmatch(answer.rpartition("\n")[2])
        if found is None:
            raise EngineUnavailable(f"sbatch did not name the job: {_words(answer)}")
        return found[1]

    def release(self, number: str) -> None:
        self._settle("scontrol", "release", number)

    def signal(self, number: str) -> None:
        """TERM to the job's own program, which passes it on to the stage and keeps its grace."""
        self._settle("scancel", "--batch", "--signal=TERM", number)

    def cancel(self, number: str) -> None:
        """End it wherever it is: out of the queue, or by Slurm's own TERM and KILL."""
        self._settle("scancel", number)

    def jobs(self, name: str = "") -> list[SlurmJob]:
        """All of this user, also those that have ended for as long as Slurm remembers them; or those of one name."""
        chosen = [f"--name={name}"] if name else []
        return jobs.parse(
            self._run(
                "squeue", "--noheader", "--states=all", f"--user={os.getuid()}", *chosen, f"--format={jobs.FORMAT}"
            )
        )

    def machines(self, partition: str) -> str:
        """A line for each: name, cores, MiB, generic resources, state, the partition's limit of time."""
        return self._run("sinfo", "--noheader", "--Node", f"--partition={partition}", "--format=%n|%c|%m|%G|%t|%l")

    def configuration(self) -> str:
        return self._run("scontrol", "show", "config")

    def _settle(self, *command: str) -> None:
        """What is to happen to a job that is over has happened. While one ends, Slurm fails without a word."""
        try:
            self._run(*command)
        except EngineRefused as error:
            if not any(each in str(error) for each in _GONE):
                raise

    def _run(self, *command: str, given: str = "") -> str:
        try:
            done = bounded_run.run(command, self.environment, Bounds(LIMIT, MOST), given.encode())
        except TakesTooLong:
            raise EngineUnavailable(f"Slurm has not answered {command[0]} within {LIMIT:g} s") from None
        except SaysTooMuch:
            raise EngineUnavailable(
                f"{command[0]} says more than {readable_size(MOST)}, which is not read: Slurm lists too many jobs of "
                f"this user, or something else is called {command[0]}"
            ) from None
        except OSError as error:
            raise EngineUnavailable(f"{command[0]} cannot be run: {error.strerror}") from None
        if done.code:
            raise _error(command[0], done.err.decode(errors="replace"))
        return done.out.decode(errors="replace")


def _error(command: str, said: str) -> Exception:
    text = f"{command}: {_words(said)}"
    if any(each in said for each in _PASSES):
        return EngineUnavailable(text)
    return EngineRefused(text)


def _words(said: str) -> str:
    """What Slurm says, in one line of bounded length."""
    lines = (re.sub(r"^\w+: (error: )?", "", line).strip() for line in said.splitlines())
    return "; ".join(filter(None, lines))[:500] or SILENT
