"""Which images a Dockerfile is made from."""

import io
import tarfile
from pathlib import Path

import pytest

from runner.building.builds import BuildFailed, _permitted
from runner.building.dockerfile import LARGEST, Unclear, bases, fetches, text_of
from runner.contract.spec import ImageBuild


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM scratch\nCOPY a /a\n", ()),
        ("from python:3.12 as Build\nFROM build\nCOPY --from=build /a /a\n", ("python:3.12",)),
        ("ARG BASE=registry.lan:5000/cuda:12\nFROM --platform=linux/amd64 ${BASE}\n", ("registry.lan:5000/cuda:12",)),
        ("FROM ${BASE:-debian}\n", ("debian",)),
        ("FROM a\nCOPY --from=evil.example/x:1 /x /x\nCOPY --from=0 /y /y\n", ("a", "evil.example/x:1")),
        ("FROM \\\n  alpine\n", ("alpine",)),
        ("FROM a\r\nRUN x \\\r\n  # FROM between\r\n  y\r\n", ("a",)),
        ("FROM a\nONBUILD COPY --from=evil /x /x\n", ("a", "evil")),
        ("FROM a\nCOPY --chown=1:2 --from=evil /x /x\n", ("a", "evil")),
        ("# check=skip=all\nFROM a\n", ("a",)),
        ("# FROM comment\nRUN echo FROM nowhere\n", ()),
    ],
)
def test_the_images_that_it_is_made_from(text: str, found: tuple[str, ...]) -> None:
    assert bases(text) == found


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("FROM a\nADD http://10.0.0.1/x /x\n", True),
        ('FROM a\nADD ["https://x/y", "/x"]\n', True),
        ("FROM a\nARG U=http://x\nADD $U /x\n", True),
        ("FROM a\nAD\\\n# between\nD http://x /x\n", True),
        ("FROM a\nADD ht\\\ntp://x /x\n", True),
        ("FROM a\nADD --chown=1:2 h'tt'p://x /x\n", True),
        ("FROM a\nADD http:\\//x /x\n", True),
        ("FROM a\nADD --chown=1:2 some/*.tar ./x-1\n", False),
        ("FROM a\nONBUILD ADD git@x:y /x\n", True),
        ("FROM a\nADD words.tar /x\nRUN echo ADD http://x\n", False),
    ],
)
def test_S10_what_the_engine_would_fetch_by_itself_is_seen(text: str, caught: bool) -> None:
    assert bool(fetches(text)) is caught


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\n# \rFROM evil\n",
        "FROM a\nRUN x\x0bFROM evil\n",
        "FROM a\n# \u2028FROM evil\n",
        "FROM a\n# \x85FROM evil\n",
        "\ufeffFROM evil\n",
        "# escape=`\nFROM a\n",
        "# plain\n\n  #  Escape = `\nFROM a\n",
        "# check=skip=all\n# syntax=evil/frontend\nFROM a\n",
        "FROM a\nRUN x \\\\\nFROM evil\n",
        "FROM a\nRUN x \\\\ \t\nFROM evil\n",
        "FROM\n",
        "ARG BASE\nFROM $BASE\n",
        "FROM $NONE\n",
        "ARG A=evil\nARG B=$A\nFROM $B\n",
        "ARG A=evil\nFROM ${A:+b}\n",
        "FROM ${A:-${B}}\n",
        'FROM "evil"\n',
        "FROM ev\\il\n",
        "FROM a evil\n",
        'FROM --platform="x y" evil\n',
        "ARG A=a B=evil\nFROM $B\n",
        "ARG A=a\nARG A=evil\nFROM $A\n",
        'ARG A="ev"il\nFROM $A\n',
        'FROM a\nCOPY --fr"om"=evil /x /x\n',
        "FROM a\nCOPY --fr\\om=evil /x /x\n",
        "FROM a\nCOPY --from=$X /x /x\n",
        "FROM a\n\u00a0COPY --from=evil /x /x\n",
    ],
)
def test_S10_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(Unclear):
        bases(text)


def test_S10_flags_of_add_are_refused_as_those_of_copy() -> None:
    with pytest.raises(Unclear, match="a flag has a quote"):
        fetches("FROM a\nADD --ch'own'=1 x /x\n")


def test_S10_a_long_file_is_refused_and_not_cut() -> None:
    assert text_of(b"#" * LARGEST)
    with pytest.raises(Unclear, match="more than"):
        text_of(b"#" * LARGEST + b"\nFROM evil\n")
    with pytest.raises(Unclear, match="UTF-8"):
        text_of(b"FROM \xff")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"FROM a\n" + b"#" * LARGEST + b"\nFROM evil\n", "cannot be told for sure, so it is not built: it has more"),
        (b"# escape=`\nFROM a\n", "cannot be told for sure"),
        (b"FROM a\nADD h'ttp://x' /x\n", "may fetch something"),
        (b"FROM evil\n", "which is not granted"),
    ],
)
def test_S10_a_build_of_it_fails_with_the_reason(content: bytes, said: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "context.tar", "w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    with pytest.raises(BuildFailed, match=said):
        _permitted(ImageBuild(tmp_path / "context.tar", "t:1", "", "1", "none", ("a",)))
