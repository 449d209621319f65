"""L2: every row of the table in `runner.slurm.endings`: whose word counts, and how long it is waited for."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.contract.spec import Ending
from runner.slurm.endings import USUAL, JobEnd, of
from runner.slurm.job_files import JobFiles
from runner.slurm.jobs import SlurmJob


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    return JobFiles(tmp_path)


def write(files: JobFiles, name: str, **content: object) -> None:
    (files.directory / f"{name}.json").write_text(json.dumps(content))


def old(seconds: float) -> Callable[[str], float]:
    return lambda what: seconds


def job(state: str, used: float = 5.0) -> SlurmJob:
    return SlurmJob("7", state, used=used)


def test_L2_the_shims_word_is_the_end_whatever_slurm_says(files: JobFiles) -> None:
    write(files, "exit", code=0, stopped=False, asked=False)
    for known in (None, job("RUNNING"), job("COMPLETING"), job("CANCELLED"), job("NODE_FAIL")):
        assert of(files, known, old(0)) == JobEnd(0, Ending.EXIT)


def test_L2_silence_of_slurm_is_no_end(files: JobFiles) -> None:
    assert of(files, None, old(USUAL.unknown - 1)) is None
    found = of(files, None, old(USUAL.unknown))
    assert found is not None
    assert (found.ending, found.judged) == (Ending.INFRASTRUCTURE, True)


@pytest.mark.parametrize(
    ("state", "ending"),
    [
        ("CANCELLED", Ending.CANCELLED),
        ("PREEMPTED", Ending.INFRASTRUCTURE),
        ("TIMEOUT", Ending.INFRASTRUCTURE),
        ("OUT_OF_MEMORY", Ending.OOM),
        ("NODE_FAIL", Ending.INFRASTRUCTURE),
    ],
)
def test_L2_of_a_stage_that_slurm_told_to_end_slurm_knows_why(files: JobFiles, state: str, ending: Ending) -> None:
    write(files, "exit", code=0, stopped=True, asked=True)
    assert of(files, job("COMPLETING"), old(1)) is None
    found = of(files, job(state), old(1))
    assert found is not None
    assert found.ending is ending


def test_L2_a_program_that_died_of_its_own_fault_is_no_victim_of_slurm(files: JobFiles) -> None:
    write(files, "exit", code=3, stopped=False, asked=False)
    assert of(files, job("COMPLETED"), old(0)) == JobEnd(3, Ending.EXIT)
    assert of(files, job("RUNNING"), old(0)) is None
    assert of(files, job("RUNNING"), old(USUAL.why)) == JobEnd(3, Ending.EXIT)


def test_L2_lack_of_memory_is_told_by_the_job_itself(files: JobFiles) -> None:
    write(files, "exit", code=137, stopped=False, asked=False, oom=True)
    found = of(files, job("COMPLETED"), old(0))
    assert found is not None
    assert found.ending is Ending.OOM


def test_L2_a_folder_that_is_five_minutes_late_loses_no_result(files: JobFiles) -> None:
    assert of(files, job("COMPLETED"), old(300)) is None
    write(files, "exit", code=0, stopped=False, asked=False)
    assert of(files, job("COMPLETED"), old(300)) == JobEnd(0, Ending.EXIT)


def test_L2_what_a_machine_took_with_it_is_judged_after_a_while_and_stays_so(files: JobFiles) -> None:
    (files.directory / "begun").mkdir()
    assert of(files, job("NODE_FAIL"), old(USUAL.over - 1)) is None
    found = of(files, job("NODE_FAIL"), old(USUAL.over))
    assert found is not None
    assert (found.ending, found.text) == (Ending.INFRASTRUCTURE, "Slurm ended job 7: NODE_FAIL")
    write(files, "judged", **found.facts())
    write(files, "exit", code=0, stopped=False, asked=False)
    again = of(files, None, old(0))
    assert again is not None
    assert (again.ending, again.text) == (found.ending, found.text)


def test_L2_what_never_began_is_told_at_once(files: JobFiles) -> None:
    found = of(files, job("DEADLINE", used=0.0), old(0))
    assert found is not None
    assert found.text == "Slurm ended job 7: DEADLINE before it began"
    cancelled = of(files, job("CANCELLED", used=0.0), old(0))
    assert cancelled is not None
    assert cancelled.ending is Ending.CANCELLED


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "TIMEOUT"])
def test_L2_a_stage_of_less_than_a_second_has_begun(files: JobFiles, state: str) -> None:
    """Slurm counts no time for it, but from the queue no job comes into such a state."""
    assert of(files, job(state, used=0.0), old(USUAL.over - 1)) is None
    write(files, "exit", code=0, stopped=False, asked=False)
    assert of(files, job(state, used=0.0), old(USUAL.over - 1)) == JobEnd(0, Ending.EXIT)


def test_L2_a_job_that_is_cancelled_while_its_shim_begins_is_told_soon(files: JobFiles) -> None:
    """A signal that comes before the shim listens ends it without a word."""
    (files.directory / "begun").mkdir()
    assert of(files, job("CANCELLED"), old(USUAL.why - 1)) is None
    found = of(files, job("CANCELLED"), old(USUAL.why))
    assert found is not None
    assert found.ending is Ending.CANCELLED


def test_L2_a_job_that_was_put_back_into_the_queue_is_over(files: JobFiles) -> None:
    (files.directory / "begun").mkdir()
    assert of(files, job("PENDING"), old(1)) is None
    found = of(files, job("PENDING"), old(USUAL.over))
    assert found is not None
    assert "put back into the queue" in found.text


def test_L2_what_we_told_to_end_is_never_anybody_elses_doing(files: JobFiles) -> None:
    write(files, "stop", at=1.0, boot="b")
    for state in ("CANCELLED", "NODE_FAIL"):
        found = of(files, job(state), old(USUAL.over))
        assert found is not None
        assert found.ending is Ending.STOPPED
    write(files, "exit", code=143, stopped=True, asked=True)
    assert of(files, job("RUNNING"), old(0)) == JobEnd(143, Ending.STOPPED)


def test_L2_a_folder_that_the_cluster_does_not_see_is_named(files: JobFiles) -> None:
    found = of(files, job("FAILED"), old(USUAL.over))
    assert found is not None
    assert "is --data on a folder that the partition's machines share" in found.text
    (files.directory / "shim.err").write_text("there is none of python3 on node7\n")
    found = of(files, job("FAILED"), old(USUAL.over))
    assert found is not None
    assert found.text == "Slurm ended job 7: FAILED; there is none of python3 on node7"
