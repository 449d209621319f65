"""What only processes have: shims that are killed, numbers that are used again, strays, full disks, floods."""

import json
import os
import pwd
import resource
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.contract.errors import EngineRefused, ImageUnavailable
from runner.contract.spec import Condition, Ending, Watched
from runner.logs import log_file
from runner.process import shim
from runner.process.process_runner import HostImage, ProcessRunner, read_images
from runner.process.supervisor import kill_marked
from tests.contract.runners import ENDS, IGNORES, WAITS, Bench, log, process

STRAY = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = process(tmp_path)
    yield bench
    bench.close()


def facts(bench: Bench, container: str, name: str = "shim.json") -> dict[str, object]:
    return dict(json.loads((bench.root / "runs" / container / name).read_text()))


def alive(pid: int) -> bool:
    try:
        shim.start_time(pid)
    except OSError:
        return False
    return True


def first_number(spec: object) -> int | None:
    lines = [line.split(" ", 2)[2] for line in log(spec).splitlines() if " O " in line]  # type: ignore[arg-type]
    return int(lines[0]) if lines else None


def test_a_shim_that_is_killed_takes_its_stage_along(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(STRAY + "import time; print('up', flush=True); time.sleep(60)")
    bench.run(runner, spec)
    bench.up(runner, spec)
    stray = first_number(spec)
    os.kill(int(str(facts(bench, spec.id)["pid"])), signal.SIGKILL)
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.INFRASTRUCTURE, None)
    assert "kill" in found.detail
    assert stray is not None
    bench.until(lambda: not alive(stray))
    again = bench.end(bench.again(runner), spec.id)
    assert replace(again, last_output=None) == replace(found, last_output=None)


