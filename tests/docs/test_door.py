"""What docs/operating.md says of the page for others, on a real page: users, tokens, TLS, and what is refused."""

import os
import re
import shlex
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from state.server.setup import init
from tests.browser.house import COMMAND, _free_port

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operating.md").read_text()
HANG = 60.0


def line(beginning: str) -> str:
    found = re.search(rf"^{re.escape(beginning)}.*$", PAGE, re.MULTILINE)
    assert found, beginning
    return found[0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    init(tmp_path / "lab.git", bare=True, files={"winslow.yaml": "schema: 1\n"}, author="a <a@b.org>")
    return tmp_path / "data"


def run(data: Path, words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *shlex.split(words)[1:]]
    environment = {**os.environ, "WINSLOW_REPO": str(data.parent / "lab.git"), "WINSLOW_DATA": str(data)}
    return subprocess.run(command, cwd=ROOT, env=environment, input=given, capture_output=True, text=True, check=False,
                          timeout=HANG)  # fmt: skip


def test_S7_users_and_tokens_are_made_as_the_page_says_and_let_in_over_tls(data: Path, tmp_path: Path) -> None:
    refused = run(data, "winslowctl web --address 0.0.0.0:9443")
    assert refused.returncode == 2
    assert "there is nobody yet who could log in" in refused.stderr
    added = run(data, line("winslowctl web users add ada") + " --password-stdin", "correct horse battery\n")
    assert added.returncode == 0, added.stderr
    assert "in the clear" in run(data, "winslowctl web --address 0.0.0.0:9443").stderr
    token = run(data, line("winslowctl web tokens add nightly").partition(" >")[0]).stdout.strip()
    screen = run(data, line("winslowctl web tokens add corridor"))
    assert screen.stdout.startswith("winslow_corridor_")
    assert "/wall?token=" in screen.stderr
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    (data / "web" / "web.yaml").write_text(f"tls: {{certificate: {tmp_path}/cert.pem, key: {tmp_path}/key.pem}}\n")
    port = _free_port()
    with (tmp_path / "log").open("wb") as log:
        page = subprocess.Popen(
            [*COMMAND, "--repo", str(tmp_path / "lab.git"), "--data", str(data), "web", "--address", f"0.0.0.0:{port}"],
            cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        url = f"https://localhost:{port}"
        _until(url, trust, tmp_path / "log")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{url}/nodes", context=trust, timeout=HANG)
        asked = urllib.request.Request(f"{url}/nodes", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, context=trust, timeout=HANG) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{url}/login", context=trust, timeout=HANG) as answer:
            assert "Secure" in answer.headers["set-cookie"]
    finally:
        page.terminate()
        page.wait(HANG)


def _until(url: str, trust: ssl.SSLContext, log: Path) -> None:
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", context=trust, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(log.read_text())


def test_no_password_is_asked_for_where_nobody_can_type(data: Path) -> None:
    answer = run(data, "winslowctl web users add ada --mail ada@example.org")
    assert answer.returncode == 2
    assert "--password-stdin" in answer.stderr
