"""S8: no form of a secret is left in what is told of a run."""

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.grants.run_grants import concealed
from flow.node.node_world import ExecutionEnd
from runner.docker.docker_log import LogFrame, Writer
from runner.secrets.masking import Masker
from runner.secrets.node_secrets import BadSecret, NodeSecrets
from schema.execution import Result, State

SECRET = b"pa$$ word/1+2=\xc3\xbc&x"
KEY = b"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----\n"


@pytest.mark.parametrize("secret", [SECRET, KEY, b"x" * 100, b"12345678"])
@pytest.mark.parametrize(
    "form",
    [
        lambda s: s,
        lambda s: base64.b64encode(s),
        lambda s: base64.b64encode(s + b"\n"),
        lambda s: base64.urlsafe_b64encode(s),
        lambda s: base64.b64encode(b"u:" + s),
        lambda s: base64.b64encode(b"user:" + s + b"@host"),
        lambda s: quote(s, safe="").encode(),
        lambda s: quote(s).encode(),
        lambda s: quote_plus(s).encode(),
        lambda s: json.dumps(s.decode()).encode(),
        lambda s: json.dumps(s.decode(), ensure_ascii=False).encode(),
        lambda s: s.hex().encode(),
    ],
)
def test_S8_no_form_of_a_secret_is_left(secret: bytes, form: object) -> None:
    told = form(secret)  # type: ignore[operator]
    masked = Masker([secret]).mask(b"before " + told + b" after")
    assert b"[MASKED]" in masked
    assert told not in masked
    middle = told[4:-4]
    assert not [at for at in range(len(middle) - 12) if middle[at : at + 12] in masked]


def test_S8_base64_as_tools_wrap_it_is_hidden_line_by_line() -> None:
    secret = bytes(range(1, 200))
    for line in base64.encodebytes(secret).splitlines():
        assert Masker([secret]).mask(line).rstrip(b"=") == b"[MASKED]"


def test_what_is_not_secret_stays() -> None:
    text = b"epoch 12 loss 0.5 [========] 100%"
    assert Masker([SECRET]).mask(text) == text
    assert not Masker([])


@given(st.integers(0, 30), st.integers(0, 30))
def test_S8_a_secret_that_a_break_cuts_is_hidden(before: int, after: int) -> None:
    masker, secret = Masker([b"correct-horse-battery"]), b"correct-horse-battery"
    line = b"." * before + secret + b"." * after
    for at in range(1, len(line)):
        told = masker.mask(line[:at], whole=False) + masker.mask(line[at:], continued=True)
        assert not [n for n in range(len(secret) - 4) if secret[n : n + 5] in told.replace(b"[MASKED]", b"|")]


def test_S8_the_log_of_a_run_holds_no_secret_that_came_in_two_frames(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "TOKEN").write_bytes(b"correct-horse-battery")
    writer = Writer(tmp_path, 1 << 20)
    assert writer.lock()
    writer.add(
        [
            LogFrame(1, "O", b"x" * 100 + b"correct-hor", False),
            LogFrame(2, "O", b"se-battery and more", True),
            LogFrame(3, "E", b"Authorization: Basic " + base64.b64encode(b"me:correct-horse-battery"), True),
        ]
    )
    writer.close()
    log = (tmp_path / "log").read_text()
    assert log.count("[MASKED]") == 3
    assert not [part for part in ("correct", "horse", "battery") if part in log]
    assert log.splitlines()[1].endswith(" and more")


def test_S8_a_piece_from_the_middle_of_a_long_secret_is_hidden() -> None:
    secret = b"".join(b"%05d" % n for n in range(12_000))
    masker, piece = Masker([secret]), 16 * 1024
    pieces = [secret[at : at + piece] for at in range(0, len(secret), piece)]
    told = [masker.mask(each, continued=n > 0, whole=each is pieces[-1]) for n, each in enumerate(pieces)]
    assert set(told) == {b"[MASKED]"}
    assert masker.mask(b"not secret", continued=True, whole=False) == b"not secret"


@pytest.mark.parametrize(
    ("secret", "value"),
    [(b"12345678", 12345678), (b"12345678", -912345678), (b"0012345678", 12345678), (b"12345.500", 12345.5)],
)
def test_S8_a_number_that_is_written_like_a_secret_is_hidden(secret: bytes, value: float, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "PIN").write_bytes(secret)
    result = Result(values={"v": value, "n": [value, 7, True]}, metrics={"m": value, "loss": 0.5})
    ended = ExecutionEnd(
        container="c" * 32, project="p", execution=1, stage="s", state=State.SUCCEEDED, result=result, duration=12345678
    )
    told = concealed(tmp_path, ended)
    assert told.result
    assert "[MASKED]" in told.result.values["v"]
    assert told.result.values["n"][1:] == [7, True]
    assert told.result.metrics == {"loss": 0.5}
    assert told.duration == 12345678


def test_a_secret_is_kept_for_its_user_alone(tmp_path: Path) -> None:
    kept = NodeSecrets(tmp_path)
    kept.put("TOKEN", b"correct-horse")
    assert (kept.folder.stat().st_mode & 0o777, (kept.folder / "TOKEN").stat().st_mode & 0o777) == (0o700, 0o600)
    assert (kept.names(), kept.get("TOKEN")) == (frozenset({"TOKEN"}), b"correct-horse")
    assert (kept.remove("TOKEN"), kept.remove("TOKEN"), kept.names()) == (True, False, frozenset())


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("TOKEN", b"short", "fewer than 8"),
        ("TOKEN", b"with a \0 in it", "NUL"),
        ("TOKEN", b"x" * 70_000, "at most"),
        ("../TOKEN", b"long enough", "no name"),
    ],
)
def test_what_cannot_be_kept_or_hidden_is_refused(tmp_path: Path, name: str, value: bytes, why: str) -> None:
    with pytest.raises(BadSecret, match=why):
        NodeSecrets(tmp_path).put(name, value)


def test_a_command_gives_a_secret_and_says_nothing_of_it_where_it_fails(tmp_path: Path) -> None:
    kept = NodeSecrets(tmp_path)
    assert kept.get("TOKEN", ["/bin/echo", "from-a-vault"]) == b"from-a-vault"
    with pytest.raises(BadSecret, match="exit code 1"):
        kept.get("TOKEN", ["/bin/false"])
    with pytest.raises(BadSecret, match="gives nothing"):
        kept.get("TOKEN", ["/nonexistent"])
