"""Which addresses are taken, and how they are shown."""

from pathlib import Path

import pytest

from state.transport import credentials, urls

TAKEN = [
    "https://git.example.org/group/state.git",
    "https://ada:secret@git.example.org:8443/x.git",
    "http://127.0.0.1:3000/x",
    "ssh://git@git.example.org:2222/x.git",
    "ssh://[::1]/x",
    "git@git.example.org:group/state.git",
    "git.example.org:x.git",
    "file:///srv/state.git",
    "/srv/state.git",
]


@pytest.mark.parametrize("url", TAKEN)
def test_usual_addresses_are_taken_as_they_are(url: str) -> None:
    assert urls.check(url) == url


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert urls.check("state.git") == str(tmp_path / "state.git")
    (tmp_path / "a:b").mkdir()
    assert urls.check("a:b") == str(tmp_path / "a:b")


REFUSED = [
    "", "-x", "--upload-pack=x", "ext::sh -c x", "fd::1", "git://h/x", "ftp://h/x", "javascript:alert(1)//x\n", "http://",
    "https://-x/y", "ssh://-oProxyCommand=x/y", "ssh://a@-b/y", "file://host/x", "a@h:-x", "-a@h:x", "h::x", "x\0y",
    "https://h/%0ax", "https://h/a b", "x" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_S4_everything_else_is_refused(url: str) -> None:
    with pytest.raises(urls.BadUrl):
        urls.check(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:secret@h/x", "https://ada:…@h/x"),
        ("https://ada:se@cret@h/x", "https://ada:…@h/x"),
        ("https://token@h/x", "https://…@h/x"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("https://h/x", "https://h/x"),
        ("git@h:x", "git@h:x"),
    ],
)
def test_S8_passwords_are_not_shown(url: str, shown: str) -> None:
    assert urls.shown(url) == shown


def test_S8_what_git_says_is_cleared_of_the_password() -> None:
    said = credentials.without_secrets("fatal: https://ada:se%2Fcret@h/x: no (se/cret)", "https://ada:se%2Fcret@h/x")
    assert said == "fatal: https://ada:…@h/x: no (…)"
    assert credentials.without_secrets("git@h", "ssh://git@h/x") == "git@h"


def test_S8_a_bad_address_is_named_without_its_password() -> None:
    with pytest.raises(urls.BadUrl) as caught:
        urls.check("ftp://ada:secret@h/x")
    assert "secret" not in str(caught.value)


def test_only_repositories_on_this_machine_have_a_folder() -> None:
    assert urls.local_path("file:///srv/x") == urls.local_path("/srv/x") == Path("/srv/x")
    assert urls.local_path("https://h/srv/x") is None
    assert urls.local_path("git@h:/srv/x") is None
