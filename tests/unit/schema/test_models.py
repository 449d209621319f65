"""What the models refuse, with the sentence a person reads."""

import pytest

from schema.binding import read
from schema.documents import render
from schema.errors import DocumentError
from schema.inputs import Input, InputError, InputKind, fit, pool_path
from schema.node import Exclusive, Settings
from schema.pipeline import Pipeline, with_times
from schema.project import Project
from schema.quantities import format_duration, format_size, parse_duration, parse_size
from schema.request import Request


def refused(model: type, text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read(model, text, "f.yaml")
    return str(caught.value)


def test_F8_times_that_let_two_nodes_run_one_stage_are_refused_with_that_sentence() -> None:
    text = "schema: 1\nexclusive: {give_up_after: 90s, kill_within: 30s, lost_after: 2m}\n"
    assert "lost_after must be greater than give_up_after + kill_within" in refused(Settings, text)
    assert read(Settings, text.replace("2m", "121s"), "f").exclusive.lost_after == 121


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("stages: [{name: a, image: i}]\n", "f.yaml:1:1"),
        ("name: p\nstages: []\n", "f.yaml:2:9"),
        ("name: p\nstages: [{name: a}]\n", "a gate needs `when: manual`"),
        ("name: p\nstages: [{name: a, image: i}, {name: a, image: i}]\n", "two stages are called 'a'"),
        ("name: p\nstages: [{name: a, image: i, inputs: {x: {}}}]\n", "that needs `when: manual`"),
        ("name: p\nstages: [{name: a, image: i, needs: [b]}]\n", "needs 'b', which is no stage"),
        ("name: p\nstages: [{name: a, image: i, tiemout: 3s}]\n", "timeout"),
        ("name: p\nstages: [{name: a, image: i, timeout: soon}]\n", "'soon' is not a duration"),
        (
            "name: p\nstages: [{name: a, image: i, timeout: 0}]\n",
            "it would be ended at once; leave it out for no limit",
        ),
        ("name: p\nstages: [{name: a, image: i, idle_timeout: 0 days}]\n", "leave it out for no limit"),
        ("name: p\nstages: [{name: a, image: LAB/py}]\n", "names of images are lower-case: lab/py"),
        ("name: p\nstages: [{name: a, image: 'py:'}]\n", "the reference of an image"),
        ("name: p\nstages: [{name: a, image: i, command: []}]\n", "leave it out to run the image's own"),
        ("name: p\ninputs: {x: {type: integer, min: 5, max: 1}}\nstages: [{name: a, image: i}]\n", "no value fits"),
        ("name: p\ninputs: {x: {type: choice}}\nstages: [{name: a, image: i}]\n", "a choice needs `options`"),
        ("name: p\ninputs: {x: {type: number, default: a}}\nstages: [{name: a, image: i}]\n", "a number is wanted"),
    ],
)
def test_R1110_a_pipeline_that_cannot_be_is_refused_with_its_reason(text: str, word: str) -> None:
    assert word in refused(Pipeline, text)


EXCLUSIVE = "name: p\nstages: [{name: a, image: i}, {name: b, image: i, exclusive: USED}]\n"


def test_an_exclusive_stage_may_have_times_of_its_own() -> None:
    text = EXCLUSIVE.replace("USED", "{give_up_after: 5m, lost_after: 10m}")
    assert read(Pipeline, text, "f").stages[1].exclusive == Exclusive(give_up_after=300, lost_after=600)


def test_F8_times_of_a_stage_that_could_run_on_two_nodes_are_refused() -> None:
    said = refused(Pipeline, EXCLUSIVE.replace("USED", "{give_up_after: 5m}"))
    assert "lost_after must be greater than give_up_after + kill_within" in said


@pytest.mark.parametrize("used", ["maybe", "{give_up: 5m}", "3"])
def test_anything_else_is_no_word_for_an_exclusive_stage(used: str) -> None:
    said = refused(Pipeline, EXCLUSIVE.replace("USED", used))
    assert "is wanted, not" in said or "give_up_after" in said


