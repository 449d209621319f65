"""What people see before they commit: yaml-language-server, which editors run, and check-jsonschema, which CI jobs run.

Both are given the published schemas and the corpus of wrong documents, and say what the reader says.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schema.codec import load
from schema.layout import place_on_main
from schema.published import PUBLISHED, text
from tests.corpus.cases import RIGHT, Case
from tests.tools.language_server import LanguageServer
from tests.tools.npm import modules
from tests.unit.schema.test_published import KINDS, UNEQUAL, parsed

ROOT = Path(__file__).parents[3]
CORPUS = [case for case, _ in parsed() if len(case.content) < 100_000] + RIGHT


def kind(path: str) -> str:
    place = place_on_main(path)
    assert place
    return KINDS.get(place.kind, place.kind)


def is_refused(case: Case) -> bool:
    return bool(case.expected) and str(case) not in UNEQUAL


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every document of the corpus, each in a folder of its own, and the schemas as `init` lays them."""
    root = tmp_path_factory.mktemp("corpus")
    (root / ".winslow").mkdir()
    for name in PUBLISHED:
        (root / ".winslow" / f"{name}.schema.json").write_text(text(name))
    for number, case in enumerate(CORPUS):
        file = root / kind(case.path) / str(number) / case.path
        file.parent.mkdir(parents=True)
        file.write_bytes(case.content)
    return root


def file_of(tree: Path, case: Case) -> Path:
    return tree / kind(case.path) / str(CORPUS.index(case)) / case.path


@pytest.mark.parametrize("name", sorted({kind(case.path) for case in CORPUS}))
def test_check_jsonschema_refuses_what_validate_refuses(tree: Path, name: str) -> None:
    cases = [case for case in CORPUS if kind(case.path) == name]
    program = Path(sys.executable).with_name("check-jsonschema")
    schema = ("--schemafile", str(tree / ".winslow" / f"{name}.schema.json"))
    files = {str(file_of(tree, case)): case for case in cases}
    command = [str(program), *schema, "--output-format", "json", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = json.loads(done.stdout)
    refused = {each["filename"] for each in [*said["errors"], *said["parse_errors"]]}
    assert {files[file] for file in refused} == {case for case in cases if is_refused(case)}


def test_check_jsonschema_takes_the_schemas_for_schemas(tree: Path) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    schemas = [str(tree / ".winslow" / f"{name}.schema.json") for name in PUBLISHED]
    done = subprocess.run([str(program), "--check-metaschema", *schemas], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def editor(tree: Path) -> Iterator[LanguageServer]:
    schemas = {(tree / ".winslow" / f"{name}.schema.json").as_uri(): f"**/{name}/*/**" for name in PUBLISHED}
    server = LanguageServer(
        modules() / ".bin" / "yaml-language-server",
        {"validate": True, "hover": True, "schemas": schemas, "schemaStore": {"enable": False}, "yamlVersion": "1.2"},
    )
    yield server
    server.close()


@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_an_editor_underlines_what_validate_refuses(tree: Path, editor: LanguageServer, case: Case) -> None:
    said = editor.problems(file_of(tree, case).as_uri(), case.content.decode())
    assert bool(said) == is_refused(case), (said, case.expected)


def test_a_document_that_names_its_schema_is_explained(editor: LanguageServer, tmp_path: Path) -> None:
    """The line that `init` and `pipelines` begin with; nothing is set in the editor."""
    (tmp_path / ".winslow").mkdir()
    (tmp_path / ".winslow" / "pipeline.schema.json").write_text(text("pipeline"))
    file = (tmp_path / "pipelines" / "p.yaml").as_uri()
    content = (
        "# yaml-language-server: $schema=../.winslow/pipeline.schema.json\n"
        "name: p\nstages:\n  - name: a\n    image: host/python\n    timeout: 3 days\n    x-mine: 1\n"
    )
    assert editor.problems(file, content) == []
    assert "longest run" in editor.hover(file, 5, 6)
    wrong = (tmp_path / "pipelines" / "q.yaml").as_uri()
    assert "timeuot" in str(editor.problems(wrong, content.replace("timeout", "timeuot")))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "example-state-repo" / "pipelines").glob("*.yaml")), ids=lambda p: p.stem
)
def test_our_own_pipelines_are_clean_in_an_editor(editor: LanguageServer, tree: Path, path: Path) -> None:
    content: Any = path.read_text()
    assert load(content, path.name)
    assert editor.problems((tree / "example" / path.name).as_uri(), content) == []
