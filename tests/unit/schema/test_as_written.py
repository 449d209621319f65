"""What a program gets is what stood in the file: texts are kept as they were written."""

import pytest

from flow.fold.interpolation import Scope, environment, input_environment
from schema.binding import read
from schema.documents import parse, render
from schema.errors import DocumentError
from schema.inputs import Input, InputKind, fit, with_defaults
from schema.pipeline import Pipeline
from schema.project import Project
from schema.request import Request

WRITTEN = [
    "3.10", "0755", "0x1F", "0o17", "1e5", "1.50", ".5", "+5", "-0", "00", "True", "FALSE", "12:30:45", "yes", "1_000",
    "5", "0.5", "-3", "true", "1e-05", "1.0e-05", "2020-01-16",
]  # fmt: skip


def pipeline(text: str) -> Pipeline:
    return read(Pipeline, f"name: p\n{text}\nstages: [{{name: a, image: i}}]\n", "f")


@pytest.mark.parametrize("text", [text for text in WRITTEN if text != "1.0e-05"])
def test_N6_a_program_gets_the_environment_as_it_was_written(text: str) -> None:
    everywhere = [
        pipeline(f"env: {{X: {text}}}").env,
        read(Pipeline, f"name: p\nstages: [{{name: a, image: i, env: {{X: {text}}}}}]\n", "f").stages[0].env,
        read(Project, f"pipeline: p\nenv: {{X: {text}}}\n", "f").env,
        read(Request, f"request: start\nenv: {{X: {text}}}\n", "f").env,
    ]
    assert [environment(env, Scope()) for env in everywhere] == [{"X": text}] * 4


@pytest.mark.parametrize("text", [text for text in WRITTEN if text != "1.0e-05"])
def test_N6_a_string_input_is_the_text_that_was_written(text: str) -> None:
    spec = Input(type=InputKind.STRING)
    for model, head in ((Project, "pipeline: p"), (Request, "request: start")):
        given = read(model, f"{head}\ninputs: {{x: {text}}}\n", "f").inputs  # type: ignore[attr-defined]
        value = fit(spec, given["x"], "x")
        assert input_environment(Scope({"x": value}, {"x": spec})) == {"INPUT_X": text}
    specs = pipeline(f"inputs: {{x: {{type: string, default: {text}}}}}").inputs
    assert with_defaults(specs, {}) == {"x": text}


@pytest.mark.parametrize(("text", "value"), [("3.10", 3.1), ("0x1F", 31), ("0o17", 15), ("1e5", 1e5), (".5", 0.5)])
def test_a_number_is_a_number_however_it_was_written(text: str, value: float) -> None:
    given = read(Project, f"pipeline: p\ninputs: {{x: {text}}}\n", "f").inputs["x"]
    assert fit(Input(type=InputKind.NUMBER), given, "x") == value
    specs = pipeline(f"inputs: {{x: {{type: number, default: {text}, min: {text}}}}}").inputs
    assert with_defaults(specs, {}) == {"x": value}
    assert fit(
        Input(type=InputKind.BOOLEAN), read(Request, "request: start\ninputs: {b: True}\n", "f").inputs["b"], "b"
    )


def test_what_is_kept_of_a_definition_gives_the_same_texts() -> None:
    made = pipeline("env: {A: 3.10, B: 0755, C: 5, D: True}")
    kept = parse("definition", render(made), "f")
    assert isinstance(kept, Pipeline)
    assert environment(kept.env, Scope()) == {"A": "3.10", "B": "0755", "C": "5", "D": "True"}


def test_a_refused_number_is_shown_as_it_was_written() -> None:
    with pytest.raises(DocumentError, match=r"a text is wanted, not 3\.10; quote it"):
        read(Pipeline, "name: p\nstages: [{name: a, image: i, command: [python, 3.10]}]\n", "f")


@pytest.mark.parametrize(
    "stage", ["{name: a, image: LAB/py}", "{name: a, image: i, timeout: 0s}", "{name: a, image: i, command: []}"]
)
def test_a_definition_that_a_chain_keeps_stays_readable(stage: str) -> None:
    text = f"name: p\nstages: [{stage}]\n"
    assert parse("definition", text, "f")
    with pytest.raises(DocumentError):
        parse("pipeline", text, "f")
