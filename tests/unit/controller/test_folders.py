"""What a launch finds on this node's disk: inputs that are not as they should be, and files of the project."""

import errno
from pathlib import Path

import pytest

from controller.dirs.contract import InputMissing, NotYet
from controller.dirs.folders import Folders
from flow.node.node_world import LaunchOrder
from runner.store import digests
from schema.execution import State
from schema.file_input import FileInput
from schema.reasons import End
from tests.unit.controller.worlds import OneNode, server

CONTAINER = "1" * 32
CACHED = "name: p\nstages:\n  - {name: a, image: i, cache: true}\n"


def folders(tmp_path: Path) -> Folders:
    (tmp_path / "pool").mkdir()
    return Folders(tmp_path / "data", tmp_path / "pool", isolated=False)


def order(path: str = "", **more: object) -> LaunchOrder:
    facts = {"inputs": {"video": path}, "files": ("video",)} if path else {}
    return LaunchOrder.model_validate({"project": "v", "execution": 1, "stage": "a", "image": "i", **facts, **more})


# -- inputs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("x" * 300, "File name too long"),
        ("file/below", "no file"),
        ("loop", "link"),  # each Python has its own words for it
        ("astray", "'astray' is a link that leads to no file"),
        ("gone", "no file"),
        ("folder", "no file"),
        ("../data", "leads out"),
        ("nul\0", "null"),
    ],
)
def test_S9_an_input_that_no_file_can_be_is_said_to_be_missing(tmp_path: Path, path: str, why: str) -> None:
    trees = folders(tmp_path)
    (trees.pool / "file").write_text("x")
    (trees.pool / "folder").mkdir()
    (trees.pool / "loop").symlink_to("loop")
    (trees.pool / "astray").symlink_to("nowhere")
    with pytest.raises(InputMissing, match=f"(?s)video.*{why}"):
        trees.prepare(CONTAINER, order(path))


def sequence(trees: Folders) -> Path:
    """A folder of pictures in the pool."""
    folder = trees.pool / "run-1" / "frames"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.jpg").write_text(str(number))
    return folder


def pictures(path: str = "run-1/frames") -> LaunchOrder:
    return order(path, folders=("video",), env={"INPUT_VIDEO": path})


def test_N6_a_folder_as_an_input_is_hashed_and_recorded_and_watched(tmp_path: Path) -> None:
    trees = folders(tmp_path)
    folder = sequence(trees)
    found = trees.prepare(CONTAINER, pictures()).inputs["video"]
    assert (found.path, found.bytes, found.files) == ("run-1/frames", 3, 3)
    assert str(found.digest).startswith("blake3:")
    assert trees.gather(CONTAINER, pictures()).note == ""
    (folder / "3.jpg").write_text("late")
    assert trees.gather(CONTAINER, pictures()).note == "InputChanged: video changed while the stage ran"
    assert trees.prepare(CONTAINER, pictures()).inputs["video"] != found


def test_a_folder_as_an_input_says_what_keeps_it_from_being_one(tmp_path: Path) -> None:
    trees = folders(tmp_path)
    folder = sequence(trees)
    with pytest.raises(
        InputMissing, match=r"video: no file 'run-1/frames' .*, but a folder: an input of `type: folder`"
    ):
        trees.prepare(CONTAINER, order("run-1/frames"))
    with pytest.raises(InputMissing, match=r"video: no folder 'run-1/frames/0.jpg' .*, but a file"):
        trees.prepare(CONTAINER, pictures("run-1/frames/0.jpg"))
    with pytest.raises(InputMissing, match="video: no folder 'gone'"):
        trees.prepare(CONTAINER, pictures("gone"))
    (folder / "link").symlink_to("0.jpg")
    assert trees.prepare(CONTAINER, pictures()).inputs
    (folder / "away").symlink_to("/etc/passwd")
    with pytest.raises(InputMissing, match="cannot be read: the link 'away' in it leads out of it"):
        trees.prepare(CONTAINER, pictures())
    (folder / "away").unlink()
    (folder / "3.jpg.part").write_text("half")
    with pytest.raises(NotYet):
        trees.prepare(CONTAINER, pictures())


def test_N6_a_project_runs_with_a_folder_and_its_record_names_the_digest(tmp_path: Path) -> None:
    text = "name: p\ninputs: {video: {type: folder}}\nstages:\n  - {name: a, image: i}\n"
    trees = folders(tmp_path)
    sequence(trees)
    it = OneNode(server(text, "pipeline: p\ninputs: {video: run-1/frames}\n"), trees)
    it.ask(request="start")
    it.until(lambda: bool(it.view.executions) and it.record.state.ended)
    assert it.record.state is State.SUCCEEDED
    video = it.record.inputs["video"]
    assert isinstance(video, FileInput)
    assert video.files == 3


def test_an_input_that_may_not_be_read_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the system's word is put in its mouth."""
    trees = folders(tmp_path)
    (trees.pool / "file").touch(mode=0)

    def refused(path: Path | str, tell: digests.Tell) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(digests, "of_file", refused)
    with pytest.raises(InputMissing, match="Permission denied"):
        trees.prepare(CONTAINER, order("file"))


def test_S9_a_project_whose_input_can_be_no_file_fails_with_that(tmp_path: Path) -> None:
    text = "name: p\ninputs: {video: {type: file}}\nstages:\n  - {name: a, image: i}\n"
    it = OneNode(server(text, f"pipeline: p\ninputs: {{video: {'x' * 300}}}\n"), folders(tmp_path))
    it.ask(request="start")
    it.rounds(5)
    assert (it.record.state, it.record.reason) == (State.FAILED, End.INVALID_INPUT)
    assert "File name too long" in it.record.text


