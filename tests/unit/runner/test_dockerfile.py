"""Which images a Dockerfile is made from."""

import pytest

from runner.building.dockerfile import bases, fetches


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM scratch\nCOPY a /a\n", ()),
        ("from python:3.12 as Build\nFROM build\nCOPY --from=build /a /a\n", ("python:3.12",)),
        ("ARG BASE=registry.lan:5000/cuda:12\nFROM --platform=linux/amd64 ${BASE}\n", ("registry.lan:5000/cuda:12",)),
        ("FROM ${BASE:-debian}\n", ("debian",)),
        ("FROM a\nCOPY --from=evil.example/x:1 /x /x\nCOPY --from=0 /y /y\n", ("a", "evil.example/x:1")),
        ("FROM \\\n  alpine\n", ("alpine",)),
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
        ("# escape=`\nFROM a\nAD`\nD http://x /x\n", True),
        ("FROM a\nONBUILD ADD git@x:y /x\n", True),
        ("FROM a\nADD words.tar /x\nRUN echo ADD http://x\n", False),
    ],
)
def test_S10_what_the_engine_would_fetch_by_itself_is_seen(text: str, caught: bool) -> None:
    assert bool(fetches(text)) is caught
