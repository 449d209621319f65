"""Who a node is to a server: a token for HTTP and a key for SSH from files, refused, replaced, and never shown."""

import subprocess
from pathlib import Path

import pytest

from state.contract.errors import CredentialsRefused
from state.contract.repository import Landed, Rejected, Rejection
from state.git.git_repository import GitRepository
from state.git.heartbeat_probe import probe
from state.transport import command, credentials
from tests.docs.pages import ROOT, blocks
from tests.integration.git.remotes import claim, remote
from tests.servers.http import PASSWORD, USER, HttpServer
from tests.servers.ssh import SshServer


def test_F17_a_token_that_expired_is_told_apart_and_a_new_one_works_at_once(tmp_path: Path, http: HttpServer) -> None:
    one = GitRepository(http.url(remote(tmp_path)), tmp_path / "one.git")
    base = one.fetch()
    http.admit("another")
    with pytest.raises(CredentialsRefused):
        one.fetch()
    outcome = one.swap(base, [claim(1)], node="n")
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.CREDENTIALS
    http.give("another")
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)


def test_F17_a_key_that_was_taken_out_is_told_apart_and_works_once_it_is_back(tmp_path: Path, ssh: SshServer) -> None:
    one = GitRepository(ssh.url(remote(tmp_path)), tmp_path / "one.git")
    base = one.fetch()
    ssh.authorise("other")
    with pytest.raises(CredentialsRefused):
        one.fetch()
    outcome = one.swap(base, [claim(1)], node="n")
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.CREDENTIALS
    ssh.authorise("key")
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)


def test_a_server_with_another_host_key_is_not_talked_to(tmp_path: Path, ssh: SshServer) -> None:
    known = ssh.folder / "known"
    right = known.read_text()
    known.write_text(right.replace(right.split()[2], (ssh.folder / "other.pub").read_text().split()[1]))
    try:
        with pytest.raises(CredentialsRefused, match="HOST IDENTIFICATION HAS CHANGED"):
            GitRepository(ssh.url(remote(tmp_path)), tmp_path / "one.git").fetch()
    finally:
        known.write_text(right)


@pytest.mark.parametrize("content", ["", "wrong", "node:wrong", "a:b:c", "$(touch canary)", "`touch canary`:x", "%s%n"])
def test_S8_a_token_is_text_and_nothing_else(tmp_path: Path, http: HttpServer, content: str) -> None:
    http.token.write_text(content)
    with pytest.raises(CredentialsRefused):
        GitRepository(http.url(remote(tmp_path)), tmp_path / "one.git").fetch()
    assert http.token.read_text() == content, "git takes refused tokens out of its own store"
    assert not Path("canary").exists()
    assert not Path("/canary").exists()


def test_a_token_is_written_as_docs_operating_says(
    tmp_path: Path, http: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [block] = [block for block in blocks(ROOT / "docs" / "operating.md") if "WINSLOW_TOKEN_FILE" in block.text]
    text = block.text.replace("/etc/winslow", str(tmp_path)).replace("gpu-01:glpat-…", f"{USER}:{PASSWORD}")
    done = subprocess.run(
        ["sh", "-ec", f"{text}\necho $WINSLOW_TOKEN_FILE"], capture_output=True, text=True, check=True
    )
    file = Path(done.stdout.strip())
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv(credentials.TOKEN, str(file))
    assert GitRepository(http.url(remote(tmp_path)), tmp_path / "one.git").fetch().settings.name == "lab"


def test_a_token_may_hold_any_signs(tmp_path: Path, http: HttpServer) -> None:
    http.admit("b c$%'\\")
    http.give("b c$%'\\")
    assert GitRepository(http.url(remote(tmp_path)), tmp_path / "one.git").fetch().settings.name == "lab"


@pytest.mark.parametrize(
    "written", ["\ufeff{}\n", "\n\n{}\n", "{}", "  {}  \r\n", "\ufeff\r\n \n{}\r\nanother\n"], ids=repr
)
def test_a_token_file_may_be_written_by_any_editor(tmp_path: Path, http: HttpServer, written: str) -> None:
    http.token.write_text(written.format(http.token.read_text().strip()))
    assert GitRepository(http.url(remote(tmp_path)), tmp_path / "one.git").fetch().settings.name == "lab"


def test_a_token_file_without_a_token_says_so(tmp_path: Path, http: HttpServer) -> None:
    http.token.write_text("\n \n")
    with pytest.raises(CredentialsRefused, match=f"the token file {http.token} holds no token"):
        GitRepository(http.url(remote(tmp_path)), tmp_path / "one.git").fetch()


def test_a_token_file_that_is_away_is_a_refusal(tmp_path: Path, http: HttpServer) -> None:
    http.token.unlink()
    with pytest.raises(CredentialsRefused, match=rf"credentials: the token file {http.token} cannot be read"):
        GitRepository(http.url(remote(tmp_path)), tmp_path / "one.git").fetch()
    assert not probe(http.url(tmp_path / "remote.git")).good


def test_S8_a_token_goes_to_its_own_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(credentials.TOKEN, "/token")
    [_, reset, _, helper] = credentials.settings("https://bob@git.example.org:8443/x.git")
    assert reset == "credential.helper="
    assert helper.startswith("credential.https://git.example.org:8443.helper=!")
    assert not credentials.settings("ssh://git@example.org/x")
    monkeypatch.delenv(credentials.TOKEN)
    assert not credentials.settings("https://git.example.org/x.git")


def test_S8_a_password_in_the_address_is_in_no_message(tmp_path: Path, http: HttpServer) -> None:
    http.token.unlink()
    url = http.url(remote(tmp_path)).replace("://", "://node:wr0ng-one@")
    one = GitRepository(url, tmp_path / "one.git")
    with pytest.raises(CredentialsRefused) as caught:
        one.fetch()
    done = command.git(["ls-remote", "--", url], folder=one.path, timeout=30, url=url)
    assert done.code != 0
    assert "wr0ng-one" not in f"{caught.value}{done.err}{probe(url).text}"


def test_a_password_in_the_address_works(tmp_path: Path, http: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(credentials.TOKEN)
    url = http.url(remote(tmp_path)).replace("://", f"://node:{PASSWORD}@")
    one = GitRepository(url, tmp_path / "one.git")
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)
    written = [file for file in one.path.rglob("*") if file.is_file() and PASSWORD.encode() in file.read_bytes()]
    assert written == []
