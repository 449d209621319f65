"""Users, tokens, sessions and the page's own file, each by itself."""

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schema.access import Role
from schema.errors import DocumentError
from webui.access.config import LOCAL, PageConfig, WrongConfig, config_of, refuse_open_door
from webui.access.record_file import CannotChange
from webui.access.sessions import Claims, Sessions
from webui.access.tokens import Tokens
from webui.access.users import Users
from webui.asgi.serve import _secret, hosts

WORDS = "correct horse battery"


def test_S7_a_user_is_known_by_their_password_alone(tmp_path: Path) -> None:
    users = Users(tmp_path)
    users.put("ada", "ada@example.org", "Ada Lovelace", WORDS)
    found = users.check("ada", WORDS)
    assert found
    assert found.author == "Ada Lovelace <ada@example.org>"
    assert users.check("ada", WORDS + "x") is None
    assert users.check("eve", WORDS) is None
    assert users.check("", "") is None


def test_S8_no_password_and_no_token_is_kept_as_it_is(tmp_path: Path) -> None:
    Users(tmp_path).put("ada", "ada@example.org", "", WORDS)
    token = Tokens(tmp_path).make("nightly", "n <n@x.org>", Role.READER)
    for file in (tmp_path / "users.json", tmp_path / "tokens.json"):
        assert file.stat().st_mode & 0o077 == 0
        assert WORDS not in file.read_text()
        assert token.rpartition("_")[2] not in file.read_text()


@pytest.mark.parametrize(
    ("name", "address", "full", "password"),
    [
        ("Ada", "ada@example.org", "", WORDS),
        ("../ada", "ada@example.org", "", WORDS),
        ("ada", "nowhere", "", WORDS),
        ("ada", "a@b> <c@d", "", WORDS),
        ("ada", "ada@example.org", "Ada <x>", WORDS),
        ("ada", "ada@example.org", "Ada\nLovelace", WORDS),
        ("ada", "ada@example.org", "", "short"),
        ("ada", "ada@example.org", "", "x" * 2000),
    ],
)
def test_who_cannot_be_a_user_is_refused(tmp_path: Path, name: str, address: str, full: str, password: str) -> None:
    with pytest.raises(CannotChange):
        Users(tmp_path).put(name, address, full, password)
    assert not Users(tmp_path).all()


def test_S7_a_damaged_file_lets_nobody_in_and_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text('{"ada": {"hash"')
    with pytest.raises(CannotChange, match="damaged"):
        Users(tmp_path).check("ada", WORDS)
    with pytest.raises(CannotChange, match="damaged"):
        Users(tmp_path).put("eve", "eve@example.org", "", WORDS)
    assert (tmp_path / "users.json").read_text() == '{"ada": {"hash"'


def test_what_another_process_changed_counts_at_once(tmp_path: Path) -> None:
    here, there = Users(tmp_path), Users(tmp_path)
    assert not here.all()
    there.put("ada", "ada@example.org", "", WORDS)
    assert list(here.all()) == ["ada"]
    there.remove("ada")
    assert not here.all()
    with pytest.raises(CannotChange, match="web users ls"):
        there.remove("ada")


def test_S7_a_token_is_good_until_it_ends_or_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(tmp_path)
    text = tokens.make("nightly", "n <n@x.org>", Role.OPERATOR, 60.0)
    found = tokens.find(text)
    assert found
    assert (found.name, found.role) == ("nightly", "operator")
    assert tokens.find(text[:-1] + ("A" if text[-1] != "A" else "B")) is None
    assert tokens.find(text.replace("nightly", "other")) is None
    assert tokens.find("") is None
    with pytest.raises(CannotChange, match="already"):
        tokens.make("nightly", "n <n@x.org>", Role.ADMIN)
    now = time.time()
    monkeypatch.setattr("webui.access.tokens.time.time", lambda: now + 61)
    assert tokens.find(text) is None
    monkeypatch.undo()
    tokens.remove("nightly")
    assert tokens.find(text) is None


