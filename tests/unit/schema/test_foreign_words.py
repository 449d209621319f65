"""Words of other tools are answered with ours, and never with a word that only looks alike."""

import pytest

from schema import foreign_words
from schema.binding import fields, read
from schema.errors import DocumentError
from schema.meaning import MODELS
from schema.pipeline import Pipeline
from schema.project import Project


def said(stage: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read(Pipeline, f"name: p\nstages: [{{name: a, image: i, {stage}}}]\n", "f")
    return str(caught.value).partition(": ")[2]


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("script: [x]", "unknown key 'script'; the word here is 'command'"),
        ("variables: {}", "unknown key 'variables'; the word here is 'env'"),
        ("environment: {}", "unknown key 'environment'; the word here is 'env'"),
        ("enviroment: {}", "unknown key 'enviroment'; the word here is 'env'"),
        ("tags: [gpu]", "unknown key 'tags'; the word here is 'node.labels'"),
        ("stop_grace_period: 10s", "unknown key 'stop_grace_period'; the word here is 'grace'"),
        ("depends_on: [a]", "unknown key 'depends_on'; the word here is 'needs'"),
        ("gpus: 1", "unknown key 'gpus'; it belongs below 'resources'"),
        ("paths: [x]", "unknown key 'paths'; it belongs below 'artifacts'"),
        ("tiemout: 3s", "unknown key 'tiemout' (did you mean 'timeout'?)"),
        ("retry: 2", "a mapping is wanted, not 2; write {max: 2, when: [exit_code]}"),
        ("env: [A=1]", "a mapping is wanted, not a list; write NAME: value, each in a line of its own"),
        ("needs: a", "a list is wanted, not 'a'; write [a]"),
        (
            "artifacts: {expire_in: 1 week}",
            "unknown key 'expire_in'; how long results are kept says `retention` in winslow.yaml or project.yaml",
        ),
    ],
)
def test_a_word_of_another_tool_is_answered_with_ours(given: str, ours: str) -> None:
    assert said(given) == ours


def test_an_unknown_type_of_an_input_is_answered_with_ours() -> None:
    with pytest.raises(DocumentError, match="did you mean 'string'"):
        read(Pipeline, "name: p\ninputs: {a: {type: str}}\nstages: [{name: a, image: i}]\n", "f")


def test_a_key_of_a_stage_is_told_to_belong_there() -> None:
    with pytest.raises(DocumentError, match="unknown key 'image'; it belongs below 'stages'"):
        read(Pipeline, "name: p\nimage: i\nstages: [{name: a, image: i}]\n", "f")
    with pytest.raises(DocumentError, match="unknown key 'variables'; the word here is 'env'"):
        read(Project, "pipeline: p\nvariables: {A: 1}\n", "f")


def test_what_the_table_names_is_there() -> None:
    """No word is one of ours already, and every remedy that is one word is a key that can be written."""
    for name, words in foreign_words.WORDS.items():
        model = MODELS[name]
        assert not set(words) & set(fields(model)), name
        for remedy in words.values():
            head, *_ = remedy.split(".")
            assert " " in remedy or head in fields(model), (name, remedy)
    assert set(foreign_words.WORDS) <= {model.__name__ for model in MODELS.values()}
