"""The corpus of wrong documents, as the nodes and the server's hook read it."""

import pytest

from schema.errors import DocumentError
from schema.layout import place_on_main
from state.snapshot.document_cache import read
from tests.corpus.cases import FOLDER, RIGHT, WRONG, Case


def judge(case: Case) -> list[str]:
    place = place_on_main(case.path)
    assert place, case.path
    try:
        read(place.kind, case.path, case.content)
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.timeout(20)
@pytest.mark.parametrize("case", [*WRONG, *RIGHT], ids=str)
def test_S9_S13_each_document_is_judged_as_expected(case: Case) -> None:
    assert judge(case) == list(case.expected)


def test_S13_each_file_of_the_corpus_has_its_expectation() -> None:
    files = {path.stem: path.suffix for path in FOLDER.iterdir() if path.suffix == ".yaml"}
    assert {path.stem for path in FOLDER.glob("*.expected")} == set(files)
    assert len(WRONG) > 100
    assert len({case.path for case in [*WRONG, *RIGHT]}) == len(WRONG) + len(RIGHT)
