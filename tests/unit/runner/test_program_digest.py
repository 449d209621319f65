"""What a program folder that stands for an image is: the same for the same program, whatever else lies there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.process import program_digest
from runner.process.program_digest import NoDigest, digest
from runner.process.program_folders import HostImage
from runner.store.digests import DigestCache


@pytest.fixture
def image(tmp_path: Path) -> HostImage:
    (tmp_path / "lib").mkdir()
    (tmp_path / "detect.py").write_text("print(1)\n")
    (tmp_path / "lib" / "model.bin").write_bytes(b"weights")
    (tmp_path / "latest").symlink_to("lib/model.bin")
    return HostImage(tmp_path, None, {"MODEL": "small"})


def now(image: HostImage) -> str:
    return digest(image, DigestCache(100))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "detect.py").write_text("print(2)\n"),
    "x-bit": lambda root: (root / "detect.py").chmod(0o755),
    "name": lambda root: (root / "detect.py").rename(root / "detects.py"),
    "more": lambda root: (root / "lib" / "more").touch(),
    "less": lambda root: (root / "lib" / "model.bin").unlink(),
    "link": lambda root: ((root / "latest").unlink(), (root / "latest").symlink_to("detect.py")),
    "pipe": lambda root: os.mkfifo(root / "pipe"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_program_has_another_digest(image: HostImage, tmp_path: Path, change: str) -> None:
    before = now(image)
    CHANGES[change](tmp_path)
    assert now(image) != before


def test_so_have_another_interpreter_and_other_variables(image: HostImage, tmp_path: Path) -> None:
    others = (
        HostImage(tmp_path, tmp_path / "venv" / "bin" / "python", image.environment),
        HostImage(tmp_path, None, {"MODEL": "large"}),
    )
    assert len({now(each) for each in (image, *others)}) == 3


def test_what_python_and_git_keep_there_and_times_are_no_program(image: HostImage, tmp_path: Path) -> None:
    before = now(image)
    for folder in ("__pycache__", "lib/__pycache__", ".git"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").touch()
    (tmp_path / "old.pyc").touch()
    os.utime(tmp_path / "detect.py", (1, 1))
    assert now(image) == before


def test_the_same_program_elsewhere_is_the_same(image: HostImage, tmp_path: Path) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-other"
    os.system(f"cp -r {tmp_path} {other}")
    assert now(HostImage(other, None, image.environment)) == now(image)


def test_a_file_is_read_once(image: HostImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DigestCache(100, now=lambda: 1 << 62)
    before = digest(image, cache)
    monkeypatch.setattr("runner.store.digests.of_file", None)
    assert digest(image, cache) == before


@pytest.mark.parametrize(("limit", "most"), [("MOST_FILES", 2), ("MOST_BYTES", 10)])
def test_one_that_is_too_large_has_none_and_the_folder_is_named(
    image: HostImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(program_digest, limit, most)
    with pytest.raises(NoDigest, match=f"{tmp_path} has more than"):
        now(image)


def test_one_that_is_not_there_has_none(tmp_path: Path) -> None:
    with pytest.raises(NoDigest, match="nowhere cannot be read: No such file"):
        now(HostImage(tmp_path / "nowhere"))
