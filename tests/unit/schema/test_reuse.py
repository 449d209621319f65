"""`default`, `templates` and `extends`: what comes of them, and what is wrong at its place."""

import pytest

from schema.binding import read
from schema.documents import parse, render
from schema.errors import DocumentError
from schema.pipeline import Pipeline

PIPELINE = """
name: p
default: {image: base, retry: {max: 2, backoff: 1s}, env: {LOG: info}}
templates:
  gpu: {resources: {gpus: 1, gpu: {memory: ">=8GiB"}}, env: {LOG: debug, A: 3.10}}
  big: {extends: gpu, resources: {memory: 8GiB}, needs: [cut]}
stages:
  - {name: cut}
  - {name: work, extends: big, env: {B: x}, retry: {max: 5}}
  - {name: again, extends: [work, gpu], image: other, needs: [cut, work]}
  - {name: look, when: manual}
"""


def test_G9_stages_take_over_what_is_written_once() -> None:
    cut, work, again, look = read(Pipeline, PIPELINE, "p.yaml").stages
    assert (cut.image, cut.retry.max, cut.env) == ("base", 2, {"LOG": "info"})
    assert (work.image, work.retry.max, work.retry.backoff) == ("base", 5, 1.0)
    assert (work.resources.gpus, work.resources.memory, work.needs) == (1, 8 << 30, ("cut",))
    assert work.env == {"LOG": "debug", "A": "3.10", "B": "x"}
    assert (again.image, again.retry.max, again.env["B"], again.needs) == ("other", 5, "x", ("cut", "work"))
    assert (look.image, look.retry.max) == (None, 0)  # a gate stays one


def test_G9_a_chain_keeps_stages_written_out() -> None:
    whole = read(Pipeline, PIPELINE, "p.yaml")
    text = render(whole)
    assert all(f"\n{word}:" not in text for word in ("default", "templates", "include"))
    assert "extends" not in text
    assert parse("definition", text, "x") == whole


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stages: [{name: a, image: i, extends: b}]", "2:39: 'b' is no stage and no template here"),
        ("stages: [{name: a, extends: c}]\ntemplates: {b: {extends: c}, c: {extends: b}}", "c extends b extends c"),
        ("stages: [{name: a, extends: {}}]", "2:29: the name of a stage or template is wanted"),
        ("default: {needs: [b]}\nstages: [{name: a, image: i}]", "2:18: `needs` belongs to each stage"),
        ("default: {imag: i}\nstages: [{name: a}]", "2:11: unknown key 'imag' (did you mean 'image'?)"),
        ("default: []\nstages: [{name: a, image: i}]", "2:10: a mapping is wanted"),
        ("templates: {a: {}}\nstages: [{name: a, image: i}]", "'a' is a stage as well"),
        (
            "templates: {t: {timeout: soon}}\nstages: [{name: a, image: i, extends: t}]",
            "2:26: 'soon' is not a duration",
        ),
    ],
)
def test_G9_what_is_wrong_is_told_where_it_stands(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(Pipeline, f"name: p\n{text}\n", "p.yaml")
    assert told in str(error.value)


def test_stages_that_get_too_large_are_refused() -> None:
    part = ", ".join(f"V{number}: x" for number in range(400))
    stages = "".join(f"  - {{name: s{number}, image: i, extends: t}}\n" for number in range(200))
    with pytest.raises(DocumentError, match="too large once they are written out"):
        read(Pipeline, f"name: p\ntemplates:\n  t: {{env: {{{part}}}}}\nstages:\n{stages}", "p.yaml")
