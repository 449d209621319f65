"""Who may wake a node, and what is taken from them."""

import hashlib
import hmac
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from webui.access import hook_secret
from webui.asgi.hooks import LARGEST, Hook
from webui.source.nudges import Seldom


class Bench:
    def __init__(self, data: Path) -> None:
        self.woken = 0
        self.hook = Hook(data, self.wake)
        self.secret = hook_secret.read(self.hook.secret)
        self.server = TestClient(Starlette(routes=[self.hook.route()]))

    def wake(self) -> None:
        self.woken += 1

    def told(self, headers: dict[str, str], body: bytes = b"{}", path: str = hook_secret.PLACE) -> int:
        return self.server.post(path, content=body, headers=headers).status_code

    def signed(self, body: bytes) -> dict[str, str]:
        made = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return {"X-Hub-Signature-256": f"sha256={made}"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_whoever_knows_the_secret_wakes_the_node(bench: Bench) -> None:
    assert bench.told({"X-Gitlab-Token": bench.secret}) == 202
    assert bench.woken == 1
    assert bench.told({"Authorization": f"Bearer {bench.secret}"}) == 202
    assert bench.told(bench.signed(b"{}")) == 202


def test_S9_whoever_does_not_know_it_is_told_nothing(bench: Bench) -> None:
    wrong = [
        {},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": bench.secret[:-1]},
        {"X-Gitlab-Token": "ä"},
        {"Authorization": bench.secret},
        {"Authorization": f"Basic {bench.secret}"},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": f"sha256={bench.secret}"},
        {**bench.signed(b"other"), "X-Gitlab-Token": "x"},
    ]
    encoded = [{name: value.encode("latin-1") for name, value in each.items()} for each in wrong]
    assert {bench.told(each) for each in encoded} == {401}  # type: ignore[arg-type]
    assert bench.told({}, path=f"{hook_secret.PLACE}?token={bench.secret}") == 401
    assert bench.woken == 0


def test_only_post_is_understood(bench: Bench) -> None:
    assert bench.server.get(hook_secret.PLACE, headers={"X-Gitlab-Token": bench.secret}).status_code == 405


def test_of_a_signed_body_no_more_is_read_than_a_server_sends(bench: Bench) -> None:
    body = b"x" * (LARGEST + 1)
    assert bench.told(bench.signed(body), body) == 401


def test_a_flood_wakes_seldom(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hook.wake = Seldom(bench.wake, lambda: 5.0, lambda seconds, action: None)
    for _ in range(50):
        assert bench.told({"X-Gitlab-Token": bench.secret}) == 202
    assert bench.woken == 1


def test_the_secret_is_its_owners_and_stays(tmp_path: Path) -> None:
    path = hook_secret.make(tmp_path)
    before = hook_secret.read(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(before) >= 32
    assert hook_secret.read(hook_secret.make(tmp_path)) == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["", "\n", "short"])
def test_S9_an_empty_or_short_secret_opens_to_nobody(bench: Bench, text: str) -> None:
    bench.hook.secret.write_text(text)
    assert bench.told({"X-Gitlab-Token": text.strip()}) == 401
    assert bench.told({}) == 401


def test_another_secret_counts_at_once(bench: Bench) -> None:
    bench.hook.secret.write_text("another secret of the operator\n")
    assert bench.told({"X-Gitlab-Token": bench.secret}) == 401
    assert bench.told({"X-Gitlab-Token": "another secret of the operator"}) == 202
