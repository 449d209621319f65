import json

import pytest
from traffic.stage import BadInput, Stage, replacing, run

KNOWN = {
    "threshold": "a number",
    "stabilise": "a flag",
    "video": "a file",
    "detector": "a choice",
    "max_gap": "a number",
}


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("WINSLOW_WORKSPACE", str(tmp_path))
    return tmp_path


def test_without_winslow_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stage = Stage("detect", KNOWN, [])
    assert stage.number("threshold", 0.5) == 0.5
    assert stage.flag("stabilise", True) is True
    assert stage.optional_file("video") is None
    stage.finish("done", cars=3)
    assert (tmp_path / "metrics.json").exists()


def test_arguments_win_over_environment_and_that_over_the_file(workspace, monkeypatch):
    inputs = workspace / "inputs.json"
    inputs.write_text(json.dumps({"threshold": 0.1, "max_gap": 2, "stabilise": False, "other": 1}))
    monkeypatch.setenv("WINSLOW_INPUTS", str(inputs))
    monkeypatch.setenv("INPUT_THRESHOLD", "0.2")
    assert Stage("s", KNOWN, ["--threshold", "0.3"]).number("threshold", 0.9) == 0.3
    stage = Stage("s", KNOWN, ["--max-gap=4"])
    assert (stage.number("threshold", 0.9), stage.number("max_gap", 9)) == (0.2, 4)
    assert stage.flag("stabilise", True) is False


def test_progress_metrics_and_values_reach_winslow(workspace, monkeypatch, capsys):
    monkeypatch.setenv("WINSLOW_PROGRESS", str(workspace / "progress"))
    monkeypatch.setenv("WINSLOW_RESULT", str(workspace / "result"))
    stage = Stage("count", KNOWN, [])
    stage.progress(42, "126/300 frames")
    stage.progress(43, "said too soon")
    assert float((workspace / "progress").read_text()) == 42
    stage.metric("cars", 7)
    stage.metric("share", 1 / 3)
    stage.finish("7 cars", cars=7)
    assert json.loads((workspace / "metrics.json").read_text()) == {"cars": 7, "share": 0.3333}
    assert (workspace / "result").read_text() == "cars=7\n"
    assert float((workspace / "progress").read_text()) == 100
    assert capsys.readouterr().out == "count 42% 126/300 frames\ncount 100% 7 cars\n"


@pytest.mark.parametrize(
    ("arguments", "ask", "words"),
    [
        (["--threshold", "much"], lambda s: s.number("threshold", 1), "threshold is not a number: 'much'"),
        (["--threshold", "7"], lambda s: s.number("threshold", 1, low=0, high=1), "threshold is 7, not within 0 … 1"),
        (["--threshold", "nan"], lambda s: s.number("threshold", 1, low=0, high=1), "not within"),
        (["--max-gap", "1.5"], lambda s: s.whole("max_gap", 1), "not a whole number"),
        (["--stabilise", "maybe"], lambda s: s.flag("stabilise", True), "not true or false"),
        (["--detector", "eye"], lambda s: s.choice("detector", "a", ["a", "b"]), "not one of a, b"),
        (["--video", "no.mp4"], lambda s: s.file("video"), "there is no file no.mp4"),
        ([], lambda s: s.file("video"), "INPUT_VIDEO"),
        (["--treshold", "1"], lambda s: None, "unknown argument --treshold"),
        (["--threshold"], lambda s: None, "needs a value"),
    ],
)
def test_bad_inputs_are_named(workspace, arguments, ask, words):
    with pytest.raises(BadInput, match=words):
        ask(Stage("s", KNOWN, arguments))


def test_bad_input_is_one_line_and_exit_code_2(workspace, monkeypatch, capsys):
    def work(stage):
        raise BadInput("there is no road")

    monkeypatch.setattr("sys.argv", ["detect"])
    assert run("detect", KNOWN, work) == 2
    assert capsys.readouterr().err == "detect: there is no road\n"


def write_half(path):
    with replacing(path) as part:
        part.write_text("half")
        raise RuntimeError


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        write_half(path)
    assert path.read_text() == "old"
