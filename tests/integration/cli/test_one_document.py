"""`validate FILE` and `validate -`: one document, and what is said where nothing can be written."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import complaints
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
ctl = Command()

GIVEN = [
    ("name: q\nstages: [{name: a, image: host/python}]\n", "", 0, "1 document, 0 problems"),
    ("name: q\nstages: 7\n", "", 1, "standard input:2:9: a list is wanted, not 7"),
    ("name: q\nstages: [{name: a, image: host/python}]\n", "pipelines/p.yaml", 1, "its name is 'q', its file says 'p'"),
    ("request: strat\n", "", 1, "did you mean 'start'?"),
    ("pipeline: q\ntags: 7\n", "", 1, "standard input:2:7:"),
    ("drain: maybe\n", "", 1, "standard input:1:8:"),
    ("name: q\n", "", 2, "what kind of document is it? Say where it belongs: --as pipelines/NAME.yaml"),
    ("- 1\n", "", 2, "what kind of document is it?"),
    ("name: q\n", "projects/q/project.yml", 2, "a project's file is projects/q/project.yaml"),
    ("name: q\n", "notes.txt", 2, "no document has this path"),
    ("a: [\n", "", 1, "standard input:"),
]


@pytest.mark.parametrize(("text", "place", "code", "words"), GIVEN)
def test_R1110_standard_input_is_checked_as_one_document(
    monkeypatch: pytest.MonkeyPatch, text: str, place: str, code: int, words: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    said = ctl.run("validate", "-", *(("--as", place) if place else ()))
    assert said.code == code, said
    assert words in said.out + said.err


def test_R1110_a_file_of_a_working_copy_is_checked_with_what_the_others_say(tmp_path: Path) -> None:
    (tmp_path / "projects" / "a").mkdir(parents=True)
    (tmp_path / "winslow.yaml").write_text("schema: 7000000000000000000000000000000000000000000\n")
    project, notes = tmp_path / "projects" / "a" / "project.yaml", tmp_path / "notes.txt"
    project.write_text("pipeline: nowhere\n")
    notes.write_text("words\n")
    said = ctl.run("validate", str(project))
    assert said.code == 1
    assert said.out.splitlines() == [
        "projects/a/project.yaml:1:11: there is no pipeline 'nowhere'",
        "1 document, 1 problem",
    ]
    assert "nothing reads a file of that path" in ctl("validate", str(notes), code=2)
    assert "there is no file or folder" in ctl("validate", str(tmp_path / "gone.yaml"), code=1)
    assert "of a single document" in ctl("validate", str(tmp_path), "--as", "pipelines/p.yaml", code=2)


def test_what_a_pipe_brings_needs_a_name_of_its_own(lab: Labs, command: Commands, tmp_path: Path) -> None:
    here = lab(stage("one", "print(1)"))
    (here.folder / "n1" / "pool").mkdir(parents=True)
    asks = command(here)
    assert "needs a name: pool:in/NAME" in asks("files", "put", "-", "pool:in/", code=2)
    assert "standard input is put alone" in asks("files", "put", "-", str(tmp_path), "pool:in/", code=2)
    assert "is a folder, and standard output takes one file" in asks("files", "get", "pool:", "-o", "-", code=2)


def test_a_folder_that_takes_no_files_is_named_and_not_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`/proc` takes none, whoever asks."""
    monkeypatch.setattr(complaints, "_me", lambda: "the user ada")
    here = OSError(30, "Read-only file system", "/proc/.winslow-init-x1")
    monkeypatch.setattr("os.access", lambda path, mode: str(path) != "/proc")
    assert complaints.sentence(here) == (
        "nothing can be written in /proc: name another one, or let the user ada write there"
    )
    monkeypatch.chdir("/proc")
    assert complaints.sentence(here) == (
        "nothing can be written in /proc: `cd` to a folder of your own, or give full paths"
    )
    other = PermissionError(13, "Permission denied", str(tmp_path / "secret"))
    assert complaints.sentence(other) == f"{tmp_path}/secret: Permission denied"
