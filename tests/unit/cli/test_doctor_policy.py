"""`doctor` tells of the policy that is in force, wherever its file lies."""

from pathlib import Path

import pytest

from cli import doctor, settings
from controller.grants import policy_file


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The copy that a node keeps of its policy, on a machine without a file at the usual place."""
    monkeypatch.setattr(policy_file, "USUAL", tmp_path / "none.yaml")
    monkeypatch.setattr(settings, "data", lambda: tmp_path)
    (tmp_path / "node").mkdir(mode=0o700)
    return tmp_path / "node" / "policy.yaml"


def test_I3_without_any_policy_stages_get_least_rights(kept: Path) -> None:
    assert doctor._policy() == ("policy", "ok", f"no {policy_file.USUAL}: stages get least rights, and nothing else")


def test_I3_a_policy_at_another_place_is_not_called_none(kept: Path) -> None:
    kept.write_text("limits: {memory: 1GiB}\n")
    kept.chmod(0o600)
    assert doctor._policy() == ("policy", "ok", "what `node --policy` named is in force")
    kept.write_text("dangerous: true\nprivileged: true\n")
    assert doctor._policy()[1] == "warn"


def test_I3_the_usual_file_counts_before_the_copy(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = kept.parent / "usual.yaml"
    usual.write_text("limits: {memory: 1GiB}\n")
    usual.chmod(0o600)
    kept.write_text("dangerous: true\nprivileged: true\n")
    monkeypatch.setattr(policy_file, "USUAL", usual)
    assert doctor._policy() == ("policy", "ok", f"{usual} can be taken")
