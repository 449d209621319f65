"""What a job runs on its machine of the cluster: the shim of one stage, and what only it can say of its end.

Started as `python -I -S job.py DIRECTORY`, from a copy beside a copy of the shim on the folder that the cluster shares,
so that nothing of Winslow has to be installed there. It runs a stage once: a job that Slurm begins a second time says
that the first time is over, and nothing else.
"""

import os
import sys

try:
    from runner.process import shim
except ImportError:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    shim = __import__("shim")  # beside this file, and no package of anybody's

PASSED = ("SLURM", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL")
"""What the cluster says to a job, and its stage is to know too."""
ENDS = "ends"
TWICE = "Slurm began its job a second time, so the first one was ended by it"


def main(directory: str, given: dict[str, str], groups: str = "/proc/self/cgroup") -> None:
    try:
        os.mkdir(os.path.join(directory, "begun"))
    except FileExistsError:
        if not os.path.exists(os.path.join(directory, "exit.json")):
            shim.note(directory, "exit.json", {"code": None, "stopped": False, "lost": TWICE})
    else:
        before = kills(groups)
        shim.run(directory, passed(given), lambda: {"oom": kills(groups) > before})
    _ring()


def passed(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name.startswith(PASSED)}


def kills(groups: str, root: str = "/sys/fs/cgroup") -> int:
    """How often the kernel has killed for memory in the job's group, in version 1 or 2 of groups; 0 without any."""
    try:
        with open(groups) as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return 0
    found = 0
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers == "":
            found = max(found, _count(f"{root}{path}/memory.events"))
        elif "memory" in controllers.split(","):
            found = max(found, _count(f"{root}/memory{path}/memory.oom_control"))
    return found


def _count(path: str) -> int:
    try:
        with open(path) as file:
            facts = dict(line.split()[:2] for line in file if len(line.split()) >= 2)
        return int(facts.get("oom_kill", "0"))
    except (OSError, ValueError):
        return 0


def _ring() -> None:
    """Say that some job has ended, where the node looks often: it need not look at each job's folder."""
    try:
        ends = os.open(
            os.path.join(os.path.dirname(os.path.abspath(__file__)), ENDS),
            os.O_WRONLY | os.O_APPEND | os.O_CREAT,
            0o600,
        )
        os.write(ends, b".")
        os.close(ends)
    except OSError:
        pass


if __name__ == "__main__":
    main(sys.argv[1], dict(os.environ))
    os._exit(0)
