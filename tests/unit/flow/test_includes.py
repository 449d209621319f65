"""Stages taken from another pipeline, and what is wrong with that: both files are named."""

import pytest

from flow.definition.includes import BadInclude, all_resolved, resolved
from schema.binding import read
from schema.pipeline import Pipeline

CLEANING = """
name: cleaning
env: {LEVEL: "1"}
inputs: {threshold: {type: number, default: 2}}
stages:
  - {name: fetch, image: i}
  - {name: check, image: i}
  - {name: clean, image: i, if: "stages.fetch.values.rows > 3", env: {LEVEL: "2"},
     command: [run, "$[[ stages.fetch.values.rows ]]", "$[[ inputs.threshold ]]"]}
  - {name: extra, image: i, needs: [fetch], workspace: {from: fetch}}
"""
OWN = "stages: [{name: train, image: i, command: ['$[[ stages.c-fetch.values.x ]]']}]\n"


def pipelines(**texts: str) -> dict[str, Pipeline]:
    found = {"cleaning": CLEANING, **{name: f"name: {name}\n{text}" for name, text in texts.items()}}
    return {name: read(Pipeline, text, f"pipelines/{name}.yaml") for name, text in found.items()}


def whole(text: str, **others: str) -> Pipeline:
    known = pipelines(p=text, **others)
    return resolved(known["p"], lambda name, ref: known.get(name) if ref in ("", "0123456") else None)


def test_G9_stages_of_another_pipeline_come_before_its_own_with_new_names() -> None:
    found = whole("include: [{pipeline: cleaning, prefix: c-}]\n" + OWN)
    assert [stage.name for stage in found.stages] == ["c-fetch", "c-check", "c-clean", "c-extra", "train"]
    assert {s.name: [n.stage for n in found.needs(s.name)] for s in found.stages} == {
        "c-fetch": [], "c-check": ["c-fetch"], "c-clean": ["c-check"], "c-extra": ["c-fetch"], "train": ["c-extra"],
    }  # fmt: skip
    clean = found.stages[2]
    assert clean.command == ("run", "$[[ stages.c-fetch.values.rows ]]", "$[[ inputs.threshold ]]")
    assert (clean.condition, clean.env) == ("stages.c-fetch.values.rows > 3", {"LEVEL": "2"})
    assert found.stages[0].env == {"LEVEL": "1"}
    assert found.stages[3].workspace.stage == "c-fetch"  # type: ignore[union-attr]
    assert found.inputs["threshold"].default == 2
    assert not found.include


def test_some_stages_of_a_row_follow_each_other_and_own_inputs_count() -> None:
    text = "include: [{pipeline: cleaning, stages: [fetch, clean], ref: '0123456'}]\n"
    found = whole(text + "inputs: {threshold: {type: number, default: 9}}\nstages: [{name: train, image: i}]\n")
    assert [need.stage for need in found.needs("clean")] == ["fetch"]
    assert found.inputs["threshold"].default == 9


@pytest.mark.parametrize(
    ("text", "others", "told"),
    [
        ("[{pipeline: clening}]", {}, "there is no pipelines/clening.yaml that can be read"),
        ("[{pipeline: cleaning, ref: '7777777'}]", {}, "no pipelines/cleaning.yaml at 7777777 that can be read"),
        ("[{pipeline: cleaning, stages: [fetsh]}]", {}, "cleaning.yaml has no stage 'fetsh' (did you mean 'fetch'?)"),
        ("[{pipeline: cleaning, stages: [extra]}]", {}, "stage 'extra' needs 'fetch', which `stages` leaves out"),
        ("[{pipeline: cleaning, stages: [check, clean]}]", {}, "names stage 'fetch', which `stages` leaves out"),
        ("[{pipeline: p}]", {}, "it includes itself: pipelines/p.yaml includes pipelines/p.yaml"),
        ("[{pipeline: q}]", {"q": "include: [{pipeline: p}]\nstages: [{name: b, image: i}]"},
         "pipelines/q.yaml: it includes itself: pipelines/p.yaml includes pipelines/q.yaml includes pipelines/p.yaml"),
        ("[{pipeline: q}]", {"q": "stages: [{name: train, image: i}]"},
         "together with pipelines/q.yaml: two stages are called 'train'"),
        ("[{pipeline: q}]", {"q": "stages: [{name: b, image: i}]"},
         "stage 'train': $[[ stages.c-fetch.values.x ]]: 'c-fetch' is no earlier stage that it needs"),
    ],
)  # fmt: skip
def test_G9_what_cannot_be_put_together_names_both_files(text: str, others: dict[str, str], told: str) -> None:
    with pytest.raises(BadInclude) as error:
        whole(f"include: {text}\n" + OWN, **others)
    assert told in str(error.value)


def test_one_that_cannot_be_resolved_stops_no_other() -> None:
    known = pipelines(
        p="include: [{pipeline: nobody}]\n" + OWN, q="include: [{pipeline: cleaning, prefix: c-}]\n" + OWN
    )
    good, wrong = all_resolved(known, lambda name, ref: known.get(name))
    assert (set(good), set(wrong)) == ({"cleaning", "q"}, {"p"})
