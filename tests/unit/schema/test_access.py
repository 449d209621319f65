"""`access` in winslow.yaml: who is meant by which word."""

import pytest

from schema.access import Access, Role, fits
from schema.binding import read
from schema.errors import DocumentError
from schema.node import Settings


@pytest.mark.parametrize(
    ("who", "name", "meant"),
    [
        ("*", "mail:ada@example.org", True),
        ("user:ada", "user:ada", True),
        ("user:ada", "user:adam", False),
        ("user:ada", "ada", False),
        ("user:ada", "mail:user:ada", False),
        ("group:lab", "mail:group:lab/x@evil.example", False),
        ("group:lab", "group:lab", True),
        ("group:lab", "group:lab/traffic", True),
        ("group:lab", "group:laboratory", False),
        ("group:lab/traffic", "group:lab", False),
        ("ada@example.org", "mail:Ada@Example.org", True),
        ("ada@example.org", "mail:eve@example.org", False),
        ("*@example.org", "mail:eve@example.org", True),
        ("*@example.org", "mail:eve@evil-example.org", False),
        ("*@example.org", "mail:eve@sub.example.org", False),
        ("*@example.org", "group:x@example.org", False),
        ("kim@lab.org", "mail:\u212aim@lab.org", False),
    ],
)
def test_S7_a_word_means_exactly_whom_it_says(who: str, name: str, meant: bool) -> None:
    assert fits(who, name) is meant


def test_S7_the_highest_role_counts_and_without_any_there_is_none() -> None:
    access = Access(reader=("*@example.org",), operator=("group:lab",), admin=("user:ada",))
    assert access.role(["mail:eve@example.org"]) is Role.READER
    assert access.role(["mail:eve@example.org", "group:lab/traffic"]) is Role.OPERATOR
    assert access.role(["user:ada", "mail:ada@example.org"]) is Role.ADMIN
    assert access.role(["mail:mallory@evil.org"]) is Role.NOBODY
    assert access.role([]) is Role.NOBODY
    assert not Access().said


@pytest.mark.parametrize("who", ["", "ada", "group:", "user:Ada", "@example.org", "a b@example.org", "**", "*@*"])
def test_what_means_nobody_is_refused_with_its_line(who: str) -> None:
    with pytest.raises(DocumentError, match=r"winslow\.yaml:2:"):
        read(Settings, f"schema: 1\naccess: {{admin: ['{who}']}}\n", "winslow.yaml")
