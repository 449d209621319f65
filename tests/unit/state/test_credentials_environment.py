"""What people set for git, curl or Python to trust a certificate or to go through a proxy reaches git."""

import pytest

from state.transport import command, credentials


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*credentials.PASSED, *credentials.PROXIES, *credentials.AUTHORITIES):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", [*credentials.PASSED, *credentials.PROXIES])
def test_gits_own_variables_reach_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/etc/lab")
    assert command.environment()[name] == "/etc/lab"


@pytest.mark.parametrize("name", credentials.AUTHORITIES)
def test_a_file_of_certificates_for_others_counts_for_git(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/etc/lab.pem")
    assert command.environment()["GIT_SSL_CAINFO"] == "/etc/lab.pem"
    monkeypatch.setenv("GIT_SSL_CAINFO", "/etc/git.pem")
    assert command.environment()["GIT_SSL_CAINFO"] == "/etc/git.pem"


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_SSH", "GIT_EXEC_PATH", "LD_PRELOAD"]
)
def test_what_changes_what_git_does_does_not_reach_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/canary")
    assert name not in command.environment()


def test_the_password_of_a_proxy_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://ada:se%2Fcret@proxy:3128")
    said = credentials.without_secrets(
        "fatal: could not connect to http://ada:se%2Fcret@proxy:3128 (se/cret)", "https://h/x"
    )
    assert "cret" not in said
