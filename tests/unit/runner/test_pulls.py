"""B6: a pull that failed is told with the engine's own words, and never runs an old image instead."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner.contract.errors import EngineFailed, ImageUnavailable
from runner.contract.images import runnable
from runner.docker.engine import unusable
from runner.docker.pulls import fetched

DIGEST = "sha256:" + "a" * 64


class Api:
    def __init__(self, *lines: dict[str, object]) -> None:
        self.lines, self.logins = lines, list[object]()

    def pull(self, repository: str, *, auth_config: object, **_: object) -> Iterator[dict[str, object]]:
        self.logins.append(auth_config)
        return iter(self.lines)


def engine(*lines: dict[str, object]) -> Any:
    return SimpleNamespace(api=Api(*lines))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


def test_B6_an_error_in_the_middle_of_the_stream_is_told_in_the_engines_words() -> None:
    torn = engine({"status": "Pulling"}, {"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"})
    with pytest.raises(
        EngineFailed, match=r"^image 'r/i:1' cannot be pulled: unexpected EOF; its registry may be away"
    ):
        fetched(torn, "r/i:1")


def test_a_login_is_named_only_where_the_engine_speaks_of_one() -> None:
    with pytest.raises(ImageUnavailable, match="docker login"):
        fetched(engine({"error": "pull access denied for i"}), "i:1")


@pytest.mark.parametrize(
    "words",
    [
        "Get https://lan:5000/v2/: dial tcp 10.0.0.7:5000: connect: connection refused",
        "Get https://registry.lan/v2/: dial tcp: lookup registry.lan: Temporary failure in name resolution",
        "net/http: TLS handshake timeout",
        "received unexpected HTTP status: 503 Service Unavailable",
        "toomanyrequests: You have reached your pull rate limit",
        "filesystem layer verification failed for digest sha256:0",
    ],
)
def test_B6_a_registry_that_is_away_is_tried_again_and_is_no_fault_of_the_image(words: str) -> None:
    with pytest.raises(EngineFailed) as told:
        fetched(engine({"error": words}), "lan:5000/i:1")
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("manifest for lan:5000/i:1 not found: manifest unknown", "check its name"),
        ("no matching manifest for linux/amd64 in the manifest list entries", "check its name"),
        ("Get https://lan:5000/v2/: x509: certificate signed by unknown authority", "let the engine trust"),
        ("Get https://lan:5000/v2/: http: server gave HTTP response to HTTPS client", "insecure-registries"),
    ],
)
def test_B6_what_a_registry_says_no_to_is_final(words: str, remedy: str) -> None:
    with pytest.raises(ImageUnavailable, match=remedy):
        fetched(engine({"error": words}), "lan:5000/i:1")


def test_a_full_disk_of_the_engine_is_its_own_failure() -> None:
    with pytest.raises(EngineFailed, match="make room"):
        fetched(engine({"error": "write /var/lib/docker/tmp/x: no space left on device"}), "i:1")


def test_B6_what_was_pulled_is_known_by_the_digest_that_the_registry_gave() -> None:
    assert fetched(engine({"status": f"Digest: {DIGEST}"}), "lan:5000/i:1") == f"lan:5000/i@{DIGEST}"
    assert fetched(engine(), "lan:5000/i:1") == "lan:5000/i:1"


def test_a_renewed_login_is_seen_without_a_restart(home: Path) -> None:
    client = engine()
    fetched(client, "lan:5000/i:1")
    home.write_text(json.dumps({"auths": {"lan:5000": {"auth": "YWRhOnNlY3JldA=="}}}))
    fetched(client, "lan:5000/i:1")
    before, after = client.api.logins
    assert (before, after["username"], after["password"]) == ({}, "ada", "secret")


def test_a_helper_that_is_missing_keeps_nobody_from_an_open_registry(home: Path) -> None:
    home.write_text(json.dumps({"credsStore": "of-another-machine"}))
    client = engine()
    assert fetched(client, "lan:5000/i:1") == "lan:5000/i:1"
    client.api.lines = ({"error": "denied"},)
    with pytest.raises(ImageUnavailable, match="of-another-machine"):
        fetched(client, "lan:5000/i:1")


def test_an_image_for_another_processor_is_told_as_that() -> None:
    with pytest.raises(ImageUnavailable, match="is for riscv64, and this machine is amd64"):
        runnable("i:1", {"Architecture": "riscv64"}, "amd64")
    for found, machine in (({"Architecture": "amd64"}, "amd64"), ({}, "amd64"), ({"Architecture": "riscv64"}, "")):
        assert runnable("i:1", found, machine) is found


def test_an_image_whose_volume_would_swallow_results_is_refused() -> None:
    with pytest.raises(ImageUnavailable, match="VOLUME /workspace/out"):
        runnable("i:1", {"Config": {"Volumes": {"/workspace/out": {}}}}, "amd64")
    assert runnable("i:1", {"Config": {"Volumes": {"/workspace": {}, "/var/lib/x": {}}}}, "amd64")


@pytest.mark.parametrize(
    ("info", "version", "words"),
    [
        ({"SecurityOptions": ["name=rootless"]}, {}, "rootless"),
        ({}, {"Components": [{"Name": "Podman Engine"}]}, "Podman"),
        ({"OSType": "windows"}, {}, "windows"),
        ({"SecurityOptions": ["name=seccomp,profile=default"], "OSType": "linux"}, {"Components": []}, ""),
    ],
)
def test_an_engine_that_cannot_be_used_is_told_in_a_sentence(
    info: dict[str, object], version: dict[str, object], words: str
) -> None:
    found = unusable(info, version)
    assert words in found
    assert bool(found) == bool(words)
