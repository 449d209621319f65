"""What a shell offers while somebody types: names as last seen, and nothing at all where none were."""

from collections.abc import Callable

import pytest

from cli import completion, settings
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage


def test_ids_and_names_are_completed_from_what_was_last_seen(
    lab: Callable[..., Lab], command: Callable[[Lab], Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    ctl = command(lab(stage("one")))
    settings.CURRENT.clear()
    assert completion.projects("") == [], "nothing was seen yet, and no server is asked"
    ctl("ps")
    assert (completion.projects("v"), completion.projects("x")) == (["v"], [])
    assert completion.pipelines("") == ["p"]
    monkeypatch.delenv("WINSLOW_REPO")
    assert completion.nodes("") == []