def test_S7_a_session_is_signed_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(b"secret", 60, tmp_path)
    claims = Claims("ada", "Ada <a@b.org>", tuple(f"group:{secrets.token_hex(20)}" for n in range(200)), "stamp")
    text = sessions.give(claims)
    assert len(text) < 4000, "a browser drops a larger cookie"
    found = sessions.read(text)
    assert found
    assert found.login == "ada"
    assert 40 < len(found.names) < 200
    assert Sessions(b"another", 60, tmp_path).read(text) is None
    assert sessions.read(text[:-2]) is None
    assert sessions.read("") is None
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + 120)
    assert sessions.read(text) is None


def test_S7_the_page_listens_beyond_loopback_only_once_somebody_can_log_in_and_nothing_is_in_the_clear() -> None:
    for host in LOCAL:
        refuse_open_door(host, PageConfig(), can_log_in=False)
    with pytest.raises(WrongConfig, match="nobody yet who could log in"):
        refuse_open_door("0.0.0.0", PageConfig(plain_http=True), can_log_in=False)
    with pytest.raises(WrongConfig, match="nobody yet who could log in"):
        refuse_open_door("127.0.0.1", PageConfig(url="https://winslow.lan"), can_log_in=False)
    with pytest.raises(WrongConfig, match="in the clear"):
        refuse_open_door("0.0.0.0", PageConfig(), can_log_in=True)
    with pytest.raises(WrongConfig, match="nobody yet who could log in"):
        refuse_open_door("127.0.0.1", PageConfig(hosts=("winslow.lan",)), can_log_in=False)
    refuse_open_door("0.0.0.0", PageConfig(plain_http=True), can_log_in=True)
    refuse_open_door("0.0.0.0", PageConfig(url="https://winslow.lan"), can_log_in=True)


def test_the_file_of_the_page_says_what_is_wrong_by_line_and_keeps_its_secret(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    assert config_of(file) == PageConfig()
    file.write_text("url: https://winslow.lan\nlogin: allways\n")
    with pytest.raises(DocumentError, match=r"web\.yaml:2:"):
        config_of(file)
    (tmp_path / "secret").write_text("s\n")
    file.write_text(f"oidc: {{issuer: http://gitlab.lan, client_id: a, client_secret_file: {tmp_path}/secret}}\n")
    with pytest.raises(DocumentError, match="by https only"):
        config_of(file)
    file.write_text(f"oidc: {{issuer: https://gitlab.lan, client_id: a, client_secret_file: {tmp_path}/secret}}\n")
    found = config_of(file).oidc
    assert found
    assert found.secret() == "s"


def test_S7_it_is_answered_under_the_names_that_were_given(tmp_path: Path) -> None:
    config = PageConfig(url="https://Winslow.lan:8443", hosts=("gpu-01.lan",))
    assert hosts("127.0.0.1", config) == LOCAL | {"winslow.lan", "gpu-01.lan"}
    assert "127.0.0.1" in hosts("0.0.0.0", PageConfig())
    assert "evil.example" not in hosts("0.0.0.0", PageConfig())


def test_a_file_with_fields_of_a_newer_version_is_damaged_rather_than_half_read(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text(json.dumps({"a": {"unknown": 1}}))
    with pytest.raises(CannotChange, match="damaged"):
        Tokens(tmp_path).all()


def test_S7_a_session_that_somebody_logged_out_of_is_good_for_nobody(tmp_path: Path) -> None:
    sessions = Sessions(b"secret", 60, tmp_path)
    one, other = (sessions.give(Claims("ada", "Ada <a@b.org>", ())) for _ in range(2))
    sessions.end(one)
    assert Sessions(b"secret", 60, tmp_path).read(one) is None
    assert sessions.read(other)
    sessions.end("rubbish")


def test_two_who_add_users_at_once_lose_none(tmp_path: Path) -> None:
    def add(name: str) -> None:
        Users(tmp_path).put(name, f"{name}@example.org", "", WORDS)

    names = [f"u{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, names))
    assert sorted(Users(tmp_path).all()) == names


def test_S7_a_half_written_secret_signs_nothing(tmp_path: Path) -> None:
    assert len(_secret(tmp_path / "secret")) == 32
    (tmp_path / "half").touch()
    with pytest.raises(WrongConfig, match="damaged"):
        _secret(tmp_path / "half")
