"""No file is ignored in silence: what nothing reads is told with the name it should have."""

import pytest

from schema.layout import next_number, place_on_main, renumbered
from schema.misplaced import misplaced

RIGHT = {
    "winslow.yml": "winslow.yaml",
    "Winslow.yaml": "winslow.yaml",
    ".winslow.yaml": "winslow.yaml",
    "winslw.yaml": "winslow.yaml",
    "winslow.json": "winslow.yaml",
    "pipelines.yml": "pipelines/NAME.yaml",
    "project.yaml": "projects/PROJECT/project.yaml",
    "0001-start.yaml": "projects/PROJECT/requests/0001-start.yaml",
    "pipeline/a.yaml": "pipelines/a.yaml",
    "Pipelines/a.yml": "pipelines/a.yaml",
    "piplines/a.yaml": "pipelines/a.yaml",
    "pipelines/a.yml": "pipelines/a.yaml",
    "pipelines/a.yaml.yaml.yml": "pipelines/a.yaml",
    "pipelines/A b.yaml": "pipelines/a-b.yaml (lower-case letters, digits, . _ -)",
    "pipelines/sub/a.yaml": "pipelines/a.yaml",
    "pipelines/.a.yaml": "pipelines/a.yaml (lower-case letters, digits, . _ -)",
    "node/g.yaml": "nodes/g.yaml",
    "trigger/Nightly.yaml": "triggers/nightly.yaml (lower-case letters, digits, . _ -)",
    "triggers/nightly.yml": "triggers/nightly.yaml",
    "nodes/gpu.yml": "nodes/gpu.yaml",
    "nodes/GPU 1.yaml": "nodes/gpu-1.yaml (lower-case letters, digits, . _ -)",
    "project/a/project.yml": "projects/a/project.yaml",
    "projects/a.yaml": "projects/a/project.yaml",
    "projects/a/project.yml": "projects/a/project.yaml",
    "projects/a/Project.yaml": "projects/a/project.yaml",
    "projects/a/projects.yaml": "projects/a/project.yaml",
    "projects/a/project.json": "projects/a/project.yaml",
    "projects/Ulm Crossing/project.yaml": "projects/ulm-crossing/project.yaml (lower-case letters, digits, . _ -)",
    "projects/Über/project.yaml": "projects/uber/project.yaml (lower-case letters, digits, . _ -)",
    "projects/p/requests/0001-start.yml": "projects/p/requests/0001-start.yaml",
    "projects/p/requests/0001-start.yaml~": "projects/p/requests/0001-start.yaml",
    "projects/p/requests/0001-start": "projects/p/requests/0001-start.yaml",
    "projects/p/requests/0001-start.json": "projects/p/requests/0001-start.yaml",
    "projects/p/requests/sub/0001-start.yaml": "projects/p/requests/0001-start.yaml",
    "projects/p/request/0002-answer.yaml": "projects/p/requests/0002-answer.yaml",
    "projects/p/Requests/0002-answer.yaml": "projects/p/requests/0002-answer.yaml",
    "projects/p/0001-abort.yaml": "projects/p/requests/0001-abort.yaml",
    "projects/p/requests/please": "projects/p/requests/0001-start.yaml",
    "projects/p/comments/1.yaml": "projects/p/comments/0001.yaml",
    "projects/p/comments/0001.yml": "projects/p/comments/0001.yaml",
    "projects/p/comment/0007.yaml": "projects/p/comments/0007.yaml",
}
OTHERS = {
    "pipelines/train.py": "nothing reads it; a pipeline's file is pipelines/NAME.yaml",
    "projects/a/config.yaml": "nothing reads it; a project is projects/a/project.yaml, with files below requests/",
    "projects/a/plan.png": "nothing reads it; a project is projects/a/project.yaml, with files below requests/",
    "projects/a/data/x.csv": "nothing reads it; a project is projects/a/project.yaml, with files below requests/",
    "projects/p/request": "requests are files like projects/p/requests/0001-start.yaml",
    f"triggers/{'n' * 41}.yaml": "that of a trigger has at most 40 characters",
}
FREE = [
    "README.md", ".gitlab-ci.yml", "docker-compose.yml", "mkdocs.yaml", "notes/a.yaml", "winslow",
    "project/src/main.py", "pipelines/.gitkeep", "pipelines/README", "projects/a/notes.md", "model/a.yaml",
    "projects/a/.obsidian/app.json", "src/winslow.yaml", "images/x/Dockerfile", "project-notes.yaml",
    "nodes/LICENSE", "winslow.yaml.bak",
]  # fmt: skip


@pytest.mark.parametrize(("path", "right"), RIGHT.items())
def test_N5_what_is_nearly_a_document_is_told_its_right_name(path: str, right: str) -> None:
    what = misplaced(path)
    assert what is not None
    assert what.startswith("not read under this name; ")
    assert what.endswith(f" is {right}")
    name = right.partition(" ")[0].replace("PROJECT", "p").replace("NAME", "n")
    assert place_on_main(name) is not None, "the right name is one"


@pytest.mark.parametrize(("path", "said"), OTHERS.items())
def test_N5_what_has_no_place_among_documents_is_told_so(path: str, said: str) -> None:
    assert said in (misplaced(path) or "")


@pytest.mark.parametrize("path", FREE)
def test_what_is_nobodys_document_is_free(path: str) -> None:
    assert misplaced(path) is None


@pytest.mark.parametrize("path", ["winslow.yaml", "pipelines/a.yaml", "nodes/g.yaml", "projects/p/requests/x.yaml"])
def test_documents_are_in_their_places(path: str) -> None:
    assert misplaced(path) is None


def test_the_next_number_is_above_all_that_were_taken() -> None:
    assert next_number(["0001-start.yaml", "0012-pause", "note"], 3) == 13
    assert renumbered("0002-start.yaml", 13) == "0013-start.yaml"
    assert renumbered("start.yaml", 2) == "0002start.yaml"
