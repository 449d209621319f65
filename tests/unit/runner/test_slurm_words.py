"""What Slurm says, and what it is told: lines of `squeue` and `sinfo`, options of `sbatch`, groups of the kernel."""

from dataclasses import replace
from pathlib import Path

import pytest

import runner.slurm.commands
from runner.contract.errors import EngineRefused, EngineUnavailable
from runner.contract.labels import Owner
from runner.contract.spec import Limits, Spec
from runner.slurm import jobs, partition, submission
from runner.slurm.commands import SlurmCommands
from runner.slurm.job import kills, passed
from runner.slurm.jobs import JobPhase
from runner.slurm.submission import SlurmOptions

OWNER = Owner("r1", "cluster", "i1")
MAIN = SlurmOptions("main")


def spec(**more: object) -> Spec:
    given: dict[str, object] = {"labels": {}, "image": "host", "command": ("true",), "entrypoint": None}
    given |= {"environment": {}, "workspace": Path("/w"), "directory": Path("/runs/50%/abc"), "id": "abc"}
    return Spec(**{**given, **more})  # type: ignore[arg-type]


def test_a_line_of_squeue_is_a_job_and_anything_else_is_none() -> None:
    text = (
        "7|PENDING|Priority|2026-11-30T20:00:00|0:00|abc|winslow r n i\n"
        "8|RUNNING|None|2026-11-30T19:00:00|1-02:03:04|a|b|c\n"
        "slurm_load_jobs: warning\n9_1|RUNNING|None|N/A|0:01|array|(null)\n\n"
    )
    waiting, running = jobs.parse(text)
    assert (waiting.number, waiting.phase, waiting.waits_for()) == ("7", JobPhase.WAITING, "Priority")
    assert (waiting.start, waiting.comment, waiting.began) == ("2026-11-30T20:00:00", "winslow r n i", False)
    assert (running.used, running.name, running.comment) == (93784.0, "a", "b|c")


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("COMPLETING", "active"),
        ("NODE_FAIL", "over"),
        ("PREEMPTED", "over"),
        ("REQUEUED", "waiting"),
        ("NEW", "active"),
    ],
)
def test_every_state_is_in_a_phase(state: str, phase: str) -> None:
    assert jobs.SlurmJob("1", state).phase == phase


def test_a_partition_is_the_sum_of_its_machines_that_are_up() -> None:
    text = (
        "a|8|16000|gpu:a100:2(S:0-1)|idle|1-00:00:00\nb|8|16000|gpu:a100:1,gpu:t4:4|mix|1-00:00:00\n"
        "c|99|1|(null)|down*|1-00:00:00\nnonsense\n"
    )
    found = partition.parse(text)
    assert (found.machines, found.cpus, found.memory) == (2, 16, 32000 * 1024 * 1024)
    assert found.longest == 86_400.0
    assert found.models == {"a100": 3, "t4": 4}
    assert [gpu.uuid for gpu in found.gpus()][:4] == ["slurm-a100-0", "slurm-a100-1", "slurm-a100-2", "slurm-t4-0"]


def test_a_cluster_that_counts_no_memory_is_not_full_at_once() -> None:
    assert partition.parse("a|8|1|(null)|idle|infinite").memory == 0


def test_only_a_cluster_with_groups_holds_stages_to_their_limits() -> None:
    assert partition.holds_to_limits("Foo = x\nTaskPlugin              = task/cgroup,task/affinity\n")
    assert not partition.holds_to_limits("TaskPlugin              = task/none\n")


def test_a_job_is_held_named_after_its_claim_and_never_begun_again_by_slurm() -> None:
    where = SlurmOptions("gpu", account="lab", qos="long", constraint="a100|h100")
    given = submission.arguments(spec(), OWNER, where)
    assert {"--hold", "--no-requeue", "--dependency=singleton", "--job-name=abc"} <= set(given)
    assert {"--partition=gpu", "--account=lab", "--qos=long", "--constraint=a100|h100"} <= set(given)
    assert "--comment=winslow r1 cluster i1" in given
    assert "--output=/runs/50%%/abc/shim.err" in given


