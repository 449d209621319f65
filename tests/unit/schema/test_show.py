"""`show` of a stage: patterns as ever, or a file with the way in which it is shown."""

import pytest

from flow.reconcile.result_reuse import definition
from schema.binding import read
from schema.errors import DocumentError
from schema.pipeline import Pipeline
from schema.show import ShowKind, shown_as


def pipeline(show: str) -> Pipeline:
    return read(
        Pipeline, f"name: p\nstages:\n  - {{name: one, image: host/sh, command: [a], show: {show}}}\n", "p.yaml"
    )


def test_P3_a_file_is_shown_as_the_pipeline_says() -> None:
    stage = pipeline("['*.png', {file: 'c*.csv', as: chart, x: t, y: cars, title: Vehicles a minute}]").stages[0]
    assert stage.shown_files == ("*.png", "c*.csv")
    told = shown_as(stage.show, "counts.csv")
    assert told
    assert (told.kind, told.x, told.y, told.title) == (ShowKind.CHART, "t", ("cars",), "Vehicles a minute")
    assert shown_as(stage.show, "a.png") is None


@pytest.mark.parametrize(
    ("show", "said"),
    [
        ("[{file: a.csv, x: t}]", "say `as: chart` too"),
        ("[{file: a.csv, as: pic}]", "did you mean 'picture'?"),
        ("[{as: chart}]", "the key 'file' is missing"),
        ("[{file: /a.csv}]", "a.csv"),
        ("[{file: a, as: chart, y: [a, b, c, d, e, f, g, h, i]}]", "at most 8"),
    ],
)
def test_P3_a_mistake_names_what_is_wanted(show: str, said: str) -> None:
    with pytest.raises(DocumentError) as error:
        pipeline(show)
    assert said in str(error.value)


def test_P3_a_title_changes_nothing_of_a_result() -> None:
    plain, titled = pipeline("[a.csv]").stages[0], pipeline("[{file: a.csv, title: Counts}]").stages[0]
    assert definition(plain) == definition(titled)
    assert definition(plain) != definition(pipeline("[b.csv]").stages[0])
