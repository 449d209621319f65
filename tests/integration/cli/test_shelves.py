"""R1310, R1320, R1340: files into the pool, a project and a next stage, by the command beside a real node."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.store.digests import of_bytes
from schema.execution import State
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
READS = "open('seen', 'w').write(open(os.environ['WINSLOW_FILES'] + '/notes/a.txt').read())"


def test_R1340_a_stage_reads_what_was_put_into_its_project(lab: Labs, command: Commands, tmp_path: Path) -> None:
    here = lab(stage("one", READS))
    ctl = command(here)
    (tmp_path / "a.txt").write_text("words")
    ctl("files", "put", str(tmp_path / "a.txt"), "v:notes/")
    assert [row["path"] for row in ctl.json("files", "ls", "v:notes")] == ["notes/a.txt"]
    here.node()
    here.ask("request: start")
    here.until_reason("Done")
    ctl("files", "get", "v/1/seen", "-o", str(tmp_path / "seen"))
    assert (tmp_path / "seen").read_text() == "words"
    assert ctl.json("files", "du", "v/1")[0]["bytes"] == 5
    whole = ctl.json("files", "du", "v")
    assert [(row["what"], row["bytes"]) for row in whole][1:] == [("v/1", 5)]
    assert whole[0] == ctl.json("files", "du", "v:")[0]
    ctl("files", "rm", "v:notes/a.txt", "--yes")
    assert ctl.json("files", "ls", "v:notes") == []


def test_R1340_what_was_promised_is_listed_apart_from_all_that_was_left(
    lab: Labs, command: Commands, tmp_path: Path
) -> None:
    """As the repository has it: also where nobody who has the files is asked, or is there any more."""
    writes = "os.mkdir('d'); [open(name, 'w').write(name) for name in ('tracks', 'd/deep', 'scratch')]"
    here = lab(stage("one", writes, artifacts="{paths: [tracks, 'd/*']}") + stage("two", "open('more', 'w')"))
    ctl = command(here)
    node = here.node()
    here.ask("request: start")
    here.until_reason("Done")
    promised = ctl.json("files", "ls", "v/1", "--artifacts")
    assert [(row["path"], row["bytes"], row["digest"]) for row in promised] == [
        (name, len(name), of_bytes(name.encode())) for name in ("d/deep", "tracks")
    ]
    every = ctl.json("files", "ls", "v/1")
    assert [row["path"] for row in every] == ["d/deep", "scratch", "tracks"]
    assert [row for row in every if row["path"] != "scratch"] == promised
    assert ctl.json("files", "ls", "v/1/d", "--artifacts") == promised[:1]
    assert ctl.json("files", "ls", "v/2", "--artifacts") == []
    assert {(row["execution"], row["path"]) for row in ctl.json("files", "ls", "v", "--artifacts")} == {
        (1, "d/deep"), (1, "tracks")
    }  # fmt: skip
    node.kill()
    shutil.rmtree(here.folder / "n1")
    assert ctl.json("files", "ls", "v/1", "--artifacts") == promised
    assert ctl.json("files", "ls", "v/1") == promised


def test_R1310_R1320_the_pool_is_listed_filled_and_read(lab: Labs, command: Commands, tmp_path: Path) -> None:
    here = lab(stage("one"))
    ctl = command(here)
    (tmp_path / "day").mkdir()
    for name in ("1.mp4", "2.mp4"):
        (tmp_path / "day" / name).write_text(name)
    ctl("files", "put", str(tmp_path / "day"), "pool:")
    assert [row["path"] for row in ctl.json("files", "ls", "pool:day")] == ["day/1.mp4", "day/2.mp4"]
    assert "there already" in ctl("files", "put", str(tmp_path / "day" / "1.mp4"), "pool:day/", code=1)
    ctl("files", "get", "pool:day/2.mp4", "-o", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "2.mp4"


def test_R1320_a_changed_file_for_the_next_stage_leaves_the_execution_as_it_was(
    lab: Labs, command: Commands, tmp_path: Path
) -> None:
    here = lab(
        stage("one", "open('tracks', 'w').write('old')")
        + stage("two", "open('seen', 'w').write(open('tracks').read())")
    )
    ctl = command(here)
    here.node()
    here.ask("request: start\nthen: pause")
    here.until_reason("PauseRequested")
    (tmp_path / "mine").write_text("new")
    said = ctl("files", "put", str(tmp_path / "mine"), "v/1/tracks")
    ctl(*re.findall(r"winslowctl (.*)", said)[0].split())
    view = here.until_reason("Done")
    assert [each.state for each in view.executions] == [State.SUCCEEDED] * 2
    for what, words in (("v/2/seen", "new"), ("v/1/tracks", "old")):
        ctl("files", "get", what, "-o", str(tmp_path / "got"))
        assert (tmp_path / "got").read_text() == words


@pytest.mark.parametrize("where", ["../x", "pool:../x", "v:/etc/passwd", "v/0/x", "V!/1/x", "-oProxyCommand=x"])
def test_S9_hostile_places_are_refused(lab: Labs, command: Commands, tmp_path: Path, where: str) -> None:
    ctl = command(lab(stage("one")))
    (tmp_path / "a").write_text("x")
    said = ctl.run("files", "put", str(tmp_path / "a"), where)
    assert said.code in (1, 2), said
    assert "Traceback" not in said.err