def test_a_job_asks_for_what_its_stage_does() -> None:
    wanted = spec(limits=Limits(memory=2**30 + 1, cpus=2.5), gpus=("slurm-a100-0", "slurm-a100-2", "slurm-t4-1"))
    given = submission.arguments(wanted, OWNER, MAIN)
    assert {"--cpus-per-task=3", "--mem=1025M", "--gres=gpu:a100:2,gpu:t4:1"} <= set(given)
    assert "--gres=gpu:1" in submission.arguments(spec(gpus=("slurm-gpu-0",)), OWNER, MAIN)


def test_a_timeout_becomes_a_limit_that_leaves_winslow_the_first_word() -> None:
    assert "--time=13" in submission.arguments(spec(timeout=600.0), OWNER, MAIN)
    assert "--time=5" in submission.arguments(spec(timeout=600.0), OWNER, MAIN, 300.0)
    assert not [each for each in submission.arguments(spec(), OWNER, MAIN) if each.startswith("--time")]


def test_what_no_job_can_be_given_is_refused_with_its_name() -> None:
    with pytest.raises(EngineRefused, match="shm_size or pids"):
        submission.arguments(replace(spec(), limits=Limits(shm_size=1, pids=1)), OWNER, MAIN)


def test_the_script_quotes_what_is_put_into_it() -> None:
    text = submission.script(("py thon", "python3"), Path("/a b/job.py"), Path("/x'y"))
    assert "for python in 'py thon' python3; do" in text
    assert "exec \"$python\" -I -S '/a b/job.py' '/x'\"'\"'y'" in text


def test_only_what_the_cluster_says_of_a_job_reaches_its_stage() -> None:
    given = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "1", "PATH": "/x", "SECRET": "s"}
    assert passed(given) == {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "1"}


@pytest.mark.parametrize("version", [1, 2])
def test_the_kernels_kills_are_counted_in_both_versions_of_groups(tmp_path: Path, version: int) -> None:
    groups, root = tmp_path / "cgroup", tmp_path / "fs"
    place = root / ("memory/slurm/job_1" if version == 1 else "slurm/job_1")
    place.mkdir(parents=True)
    file, line = (
        ("memory.oom_control", "7:memory:/slurm/job_1") if version == 1 else ("memory.events", "0::/slurm/job_1")
    )
    (place / file).write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    groups.write_text(f"8:cpu,cpuacct:/x\n{line}\n")
    assert kills(str(groups), str(root)) == 2
    assert kills(str(tmp_path / "none")) == 0


def fake_command(folder: Path, name: str, body: str) -> SlurmCommands:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)
    return SlurmCommands({"PATH": f"{folder}:/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", "away"),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", "away"),
        ("sbatch: error: AssocMaxSubmitJobLimit", "away"),
        ("sbatch: error: QOSMaxSubmitJobPerUserLimit", "away"),
        ("sbatch: error: AssocGrpSubmitJobsLimit", "away"),
        ("sbatch: error: invalid partition specified: nope", "refused"),
        ("sbatch: error: Batch job submission failed: Invalid account or account/partition combination", "refused"),
    ],
)
def test_what_passes_is_told_from_what_ends_a_stage(tmp_path: Path, said: str, error: str) -> None:
    commands = fake_command(tmp_path / "bin", "sbatch", f"echo '{said}' >&2; exit 1")
    with pytest.raises(EngineUnavailable if error == "away" else EngineRefused, match="sbatch: "):
        commands.submit([], "")


def test_a_number_with_the_clusters_name_behind_it_is_a_number(tmp_path: Path) -> None:
    assert fake_command(tmp_path / "bin", "sbatch", "echo '17;east'").submit([], "") == "17"
    with pytest.raises(EngineUnavailable, match="did not name the job"):
        fake_command(tmp_path / "bin", "sbatch", "echo welcome").submit([], "")


def test_what_says_more_than_is_read_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.slurm.commands, "MOST", 1_000_000)
    with pytest.raises(EngineUnavailable, match="squeue says more than 977 KiB, which is not read"):
        fake_command(tmp_path / "bin", "squeue", "exec yes 1").jobs()


def test_what_does_not_answer_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.slurm.commands, "LIMIT", 1.0)
    with pytest.raises(EngineUnavailable, match="has not answered sinfo within 1 s"):
        fake_command(tmp_path / "bin", "sinfo", "sleep 600 & wait").machines("main")


def test_commands_that_are_missing_are_named(tmp_path: Path) -> None:
    assert "sbatch" in SlurmCommands({"PATH": str(tmp_path)}).missing() or SlurmCommands().missing() == []
