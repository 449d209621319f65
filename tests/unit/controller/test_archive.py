"""Old logs go into the store and the bucket beside everything else; what fails is told once and holds up nothing."""

import errno
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from controller.housekeeping import archive as archiving
from controller.housekeeping.archive import LogArchive
from controller.housekeeping.retry import RESTS, RetriedWork
from flow.model.snapshot import Snapshot
from runner.logs import far_logs
from runner.logs.archive import archived, sent_to
from runner.store.errors import Away, MissingObject
from runner.store.packed import Packed
from schema.execution import Execution, LogRecord, State
from tests.unit.flow.builders import fleet, started

CONTENT = b"2026-01-01T00:00:00Z O a line\n" * 1000


class Shelf:
    """What a bucket has under digests, without a server."""

    name = "s3://b"

    def __init__(self) -> None:
        self.has_it, self.away, self.asked = dict[str, bytes](), False, 0

    @property
    def packed(self) -> "Shelf":
        return self

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise Away("the bucket does not answer")

    def has(self, digest: str, size: int) -> bool:
        self._ask()
        return len(self.has_it.get(digest, b"")) == size

    def put(self, digest: str, path: Path) -> None:
        self._ask()
        self.has_it[digest] = path.read_bytes()

    def open(self, digest: str) -> io.BytesIO:
        self._ask()
        if digest not in self.has_it:
            raise MissingObject(digest)
        return io.BytesIO(self.has_it[digest])


class Bench:
    """A data directory with logs of so many executions that ended, and what archives them when it is told to."""

    def __init__(self, data: Path, runs: int = 3, bucket: Shelf | None = None) -> None:
        data.mkdir(exist_ok=True)
        self.data, self.bucket, self.clock, self.said = data, bucket, 0.0, list[str]()
        story = started(
            f"name: p\nstages:\n{''.join(f'  - {{name: s{n}, image: i}}' + chr(10) for n in range(runs or 1))}"
        )
        self.records = list[Execution]()
        for number in range(runs):
            record = story.ran()
            content = CONTENT + b"%d" % number
            self.records.append(record.model_copy(update={"log": LogRecord(bytes=len(content), digest=None)}))
            folder = self.run(number)
            folder.mkdir(parents=True)
            (folder / "project").write_text("v")
            (folder / "execution").write_text(str(record.execution))
            (folder / "log").write_bytes(content)
            os.utime(folder / "log", (0, 0))
        self.snapshot: Snapshot = fleet(story)
        self.held = frozenset[tuple[str, int]]()
        self.archiving = LogArchive(
            data, bucket, self.said.append, submit=lambda work: work(), clock=lambda: self.clock  # type: ignore[arg-type]
        )  # fmt: skip
        self.packed = Packed(data / "store")

    def run(self, number: int) -> Path:
        return self.data / "runs" / f"{number + 1:032x}"

    def look(self, after: float = 0.0) -> None:
        self.clock += after
        self.archiving.look(self.snapshot, lambda: self.held)

    def have(self) -> Iterator[bool]:
        return ((self.run(number) / "log").exists() for number in range(len(self.records)))


def test_R1450_old_logs_are_archived_and_young_short_or_spoken_of_ones_are_not(tmp_path: Path) -> None:
    it = Bench(tmp_path, 4)
    os.utime(it.run(1) / "log")
    (it.run(2) / "log").write_bytes(b"short")
    os.utime(it.run(2) / "log", (0, 0))
    it.held = frozenset({("v", 4)})
    it.look()
    assert list(it.have()) == [False, True, True, True]
    assert archived(it.run(0))
    assert it.said == []


def test_R1450_a_stage_that_runs_and_has_been_quiet_for_long_keeps_its_log_and_so_does_another_claims_run(
    tmp_path: Path,
) -> None:
    it = Bench(tmp_path)
    [view] = it.snapshot.projects.values()
    runs = view.executions[1].model_copy(update={"state": State.RUNNING})
    claim = view.executions[2].claim.model_copy(update={"container": "f" * 32})
    renewed = view.executions[2].model_copy(update={"claim": claim})
    changed = replace(view, executions=(view.executions[0], runs, renewed))
    it.snapshot = replace(it.snapshot, projects={view.id: changed})
    it.look()
    assert list(it.have()) == [False, True, True]


def test_one_that_cannot_be_read_is_told_once_and_keeps_no_other_back(tmp_path: Path) -> None:
    it = Bench(tmp_path)
    (it.run(0) / "log").unlink()
    (it.run(0) / "log.gz").write_bytes(b"no gzip")
    for _ in range(20):
        it.look()
    assert list(it.have()) == [False, False, False]
    assert [text for text in it.said if "log.gz cannot be read" in text] == it.said
    assert len(it.said) == 1
    it.look(RESTS.first)
    assert len(it.said) == 1
    (it.run(0) / "log.gz").unlink()
    it.look(2 * RESTS.first)
    (it.run(0) / "log.gz").write_bytes(b"no gzip")
    it.snapshot = fleet(started())
    it.look()
    assert len(it.said) == 1, "of a run that no record names nothing is said"


