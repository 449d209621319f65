"""How a stage ended: as its shim says; and only where none can say so any more, as Slurm does.

| the shim's word (`exit.json`)        | Slurm's word              | then |
|---|---|---|
| an exit code, told by nobody to end  | any                       | that is the end; of a failure Slurm may know why |
| it was told to end, and not by us    | cancelled                 | a person did, and wants it to stay so |
| it was told to end, and not by us    | any other                 | preempted, out of time, a machine that went down |
| none                                 | waits, or runs            | it goes on |
| none, and it had begun               | waits                     | it was put back into the queue: wait, then judge |
| none, and it never began             | over                      | it never will |
| none                                 | over                      | wait for a shared folder that is late, then judge |
| none                                 | does not know the job     | wait long, then make sure of it and judge |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runner.contract.spec import Ending
from runner.slurm.job_files import JobFiles
from runner.slurm.jobs import CANCELLED, OUT_OF_MEMORY, JobPhase, SlurmJob


@dataclass(frozen=True, slots=True)
class Lateness:
    """Seconds of answered looks for which a word of the shim may be late.

    `over` after Slurm ended a job, `completed` after it says that the job ended by itself, so that the word was
    written; `unknown` while Slurm does not know the job; `why` for Slurm to say why a job failed that has ended.
    """

    over: float = 60.0
    completed: float = 600.0
    unknown: float = 900.0
    why: float = 15.0


USUAL = Lateness()
TOO_MUCH = "it used more memory than its job may have"
_OUTSIDE = (
    "somebody outside Winslow ended its job (scancel, preemption, a limit of the partition), or its machine went down"
)


@dataclass(frozen=True, slots=True)
class JobEnd:
    """`judged`: by this node, for want of the shim's word."""

    code: int | None
    ending: Ending
    text: str = ""
    judged: bool = False

    def facts(self) -> dict[str, object]:
        return {"code": self.code, "ending": str(self.ending), "text": self.text}


def of(files: JobFiles, job: SlurmJob | None, age: Callable[[str], float], lateness: Lateness = USUAL) -> JobEnd | None:
    """None while it goes on, or may still say how it ended."""
    if before := files.read("judged"):
        return _as_judged(before)
    said = files.read("exit")
    if said:
        return _by_shim(files, said, job, age, lateness)
    over = job.state if job and job.phase is JobPhase.OVER else ""
    if over and job and not job.began and not files.has("begun"):
        return _judged(files, job, f"{over} before it began")
    if over and job:
        waits = {"COMPLETED": lateness.completed, CANCELLED: lateness.why}
        wait = waits.get(over, lateness.over)  # of a cancelled one no word changes what it is; it only tells the code
        return _judged(files, job, over) if age(f"over {over}") >= wait else None
    if job and job.phase is JobPhase.WAITING and files.has("begun"):
        return _judged(files, job, "it was put back into the queue") if age("requeued") >= lateness.over else None
    if job is None and age("unknown") >= lateness.unknown:
        return _judged(files, job, "Slurm has not known its job for a while, and its shim has said nothing")
    return None


def _as_judged(before: Mapping[str, object]) -> JobEnd:
    code = before.get("code")
    return JobEnd(
        code if isinstance(code, int) else None, Ending(str(before.get("ending"))), str(before.get("text", ""))
    )


def _by_shim(
    files: JobFiles, said: Mapping[str, object], job: SlurmJob | None, age: Callable[[str], float], lateness: Lateness
) -> JobEnd | None:
    number = said.get("code")
    code = number if isinstance(number, int) else None
    if "lost" in said:
        return JobEnd(code, _unless_told(files, Ending.INFRASTRUCTURE), str(said["lost"]))
    told = bool(said.get("stopped") or said.get("asked"))
    if told and files.has("stop.json"):
        return JobEnd(code, Ending.STOPPED)
    if code == 0 and not told:
        return JobEnd(code, Ending.EXIT)
    over = job is not None and job.phase is JobPhase.OVER
    if not over and age("why") < lateness.why:
        return None  # Slurm is about to say why
    state = job.state if job and over else ""
    if said.get("oom") or state == OUT_OF_MEMORY:
        return JobEnd(code, Ending.OOM, TOO_MUCH)
    if state == CANCELLED:
        return JobEnd(code, _unless_told(files, Ending.CANCELLED), _cancelled(job))
    if not told and state in ("", "COMPLETED", "FAILED"):
        return JobEnd(code, Ending.EXIT)
    known = f"Slurm ended its job: {state}" if state not in ("", "COMPLETED") else _OUTSIDE
    return JobEnd(code, Ending.INFRASTRUCTURE, known)


def _cancelled(job: SlurmJob | None) -> str:
    return f"somebody cancelled Slurm job {job.number if job else ''} outside Winslow (scancel)"


def _judged(files: JobFiles, job: SlurmJob | None, why: str) -> JobEnd:
    if files.has("stop.json") and not files.read("stop").get("judged"):
        return JobEnd(None, Ending.STOPPED, judged=True)
    if job and job.state == OUT_OF_MEMORY:
        return JobEnd(None, Ending.OOM, TOO_MUCH, judged=True)
    if job and job.state == CANCELLED:
        return JobEnd(None, Ending.CANCELLED, _cancelled(job), judged=True)
    named = f"Slurm ended job {job.number}: {why}" if job else why
    said = files.complaint()
    hint = said or ("" if files.has("begun") or not job or not job.began else _UNSEEN.format(files.directory))
    return JobEnd(None, Ending.INFRASTRUCTURE, f"{named}; {hint}" if hint else named, judged=True)


_UNSEEN = "it left nothing in {}: is --data on a folder that the partition's machines share under the same path?"


def _unless_told(files: JobFiles, ending: Ending) -> Ending:
    return Ending.STOPPED if files.has("stop.json") else ending
