"""Names for repositories: what is stronger than what."""

from pathlib import Path

import pytest

from cli import settings
from schema.errors import DocumentError
from tests.integration.cli.command import Command


@pytest.fixture
def ctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in ("WINSLOW_REPO", "WINSLOW_DATA", "WINSLOW_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    settings.CURRENT.clear()
    return Command()


def test_the_first_context_is_used_until_another_one_is(ctl: Command) -> None:
    ctl("context", "add", "lab", "--repo", "ssh://git@server/lab.git", "--data", "/srv/winslow")
    ctl("context", "add", "other", "--repo", "https://ada:secret@server/other.git")
    settings.CURRENT.clear()
    assert (settings.repo_url(), str(settings.data())) == ("ssh://git@server/lab.git", "/srv/winslow")
    ctl("context", "use", "other")
    rows = {row["context"]: row for row in ctl.json("context", "ls")}
    assert {name: row["used"] for name, row in rows.items()} == {"lab": False, "other": True}
    assert "secret" not in ctl("context", "ls")
    settings.CURRENT.clear()
    assert settings.repo_url() == "https://ada:secret@server/other.git"


def test_an_option_is_stronger_than_a_variable_and_that_than_a_context(
    ctl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctl("context", "add", "lab", "--repo", "ssh://git@server/lab.git", "--data", "/srv/winslow")
    settings.CURRENT.clear()
    monkeypatch.setenv("WINSLOW_REPO", "ssh://git@server/variable.git")
    assert settings.repo_url() == "ssh://git@server/variable.git"
    assert str(settings.data()) != "/srv/winslow", "a context's data is for its repository"
    settings.CURRENT.context = "lab"
    assert (settings.repo_url(), str(settings.data())) == ("ssh://git@server/lab.git", "/srv/winslow")
    settings.CURRENT.repo = "ssh://git@server/option.git"
    assert settings.repo_url() == "ssh://git@server/option.git"


def test_a_context_that_is_not_there_names_the_nearest(ctl: Command) -> None:
    ctl("context", "add", "garage", "--repo", "ssh://git@server/lab.git")
    assert "did you mean 'garage'?" in ctl("context", "use", "garrage", code=1)
    assert "`winslowctl context add NAME --repo URL`" in ctl("context", "add", "x", code=2)
    ctl("context", "rm", "garage")
    assert "which state repository?" in ctl("ps", code=1)


def test_a_mistake_in_the_file_is_told_at_its_place(ctl: Command, tmp_path: Path) -> None:
    (tmp_path / "config/winslow").mkdir(parents=True)
    (tmp_path / "config/winslow/config.yaml").write_text("curent: lab\n")
    with pytest.raises(DocumentError, match=r"config.yaml:1:1: .*'current'"):
        settings.repo_url()