def test_what_fails_rests_longer_each_time(tmp_path: Path) -> None:
    now, tries, said = 0.0, 0, list[str]()
    it = RetriedWork(said.append, lambda: now)

    def fails() -> None:
        nonlocal tries
        tries += 1
        raise OSError(errno.ENOSPC, f"full {tries}")

    for second in range(4 * 3600):
        now = float(second)
        if second == 0 or it.due:
            it.begin()
            it.part("a", fails)
            it.part("b", lambda: None)
            it.done()
    assert len(said) == 1
    assert 8 <= tries <= 1 + 6 + 4 * 3600 / RESTS.longest
    it.begin()
    it.part("a", lambda: None)
    it.done()
    assert not it.due
    it.begin()
    it.part("a", fails)
    assert len(said) == 2


def test_a_log_that_could_not_be_archived_is_not_read_again_with_every_commit(tmp_path: Path) -> None:
    """It may be large. After its rest it is."""
    it, tries, took = Bench(tmp_path), list[str](), archiving.archive

    def archive(run: Path, **more: Any) -> bool:
        tries.append(run.name)
        if run == it.run(0) and it.clock < 3000:
            raise OSError(errno.EIO, "the disk cannot read it")
        return took(run, **more)

    with patch.object(archiving, "archive", archive):
        for number in range(500):
            it.snapshot = replace(it.snapshot, main=f"{number:040x}")
            it.look(10.0)
            if list(it.have()) == [False] * 3:
                break
    assert list(it.have()) == [False] * 3
    assert it.clock < 6000, "it was tried again"
    assert len(tries) < 12
    assert len(it.said) == 1


def test_R1450_what_is_archived_goes_to_the_bucket_once(tmp_path: Path) -> None:
    it = Bench(tmp_path, bucket=Shelf())
    assert it.bucket
    it.look()
    assert sorted(it.bucket.has_it) == sorted(str(archived(it.run(n))) for n in range(3))
    assert [sent_to(it.run(n)) for n in range(3)] == ["s3://b"] * 3
    asked = it.bucket.asked
    for again in (it.archiving, LogArchive(tmp_path, it.bucket, it.said.append, submit=lambda work: work())):  # type: ignore[arg-type]
        again._seen = None
        again.look(it.snapshot, frozenset)
    assert it.bucket.asked == asked


def test_a_bucket_that_is_away_is_asked_once_a_look_and_holds_up_no_archiving(tmp_path: Path) -> None:
    it = Bench(tmp_path, bucket=Shelf())
    assert it.bucket
    it.bucket.away = True
    it.look()
    assert list(it.have()) == [False] * 3
    assert it.bucket.asked == 1
    it.look(RESTS.first)
    assert it.bucket.asked == 2
    assert len(it.said) == 1
    it.bucket.away = False
    it.look(2 * RESTS.first)
    assert len(it.bucket.has_it) == 3


def test_what_somebody_wants_to_read_comes_from_the_bucket(tmp_path: Path) -> None:
    bucket = Shelf()
    one, two = Bench(tmp_path / "one", bucket=bucket), Bench(tmp_path / "two", 0, bucket=bucket)
    one.look()
    digest = str(archived(one.run(1)))
    record = one.records[1].model_copy(update={"log": LogRecord(bytes=len(CONTENT) + 1, digest=digest)})
    assert far_logs.wish(two.data, "v", record) is None, "its node has no bucket"
    (two.data / "view.json").write_text('{"bucket": "s3://b"}')
    for having, found in ((dict(bucket.has_it), True), ({}, False)):
        bucket.has_it = having
        path = far_logs.wish(two.data, "v", record)
        assert path
        assert far_logs.asked(two.data, record)
        two.look()
        assert not path.exists()
        assert two.packed.has(digest) is found
        two.packed.forget_fetched(0.0)
    assert two.said == []
    bucket.has_it = {digest: b"something else"}
    far_logs.wish(two.data, "v", record)
    two.look()
    assert not two.packed.has(digest)
    assert len(two.said) == 1


def test_what_was_fetched_goes_after_a_day_and_what_no_run_names_at_once(tmp_path: Path) -> None:
    it = Bench(tmp_path)
    it.look()
    digests = [str(archived(it.run(n))) for n in range(3)]
    fetched = it.packed.path(digests[0]).with_suffix(".fetched")
    fetched.write_text("v")
    for number in range(2):
        shutil.rmtree(it.run(number))
    it.archiving._seen = None
    it.look()
    assert [it.packed.has(digest) for digest in digests] == [True, False, True]
    os.utime(fetched, (0, 0))
    it.archiving._seen = None
    it.look()
    assert [it.packed.has(digest) for digest in digests] == [False, False, True]