def test_R1310_an_input_that_still_grows_is_waited_for_with_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "name: p\ninputs: {video: {type: file}}\nstages:\n  - {name: a, image: i}\n"
    trees = folders(tmp_path)
    it = OneNode(server(text, "pipeline: p\ninputs: {video: rec.mp4}\n"), trees)
    reads, file, digest = [0], trees.pool / "rec.mp4", digests.of_file
    file.write_text("x")

    def growing(path: Path | str, tell: digests.Tell) -> str:
        reads[0] += 1
        with file.open("a") as more:
            more.write("x")
        return digest(path, tell)

    monkeypatch.setattr(digests, "of_file", growing)
    with pytest.raises(NotYet, match="still written to"):
        trees.prepare(CONTAINER, order("rec.mp4"))
    it.ask(request="start")
    it.rounds(120)
    assert not it.record.state.ended
    assert reads[0] < 20
    monkeypatch.undo()
    it.until(lambda: it.record.state.ended)
    assert it.record.state is State.SUCCEEDED


def test_hashing_a_large_input_is_told_as_it_goes(tmp_path: Path) -> None:
    trees = folders(tmp_path)
    (trees.pool / "rec.mp4").write_bytes(b"x" * (2 * digests.PIECE + 1))
    told: list[tuple[str, int, int]] = []
    trees.prepare(CONTAINER, order("rec.mp4", env={"INPUT_VIDEO": "rec.mp4"}), lambda *news: told.append(news))
    size = 2 * digests.PIECE + 1
    hashing = [(done, of) for what, done, of in told if what == "hashing rec.mp4 (4.0 MiB)"]
    assert hashing == [(digests.PIECE, size), (2 * digests.PIECE, size), (size, size)]
    assert told[-1] == ("making its workspace", 0, 0)


# -- files of the project ---------------------------------------------------------------------------------------------


def test_files_of_the_project_are_told_by_content_where_that_matters(tmp_path: Path) -> None:
    trees = folders(tmp_path)
    assert trees.prepare(CONTAINER, order()).project_files is None
    empty = trees.prepare(CONTAINER, order(cache=True)).project_files
    (trees.files("v") / "mask.png").write_text("one")
    one = trees.prepare(CONTAINER, order(cache=True)).project_files
    (trees.files("v") / "mask.png").write_text("two")
    two = trees.prepare(CONTAINER, order(cache=True)).project_files
    assert len({empty, one, two, None}) == 4
    (trees.files("v") / "mask.png").write_text("one")
    assert trees.prepare(CONTAINER, order(cache=True)).project_files == one
    (trees.files("v") / "link").symlink_to("/pool/anything")
    assert trees.prepare(CONTAINER, order(cache=True)).project_files is None, "nobody looks where it leads"


def test_files_of_the_project_that_change_while_the_stage_runs_are_told(tmp_path: Path) -> None:
    trees = folders(tmp_path)
    trees.prepare(CONTAINER, order(cache=True))
    assert trees.gather(CONTAINER, order(cache=True)).note == ""
    (trees.files("v") / "mask.png").write_text("one")
    assert trees.gather(CONTAINER, order(cache=True)).note == "InputChanged: /files changed while the stage ran"


@pytest.mark.parametrize("cache", [True, False])
def test_a_result_is_no_other_ones_where_a_power_cut_took_what_its_inputs_were(tmp_path: Path, cache: bool) -> None:
    trees = folders(tmp_path)
    trees.prepare(CONTAINER, order(cache=cache))
    (trees.run(CONTAINER) / "inputs.json").write_bytes(b"")
    assert trees.gather(CONTAINER, order(cache=cache)).note.startswith("InputChanged: ") is cache


def test_a_result_is_taken_while_the_files_of_the_project_are_the_same(tmp_path: Path) -> None:
    trees = folders(tmp_path)
    it = OneNode(server(CACHED), trees)
    for number, change, cached in ((1, None, False), (2, None, True), (3, "a mask", False), (4, None, True)):
        if change:
            (trees.files("v") / "mask.png").write_text(change)
        it.ask(request="start")
        it.until(lambda: len(it.view.executions) == number and it.record.state.ended)  # noqa: B023
        assert it.record.state is State.SUCCEEDED
        assert (it.record.cached is not None) is cached, number
        assert it.record.project_files


def test_a_pattern_that_is_none_names_nothing_and_ends_its_stage(tmp_path: Path) -> None:
    trees = folders(tmp_path)
    wanted = order(artifacts=("[z-a]*",), show=("[z-a]*",))
    trees.prepare(CONTAINER, wanted)
    gathered = trees.gather(CONTAINER, wanted)
    assert gathered.missing == ("[z-a]*",)
    assert gathered.manifest


def test_N6_a_program_is_given_what_stood_in_the_files(tmp_path: Path) -> None:
    text = (
        "name: p\nenv: {PYTHON: 3.10}\ninputs: {version: {type: string}}\n"
        "stages:\n  - {name: a, image: i, env: {MODE: 0755}, command: [run, '$[[ inputs.version ]]']}\n"
    )
    it = OneNode(server(text, "pipeline: p\ninputs: {version: 1.20}\nenv: {ON: True}\n"), folders(tmp_path))
    it.ask(request="start", env={"RATE": "1e5"})
    it.until(lambda: bool(it.view.executions) and it.record.state.ended)
    given = {name: value for layer in it.record.env.values() for name, value in layer.items()}
    wanted = {"PYTHON": "3.10", "MODE": "0755", "ON": "True", "RATE": "1e5", "INPUT_VERSION": "1.20"}
    assert {name: given[name] for name in wanted} == wanted
    assert it.record.command == ("run", "1.20")
