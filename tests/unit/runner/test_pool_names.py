"""A misspelt path in the pool names the nearest one."""

from pathlib import Path

import pytest

from runner.files.pool_names import hint


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("ulm/2020-01-16_0800.mp", " (did you mean 'ulm/2020-01-16_0800.mp4'?)"),
        ("Ulm/2020-01-16_0800.mp4", " (did you mean 'ulm'?)"),
        (
            "ulm/ko\u0308ln.mp4",
            " (there is 'ulm/köln.mp4': the same letters in another Unicode form, as a Mac writes them)",
        ),
        ("ulm/zzz", ""),
        ("ulm/2020-01-16_0800.mp4", ""),
    ],
)
def test_the_nearest_name(tmp_path: Path, wanted: str, said: str) -> None:
    (tmp_path / "ulm").mkdir()
    for name in ("2020-01-16_0800.mp4", "köln.mp4"):
        (tmp_path / "ulm" / name).touch()
    assert hint(tmp_path, wanted) == said