def test_a_gate_is_not_exclusive() -> None:
    assert "`exclusive` is for stages that run" in refused(
        Pipeline, "name: p\nstages: [{name: a, when: manual, exclusive: true}]\n"
    )


def test_M14_a_chain_keeps_an_exclusive_stage_in_words_that_older_versions_refuse() -> None:
    given = read(Pipeline, EXCLUSIVE.replace("USED", "true"), "f")
    kept = with_times(given, Exclusive(give_up_after=50))
    assert [stage.exclusive for stage in kept.stages] == [False, Exclusive(give_up_after=50)]
    assert with_times(kept, Exclusive()) is kept
    assert read(Pipeline, render(kept), "f") == kept


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("request: skip\n", "skip needs `stage`"),
        ("request: pause\nworkspace: {from: 1}\n", "belongs to start or resume"),
        ("request: start\nexecution: 2\n", "belongs to abort"),
        ("request: strat\n", "start"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(text: str, word: str) -> None:
    assert word in refused(Request, text)


def test_a_project_names_a_pipeline_or_one_of_a_commit() -> None:
    assert read(Project, "pipeline: p@0123abc\n", "f").pipeline == "p@0123abc"
    assert refused(Project, "pipeline: ../x\n")
    assert refused(Project, "pipeline: p\ntags: ['a,b']\n")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "a\0b", "a\\b", ".."])
def test_S9_a_pool_path_stays_in_the_pool(path: str) -> None:
    with pytest.raises(InputError, match=r"^video: "):
        pool_path(path, "video")


def test_a_pool_path_has_one_form() -> None:
    assert pool_path("./a//b.mp4", "video") == "a/b.mp4"


@pytest.mark.parametrize(
    ("spec", "value", "wanted"),
    [
        (Input(type=InputKind.INTEGER), "3", 3),
        (Input(type=InputKind.NUMBER), "0.5", 0.5),
        (Input(type=InputKind.BOOLEAN), "True", True),
        (Input(type=InputKind.STRING), 5, "5"),
        (Input(type=InputKind.CHOICE, options=("a", "b")), "b", "b"),
    ],
)
def test_text_of_a_command_line_becomes_its_type(spec: Input, value: object, wanted: object) -> None:
    assert fit(spec, value, "x") == wanted


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", True, None, [1], "1" * 50, "3.5"])
def test_what_is_no_whole_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(InputError, match=r"^x: "):
        fit(Input(type=InputKind.INTEGER), value, "x")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3 days", 259200), ("1h 30m", 5400), ("250ms", 0.25), ("2 hours", 7200), (7, 7), ("1.5s", 1.5)],
)
def test_durations_are_read_and_written_back(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "3", "3 parsecs", "-1s", "99999 weeks", "s", True])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "size"), [("8GiB", 8 << 30), ("500MB", 500_000_000), (12, 12), ("1.5KiB", 1536)])
def test_sizes_are_read_and_written_back(text: str | int, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("key", ["lost_after", "exclusive: {give_up_after", "exclusive: {lost_after"])
def test_no_time_at_all_is_refused_where_it_would_make_nodes_lost_at_once(key: str) -> None:
    text = f"schema: 1\n{key}: 0s{'}' if '{' in key else ''}\n"
    assert "more than 0 is wanted" in refused(Settings, text)


@pytest.mark.parametrize(
    "image",
    ["i", "registry.lan:5000/traffic:1.4", "localhost/a", "a/b_c/d__e.f-g", "LAB.lan/py", "py@sha256:" + "0" * 64],
)
def test_references_of_images_are_taken(image: str) -> None:
    assert read(Pipeline, f"name: p\nstages: [{{name: a, image: '{image}'}}]\n", "f").stages[0].image == image
