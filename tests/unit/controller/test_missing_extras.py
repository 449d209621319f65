"""A node goes on without what is not installed."""

from pathlib import Path

import pytest

from controller.node.missing_extras import without_missing
from controller.node.options import NodeOptions
from runner import extras

ASKED = NodeOptions(
    repo="lab.git", name="n", data=Path("d"), peer="n:1", bucket="s3://b/p", notify=Path("notify.yaml"), poll=1.0
)


def test_N2_a_node_goes_on_without_what_is_not_installed_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    told: list[str] = []
    kept = without_missing(ASKED, told.append)
    assert (kept.peer, kept.bucket, kept.notify, kept.poll) == (None, None, None, 1.0)
    assert [text.partition(" ")[0] for text in told] == ["--peer", "--bucket", "--notify"]
    assert all("install" in text and "[node]" in text for text in told)


def test_N2_what_is_installed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: module)
    told: list[str] = []
    assert without_missing(ASKED, told.append) == ASKED
    assert told == []