def test_what_a_stage_leaves_behind_ends_with_it(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(STRAY)
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0
    stray = first_number(spec)
    assert stray is not None
    assert not alive(stray)


def test_a_stop_ends_what_left_the_group_too(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(STRAY + "import time; print('up', flush=True); time.sleep(60)")
    bench.run(runner, spec)
    bench.up(runner, spec)
    stray = first_number(spec)
    runner.stop(spec.id)
    assert bench.end(runner, spec.id).ending is Ending.STOPPED
    assert stray is not None
    assert not alive(stray)


def test_F3_a_stop_after_its_time_was_over_does_not_prolong_it(bench: Bench) -> None:
    runner, until = bench.runner(), bench.now() + 2.0
    spec = replace(bench.spec(IGNORES), grace=600.0, watched=Watched(until, 4.0))
    bench.run(runner, spec)
    bench.up(runner, spec)
    bench.until(lambda: bench.now() > until + 3.0)
    runner.stop(spec.id)
    assert bench.end(runner, spec.id).ending is Ending.LAPSED
    assert bench.now() < until + 6.0


def test_F3_the_time_to_its_kill_goes_on_in_suspend(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a suspend, in which the clock of what passed while awake stood still."""
    stage = object.__new__(shim.StageProcess)
    stage.grace, stage.asked, stage.deadline = 600.0, None, None
    deadline = bench.now() + 30.0
    stage.lapse(deadline)
    assert stage.asked is not None
    assert 0 < stage._until_killed(stage.asked) <= 30.0
    monkeypatch.setattr(shim.time, "clock_gettime", lambda clock: deadline)
    assert stage._until_killed(stage.asked) <= 0


def test_a_number_that_is_used_again_is_not_mistaken(bench: Bench) -> None:
    """The shim's number now belongs to this very process, which is neither reported as the stage nor signalled."""
    spec = ended_shim(bench, pid=os.getpid(), start=1)
    runner = bench.runner()
    runner.stop(spec)
    found = runner.containers()[spec]
    assert (found.condition, found.ending) == (Condition.EXITED, Ending.INFRASTRUCTURE)


def test_a_run_of_an_earlier_boot_has_ended(bench: Bench) -> None:
    spec = ended_shim(bench, pid=os.getpid(), start=shim.start_time(os.getpid()), boot="another")
    found = bench.runner().containers()[spec]
    assert (found.ending, found.started) == (Ending.INFRASTRUCTURE, None)


def ended_shim(bench: Bench, **other: object) -> str:
    """As a shim leaves its directory that had no time for its last note."""
    spec = bench.spec(WAITS)
    bench.runner().create(spec)
    runs = bench.root / "runs" / spec.id
    shim.note(str(runs), "launched", {})
    shim.first(str(runs), {"boot": shim.boot_id(), "started": 1.0, **other})
    return spec.id


def test_told_to_start_but_never_begun_is_an_end_that_is_told_once(bench: Bench) -> None:
    """The controller was killed between its note and the shim's start: nothing runs, and nothing is started again."""
    spec = bench.spec(WAITS)
    bench.runner().create(spec)
    shim.note(str(bench.root / "runs" / spec.id), "launched", {})
    runner = bench.runner()
    assert runner.containers()[spec.id].ending is Ending.INFRASTRUCTURE
    runner.start(spec.id)
    assert bench.again(runner).containers()[spec.id].exited


def test_one_broken_run_hides_no_other(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=0))
    bench.run(runner, spec)
    for name, text in (("order.json", "{"), ("order.json", "[]"), ("order.json", '{"labels": 3}'), ("log", "")):
        folder = bench.root / "runs" / f"{name}{len(text)}"
        folder.mkdir()
        (folder / name).write_text(text)
    torn = bench.spec(WAITS)
    runner.create(torn)
    for name in ("launched", "shim.json", "exit.json"):
        (bench.root / "runs" / torn.id / name).write_text('{"pid": "x", "code": [')
    assert bench.end(runner, spec.id).exit_code == 0
    assert set(runner.containers()) == {spec.id, torn.id}
    assert runner.containers()[torn.id].ending is Ending.INFRASTRUCTURE


def test_the_same_id_may_be_created_again_after_its_removal(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=2))
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    runner.remove(spec.id)
    assert runner.containers() == {}
    bench.run(runner, replace(spec, command=("python", "-c", ENDS.format(code=3))))
    assert bench.end(runner, spec.id).exit_code == 3


def test_a_program_that_is_not_there_is_named_in_the_log(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec("", command=("no-such-program",))
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 127
    assert "cannot run no-such-program" in log(spec)


def test_no_command_is_refused_and_leaves_nothing(bench: Bench) -> None:
    runner = bench.runner()
    with pytest.raises(EngineRefused, match="no command"):
        runner.create(bench.spec("", command=()))
    assert runner.containers() == {}


def test_images_are_folders_and_interpreters_of_the_host(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "images" / "traffic"
    folder.mkdir(parents=True)
    (folder / "detect.py").write_text("import os; print(os.environ['MODEL'])")
    (folder / "tool").write_text("#!/bin/sh\nexec python -m detect\n")
    (folder / "tool").chmod(0o755)
    mapped = {"winslow/traffic:*": {"folder": "images/traffic", "environment": {"MODEL": "small"}}}
    (tmp_path / "images.json").write_text(json.dumps(mapped))
    runner = bench.runner(images=read_images(tmp_path / "images.json"))
    for command in (("python", "-m", "detect"), ("tool",)):
        spec = bench.spec("", command=command, image="winslow/traffic:1")
        bench.run(runner, spec)
        assert bench.end(runner, spec.id).exit_code == 0, log(spec)
        assert log(spec).endswith(" O small\n")


def test_the_folder_that_stands_for_an_image_has_a_digest(bench: Bench, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.mkdir()
    runner = bench.runner(images={"a:*": HostImage(program), "b:*": HostImage(tmp_path / "gone")})
    before = runner.resolve("a:1", "missing").id
    assert str(before).startswith("blake3:")
    (program / "x.py").write_text("print(1)")
    assert runner.resolve("a:2", "missing").id != before
    gone = runner.resolve("b:1", "missing")
    assert gone.id == "host:b:1"
    assert "no digest of its program is recorded" in gone.detail


def test_a_stage_has_its_users_name_and_leaves_no_core(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is the machine's: who called `sudo` is in the node's variables, and in no stage's."""
    monkeypatch.setenv("USER", "somebody-else")
    names = "os.environ['USER'] == os.environ['LOGNAME'], os.environ['USER']"
    script = f"import os, resource; print({names}, *resource.getrlimit(resource.RLIMIT_CORE))"
    runner, spec = bench.runner(), bench.spec(script)
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    assert f"O True {pwd.getpwuid(os.getuid()).pw_name} 0 0" in log(spec)


def test_an_image_that_nothing_stands_for_names_the_remedy(bench: Bench) -> None:
    runner = bench.runner(images={"a/*": HostImage()})
    assert runner.resolve("a/b", "always").digest is None
    with pytest.raises(ImageUnavailable, match="--images"):
        runner.resolve("b/c", "missing")


def test_the_order_is_not_for_everybodys_eyes(bench: Bench) -> None:
    """It holds the stage's environment."""
    spec = bench.spec(WAITS)
    bench.runner().create(spec)
    assert (bench.root / "runs" / spec.id / "order.json").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_F20_a_flood_is_capped_in_bounded_memory(bench: Bench) -> None:
    runner = bench.runner(log_cap=1 << 20)
    spec = bench.spec("", command=("sh", "-c", "yes | head -c 200M"))
    # A child counts as large as this process for the moment between fork and exec.
    before = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0
    runner.reap()
    assert (spec.directory / "log").stat().st_size < (1 << 20) + 200
    summary = log_file.summarise(spec.directory / "log")
    assert len(summary.text.encode()) <= 64 * 1024
    assert "the log is full" in summary.text
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after <= before + 64 * 1024  # KiB, of the largest child


def test_nothing_marked_means_nothing_killed(tmp_path: Path) -> None:
    kill_marked(tmp_path)


def test_F21_on_a_full_disk_the_end_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = shim.note, [3]

    def note(directory: str, name: str, content: dict[str, object]) -> None:
        left[0] -= 1
        if left[0]:
            raise OSError(28, "No space left on device")
        real(directory, name, content)

    monkeypatch.setattr(shim, "note", note)
    monkeypatch.setattr(shim, "RETRY", 0)
    shim._note_end(str(tmp_path), {"code": 4})
    assert json.loads((tmp_path / "exit.json").read_text()) == {"code": 4}


def test_F21_lines_that_do_not_fit_on_the_disk_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = shim.ShimLog(str(tmp_path / "log"), log_file.CAP)
    kept.feed("O", b"one\n")
    write = os.write

    def torn(file: int, text: bytes) -> int:
        if len(text) > 5:
            return write(file, text[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", torn)
        kept.feed("O", b"two\nthree\n")
    kept.feed("O", b"four\n")
    texts = [line.text for line in log_file.tail(tmp_path / "log", 9)]
    assert texts == ["one", "2 lines are missing: the disk was full", "four"]


def test_pieces_of_lines_are_put_together(tmp_path: Path) -> None:
    kept = shim.ShimLog(str(tmp_path / "log"), log_file.CAP)
    for piece in (b"a", b"b\nc", b"\n\n", b"d"):
        kept.feed("O", piece)
    kept.feed("E", b"e\n")
    kept.close()
    lines = log_file.tail(tmp_path / "log", 9)
    assert [(line.stream, line.text) for line in lines] == [("O", "ab"), ("O", "c"), ("O", ""), ("E", "e"), ("O", "d")]


def test_the_lookup_of_a_stage_costs_little(bench: Bench) -> None:
    """Ended runs and folders of removed ones are not read again."""
    runner = bench.runner()
    assert isinstance(runner, ProcessRunner)
    spec = bench.spec(ENDS.format(code=0))
    bench.run(runner, spec)
    first = bench.end(runner, spec.id)
    assert runner.containers()[spec.id] is first
